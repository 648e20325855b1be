"""The Click options that several commands share, and the one place where errors become a line."""

import json
import signal
from collections.abc import Callable
from typing import Any

import click

import utrlm
from utrlm.errors import InputError, InterruptedRunError
from utrlm.files import check_inputs_stay
from utrlm.stopping import ended_by_sigterm

LONGEST_MESSAGE = 2000  # characters; an id may be of any length


class Command(click.Command):
    """Known errors and SIGTERM end in one line, status 1 or 143; all else is a defect and shows its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            check_inputs_stay(ctx.params)
            with ended_by_sigterm():
                return super().invoke(ctx)
        except InputError as error:
            raise click.ClickException(one_line(str(error))) from error
        except InterruptedRunError as error:
            say(one_line(str(error)))
            ctx.exit(128 + signal.SIGTERM)
        except ModuleNotFoundError as error:
            raise click.ClickException(f"needs {error.name}; install it with: {_install(error.name)}") from error
        except MemoryError as error:
            raise click.ClickException("out of memory") from error
        except ImportError as error:  # a library that is there and cannot be loaded, for want of memory as well
            raise click.ClickException(one_line(f"a library cannot be loaded: {error.__cause__ or error}")) from error
        except BrokenPipeError:
            ctx.exit(1)
        except OSError as error:  # no space, no permission, a folder that is a file
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(one_line(f"{where}{error.strerror or error}")) from error


def one_line(message: str) -> str:
    """A message without line ends or other control characters, whatever a user's file held, and of bounded length."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message.strip())
    return shown if len(shown) <= LONGEST_MESSAGE else shown[:LONGEST_MESSAGE] + " ..."


def _install(module: str | None) -> str:
    """The command that brings a missing module."""
    top = (module or "").split(".")[0]
    extra = {"torch": "[train]", "onnx": "[train]", "tensorboardX": "[tensorboard]", "pandas": "[evaluate]"}
    extra |= {"scipy": "[evaluate]", "pysam": "[genome]", "pyarrow": "[parquet]"}
    extra |= {"matplotlib": "[plots]", "logomaker": "[plots]", "rapidfuzz": "[design]"}
    return f"pip install 'utrlm{extra.get(top, '')}'"


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


def say_counts(counts: dict[str, int], source: str | None) -> None:
    """What became of the input, on one line. `source`: its name, for the case that it held nothing."""
    told = "; ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    if told:
        say(told)
    else:
        say_empty(source)


def say_empty(source: str | None) -> None:
    """The line of every command whose input held no records; the output has a header alone, and nothing is wrong."""
    say(f"warning: {'standard input' if source == '-' else source} holds no records")


def together(*some: Callable[..., Any]) -> Callable[..., Callable[..., Any]]:
    """Several options as one decorator, in the order of the help."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        for one in reversed(some):
            function = one(function)
        return function

    return wrap


class CommaList(click.ParamType):
    """Names divided by commas."""

    name = "name,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Split, and drop what is empty."""
        return value if isinstance(value, list) else [part.strip() for part in value.split(",") if part.strip()]


fasta = click.option("--fasta", metavar="FILE|-", help="FASTA of 5' UTRs, plain or gzipped; - reads standard input.")
genes = click.option(
    "--fasta", required=True, metavar="FILE|-", help="FASTA of genes or transcripts; - reads standard input."
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
for_pipelines = together(
    click.option(
        "--if-any",
        is_flag=True,
        help="With --structures alone: no files where no model predicts any, and no error.",
    ),
    click.option("--speed", metavar="FILE", help="Write how many records and letters took how many seconds, as JSON."),
)
shard_structures = click.option(
    "--structures-dir", metavar="DIR", help="Folder of the shards' folders of structures, <shard>.structures."
)
merged_structures = click.option("--structures", metavar="DIR", help="Where to put them together.")
ct = click.option("--ct", is_flag=True, help="With --structures: structures.ct, a connectivity table, as well.")
pseudoknots = click.option(
    "--pseudoknots", is_flag=True, help="With --structures: pairs that cross others as well, in square brackets."
)
uorf = click.option(
    "--uorf",
    is_flag=True,
    help="Add columns of upstream AUGs, as in utrlm-uorf --per record: uaugs, uorfs (with their own stop codon), "
    "inframe_oorfs and outofframe_oorfs (open up to the start codon), kozak (of the strongest).",
)
form = click.option(
    "--format", "form", type=click.Choice(["tsv", "jsonl", "parquet"]), default="tsv", help="Of the table."
)
deletions = click.option("--deletions", is_flag=True, help="Delete each letter, too.")
plots = click.option("--plots", metavar="DIR", help="Draw heatmaps, logos and an overview (extra plots).")
plot_format = click.option("--plot-format", type=click.Choice(["svg", "png"]), default="svg", help="Of drawings.")
plot_columns = click.option(
    "--plot-column", "plot_columns", multiple=True, metavar="COLUMN", help="What to draw; may be given again.  [all]"
)
plot_records = click.option(
    "--plot-records", type=click.IntRange(0), default=20, help="Records, from the first, that are drawn one by one."
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
seed = click.option("--seed", type=click.IntRange(0), default=1, help="Of all that is drawn.")
backbone_model = click.option(
    "--model", default="backbone-tiny", metavar="NAME|FILE", help="A shipped backbone or an exported one (.onnx)."
)
vectors_output = click.option("--output", required=True, metavar="FILE", help="FILE.npz or FILE.parquet.")
vectors_per = click.option(
    "--per", type=click.Choice(["sequence", "nucleotide"]), default="sequence", help="What a vector stands for."
)
digest = click.option("--sha256", "digest", default="", metavar="DIGEST", help="Digest that the given file must have.")
known = click.option(
    "--known", multiple=True, metavar="NAME-DIGEST", help="A model that is there, and is left out; may be given again."
)
data_table = click.option("--data-table", metavar="FILE", help="Write what was installed for a Galaxy data manager.")
galaxy_dir = click.option("--galaxy-dir", default="galaxy", metavar="DIR", help="Folder of the Galaxy tools.")
check = click.option("--check", is_flag=True, help="Only tell whether the file is fresh.")


def show_models(described: list[dict[str, Any]]) -> None:
    """A model a paragraph, a target a line."""
    for one in described:
        click.echo(f"{one['name']}  {one['kind']}, {one['domain']}, {one['megabytes']} MB")
        click.echo(f"  {one['description']}")
        for target in one["targets"]:
            scores = ", ".join(f"{k} {v}" for k, v in target["test"].items())
            click.echo(f"  {target['column']}  [{target['unit']}]  {target['description']}")
            click.echo(f"    test: {scores or 'not measured'}")
