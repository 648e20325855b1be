"""The Click options that several commands share, and the one place where errors become a line."""

import json
import signal
from collections.abc import Callable
from typing import Any

import click

import utrlm
from utrlm.errors import InputError, InterruptedRunError


class Command(click.Command):
    """Known errors end in one line and exit status 1; all else is a defect and shows its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            raise click.ClickException(f"needs {error.name}; install it with: {_install(error.name)}") from error
        except InterruptedRunError as error:
            say(str(error))
            ctx.exit(128 + signal.SIGTERM)
        except BrokenPipeError:
            ctx.exit(1)


def _install(module: str | None) -> str:
    """The command that brings a missing module."""
    top = (module or "").split(".")[0]
    extra = {"torch": "[train]", "onnx": "[train]", "pandas": "[evaluate]", "scipy": "[evaluate]", "pysam": "[genome]"}
    return f"pip install 'utrlm{ {'pyarrow': '[parquet]', **extra}.get(top, '') }'"


def command(epilog: str) -> Callable[[Callable[..., Any]], click.Command]:
    """A command with the house's defaults; `epilog` holds its examples, one a paragraph line."""

    def wrap(function: Callable[..., Any]) -> click.Command:
        settings = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}
        made = click.command(cls=Command, epilog="\b\n" + epilog, context_settings=settings)(function)
        return click.option(
            "--version", is_flag=True, expose_value=False, is_eager=True, callback=show_version, help="Show versions."
        )(made)

    return wrap


def show_version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    """Our version, and those of the libraries that a number passes through."""
    if wanted:
        import numpy
        import onnxruntime

        libraries = f"onnxruntime {onnxruntime.__version__}, numpy {numpy.__version__}"
        click.echo(f"{ctx.info_name}, version {utrlm.__version__} ({libraries})")
        ctx.exit()


def say(message: str) -> None:
    """One line for the person at the terminal."""
    click.echo(message, err=True)


def show(values: Any) -> None:
    """Machine-readable output."""
    click.echo(json.dumps(values, indent=2))


def say_counts(counts: dict[str, int]) -> None:
    """What became of the input, on one line."""
    say("; ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "nothing was read")


class CommaList(click.ParamType):
    """Names divided by commas."""

    name = "name,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Split, and drop what is empty."""
        return value if isinstance(value, list) else [part.strip() for part in value.split(",") if part.strip()]


fasta = click.option("--fasta", metavar="FILE|-", help="FASTA of 5' UTRs, plain or gzipped; - reads standard input.")
fastas = click.option(
    "--fasta", "fastas", required=True, multiple=True, metavar="FILE", help="FASTA of 5' UTRs; may be given again."
)
preset = click.option(
    "--preset",
    type=click.Choice(["tiny", "nano", "micro", "mega", "giga"]),
    default="tiny",
    help="Size of the backbone; tiny suits a CPU.",
)
random_utrs = click.option(
    "--random", "random_utrs", type=click.IntRange(0), default=0, help="Random UTRs of 25 to 100 nt to add."
)
sequence = click.option("--sequence", metavar="LETTERS", help="One 5' UTR, instead of a FASTA.")
output = click.option("--output", required=True, metavar="FILE|-", help="Where to write; - is standard output.")
tasks = click.option(
    "--tasks", type=CommaList(), default="", help="Shipped models to predict with; empty means the default ones."
)
models = click.option(
    "--models", multiple=True, metavar="FILE", help="A model file of your own (.onnx); may be given again."
)
device = click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", help="Where to compute.")
cpus = click.option("--cpus", type=click.IntRange(0), default=0, help="Workers; 0 means all that are granted.")
batch_tokens = click.option(
    "--batch-tokens", type=click.IntRange(1), default=2048, help="Letters in a batch, padding included."
)
fold = click.option(
    "--fold", is_flag=True, help="Tell models of structure what thermodynamics (ViennaRNA, extra fold) says of pairs."
)
structures = click.option(
    "--structures",
    metavar="DIR",
    help="Also write structures.dbn and pairs.tsv (and, of one --sequence, structure.svg).",
)
if_any = click.option(
    "--if-any",
    is_flag=True,
    help="With --structures alone: no files where no model predicts any, and no error.",
)
shard_structures = click.option(
    "--structures-dir", metavar="DIR", help="Folder of the shards' folders of structures, <shard>.structures."
)
merged_structures = click.option("--structures", metavar="DIR", help="Where to put them together.")
ct = click.option("--ct", is_flag=True, help="With --structures: structures.ct, a connectivity table, as well.")
pseudoknots = click.option(
    "--pseudoknots", is_flag=True, help="With --structures: pairs that cross others as well, in square brackets."
)
form = click.option(
    "--format", "form", type=click.Choice(["tsv", "jsonl", "parquet"]), default="tsv", help="Of the table."
)
recipe = click.option("--recipe", required=True, metavar="FILE", help="How the model is made (TOML).")
data = click.option("--data", required=True, metavar="DIR", help="Folder that the recipe's tables lie in.")
either_recipe = click.option("--recipe", metavar="FILE", help="How the model is made (TOML); needs --data.")
either_data = click.option("--data", metavar="DIR", help="Folder that the recipe's tables lie in.")
table = click.option("--table", metavar="FILE", help="Your own CSV, TSV or Parquet table, instead of a recipe.")
name = click.option("--name", default="own", help="Of the model: the first part of its columns.")
own_task = click.option(
    "--task",
    type=click.Choice(["mrl", "te", "el", "splice", "structure"]),
    help="Whose kind of model --table trains; see docs/tables.md.",
)
labels = click.option(
    "--label-column", "labels", multiple=True, metavar="COLUMN", help="A column to learn; may be given again."
)
sequence_column = click.option("--sequence-column", "sequence", default="utr", help="Column of 5' UTRs.")
group_column = click.option(
    "--group-column", "group", default="", help="Column whose equal values stay in one split, such as the gene."
)
split_column = click.option(
    "--split-column", "split", default="", help="Column of train, valid, test; without it whole groups are drawn."
)
unit = click.option("--unit", default="", help="Of the label columns.")
epochs = click.option("--epochs", type=click.FloatRange(0, min_open=True), default=20.0, help="Times a row is seen.")
backbone = click.option(
    "--backbone", default="", metavar="NAME|FILE", help="To start from: mrl, backbone-tiny, or a file."
)
backbone_output = click.option(
    "--backbone-output", metavar="FILE", help="Write the backbone too (.safetensors), for other models to start from."
)
species = click.option("--species", default="human", help="Whose splice sites: human or arabidopsis.")
prior = click.option(
    "--prior", type=click.FloatRange(0, 500, min_open=True), default=1.0, help="Real sites of each kind a kilobase."
)
least = click.option("--least", type=click.FloatRange(0, 1), default=0.5, help="Smallest probability to write.")
site_model = click.option("--model", metavar="FILE", help="A site model of your own (.onnx).")
per = click.option("--per", type=click.Choice(["uaug", "record"]), default="uaug", help="What a row stands for.")
genome = click.option("--genome", required=True, metavar="FILE", help="Genome FASTA, plain or bgzipped.")
gtf = click.option("--gtf", required=True, metavar="FILE", help="Annotation of that genome, GTF or GFF3, plain or gz.")
select = click.option(
    "--select",
    type=click.Choice(["all", "mane", "canonical", "gene"]),
    default="all",
    help="Transcripts: all, MANE's, also Ensembl's canonical, or one a gene (MANE, canonical, longest CDS).",
)
file_output = click.option("--output", required=True, metavar="FILE", help="Where to write.")
vcf = click.option("--vcf", required=True, metavar="FILE|-", help="Variants: VCF, plain or bgzipped, or BCF.")
output_vcf = click.option(
    "--output-vcf", metavar="FILE.vcf.gz", help="Write the VCF too, annotated with INFO UTRLM, bgzipped and indexed."
)
haplotypes = click.option(
    "--haplotypes", is_flag=True, help="Add rows for alleles that a sample carries together on one chromosome."
)
bed = click.option("--bed", metavar="FILE", help="Write the UTRs as BED12 too.")
summary = click.option("--summary", metavar="FILE", help="Write the counts as a table too.")
sample = click.option("--sample", required=True, help="Name of this FASTA in file names and tables.")
shard_residues = click.option(
    "--shard-residues", type=click.IntRange(1), default=2_000_000, help="Letters after which a shard is closed."
)
output_dir = click.option("--output-dir", required=True, metavar="DIR", help="Folder to write to; made if missing.")
tables_dir = click.option("--tables-dir", required=True, metavar="DIR", help="Folder of the shards' tables.")
manifests = click.argument("manifests", nargs=-1, required=True, metavar="MANIFEST...")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
checkpoint_dir = click.option("--checkpoint-dir", required=True, metavar="DIR", help="Checkpoint and log.")
model = click.option("--model", metavar="FILE", help="An exported model (.onnx).")
either_checkpoint_dir = click.option("--checkpoint-dir", metavar="DIR", help="Checkpoint of that recipe.")
exported_backbone = click.option(
    "--backbone", metavar="NAME|FILE", help="A backbone to embed with, instead of a recipe: a shipped one or a file."
)
backbone_model = click.option(
    "--model", default="backbone-tiny", metavar="NAME|FILE", help="A shipped backbone or an exported one (.onnx)."
)
vectors_output = click.option("--output", required=True, metavar="FILE", help="FILE.npz or FILE.parquet.")
vectors_per = click.option(
    "--per", type=click.Choice(["sequence", "nucleotide"]), default="sequence", help="What a vector stands for."
)
folds = click.option("--folds", metavar="FILE", help="Out-of-fold predictions of a recipe with folds (.folds.tsv.gz).")
split = click.option("--split", type=click.Choice(["train", "valid", "test"]), default="test", help="Rows to score.")


def show_models(described: list[dict[str, Any]]) -> None:
    """A model a paragraph, a target a line."""
    for one in described:
        click.echo(f"{one['name']}  {one['kind']}, {one['shortest']} to {one['longest']} nt, {one['megabytes']} MB")
        click.echo(f"  {one['description']}")
        for target in one["targets"]:
            scores = ", ".join(f"{k} {v}" for k, v in target["test"].items())
            click.echo(f"  {target['column']}  [{target['unit']}]  {target['description']}")
            click.echo(f"    test: {scores or 'not measured'}")
