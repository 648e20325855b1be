"""Options of the scripts that tell of a run: its page and its crate."""

import click

predictions = click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="FILE",
    help="Table of predictions (TSV); may be given again: each is a sample then, called as its file is.",
)
named_sample = click.option("--sample", default="utrs", help="Whose rows they are, without a column that says it.")
transcript_counts = click.option("--counts", metavar="FILE", help="Counts of utrlm-extract (--summary).")
speeds_dir = click.option("--speeds-dir", metavar="DIR", help="Folder of files of utrlm-predict --speed.")
software = click.option("--software", multiple=True, metavar="NAME=VERSION", help="A tool to name; may be given again.")
workflow = click.option("--workflow", required=True, metavar="FILE", help="The pipeline, within the crate.")
inputs = click.option("--input", "inputs", multiple=True, metavar="FILE", help="What came in; may be given again.")
told_results = click.option(
    "--result",
    "results",
    multiple=True,
    metavar="FILE",
    help="Another result of the pipeline, by the name it has there (such as x.effects.tsv); may be given again.",
)
results = click.option(
    "--result", "results", multiple=True, metavar="FILE", help="What was made, in the crate; may be given again."
)
parameters = click.option(
    "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A setting; may be given again."
)
