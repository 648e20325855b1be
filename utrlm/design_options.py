"""The Click options of utrlm-design."""

import click

from utrlm.options import together

starts = click.option("--fasta", metavar="FILE|-", help="5' UTRs to begin with, instead of random ones.")
wishes = together(
    click.option("--maximise", multiple=True, metavar="COLUMN[:WEIGHT]", help="May be given again."),
    click.option("--minimise", multiple=True, metavar="COLUMN[:WEIGHT]", help="May be given again."),
    click.option("--target", multiple=True, metavar="COLUMN=VALUE[:WEIGHT]", help="May be given again."),
    click.option(
        "--tolerance", type=click.FloatRange(0), default=0.1, help="How far from a target's value is at target."
    ),
    click.option(
        "--caution",
        type=click.FloatRange(0),
        default=0.5,
        help="What a unit of doubt takes from a value, before the weight: of half the 90 % interval or, of several "
        "models for one column, of their standard deviation.",
    ),
)
constraints = together(
    click.option("--length", default="", metavar="LOW-HIGH", help="nt; without it all lengths trained on."),
    click.option(
        "--any-length",
        is_flag=True,
        help="Allow lengths that the models were not trained on, where they give no intervals.",
    ),
    click.option("--gc", default="0-1", metavar="LOW-HIGH", help="Share of G and C."),
    click.option("--five-prime", default="", metavar="LETTERS", help="First letters of every design."),
    click.option("--three-prime", default="", metavar="LETTERS", help="Last letters of every design."),
    click.option(
        "--following", default="ATG", metavar="LETTERS", help="What follows; motifs that reach into it are found."
    ),
    click.option(
        "--forbid-motif", multiple=True, metavar="IUPAC", help="Letters to avoid on this strand; may be given again."
    ),
    click.option(
        "--forbid-site",
        multiple=True,
        metavar="ENZYME",
        help="Restriction site to avoid, both strands; may be given again.",
    ),
    click.option("--no-uaug", is_flag=True, help="No upstream AUG."),
)
search = together(
    click.option("--number", type=click.IntRange(1, 100_000), default=100, help="Designs."),
    click.option("--rounds", type=click.IntRange(1), default=100, help="At most."),
    click.option(
        "--children",
        type=click.FloatRange(0, min_open=True),
        default=1.0,
        help="Predictions a round, for each sequence that is kept: the designs, or 50.",
    ),
    click.option("--min-distance", type=click.IntRange(1), default=5, help="Edits between any two designs, at least."),
    click.option("--seed", type=click.IntRange(0), default=0, help="The same seed gives the same designs."),
)
outputs = together(
    click.option("--table", metavar="FILE", help="Write a table of the designs (TSV)."),
    click.option("--trajectory", metavar="FILE", help="Write how the search went (TSV)."),
    click.option("--plot", metavar="FILE.svg|png", help="Draw how the search went (extra plots)."),
)
