"""The Click options of the commands that train, export and score."""

import functools
from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from utrlm.errors import InputError
from utrlm.options import cpus, together

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
recipe = click.option("--recipe", required=True, metavar="FILE", help="How the model is made (TOML).")
data = click.option("--data", required=True, metavar="DIR", help="Folder that the recipe's tables lie in.")
either_recipe = click.option("--recipe", metavar="FILE", help="How the model is made (TOML); needs --data.")
either_data = click.option("--data", metavar="DIR", help="Folder that the recipe's tables lie in.")
table = click.option("--table", metavar="FILE", help="Your own CSV, TSV or Parquet table, instead of a recipe.")
name = click.option("--name", default="own", help="Of the model: the first part of its columns.")
own_task = click.option(
    "--task",
    type=click.Choice(["mrl", "te", "el", "splice", "structure"]),
    help="Kind of what is measured, and so of the model: mrl (ribosome load), te (translation efficiency), el "
    "(expression level), splice (0 or 1 a site), structure (dot-bracket); without it any numbers.",
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
weight_column = click.option(
    "--weight-column",
    "weight",
    default="",
    metavar="COLUMN",
    help="Column of how much a row counts in training: numbers of 0 or more.",
)
unit = click.option("--unit", default="", help="Of the label columns.")
epochs = click.option("--epochs", type=click.FloatRange(0, min_open=True), default=20.0, help="Times a row is seen.")
backbone = click.option(
    "--backbone", default="", metavar="NAME|FILE", help="To start from: mrl, backbone-tiny, backbone-nano, or a file."
)
backbone_output = click.option(
    "--backbone-output",
    metavar="FILE",
    help="Write the backbone too (.safetensors), for other models to start from; of several seeds, the first one's.",
)
checkpoint_dir = click.option("--checkpoint-dir", required=True, metavar="DIR", help="Checkpoint and log.")
resume = click.option(
    "--resume/--restart", default=True, help="Continue what lies in --checkpoint-dir, or remove it and begin anew."
)
tensorboard = click.option(
    "--tensorboard", is_flag=True, help="Write for TensorBoard too, into --checkpoint-dir (extra tensorboard)."
)
shard = click.option("--shard", is_flag=True, help="Under torchrun: divide weights among processes (FSDP2), for giga.")
seeds = click.option(
    "--seeds", type=click.IntRange(0), default=0, help="Train so many models and average them; 0: as the recipe says."
)
init = click.option("--init", default="", metavar="NAME|FILE", help="Backbone or RiNALMo checkpoint to start from.")
learn_fold = click.option(
    "--fold",
    is_flag=True,
    help="Also learn minimum free energy and pairing, as ViennaRNA (extra fold) computes them.",
)
token_dropout = click.option(
    "--token-dropout", is_flag=True, help="Show a hidden letter as zero, and the others as so much more."
)
settings = click.option("--settings", metavar="FILE", help="Rates, batches and more (TOML; docs/training.md).")
table_settings = click.option(
    "--settings", metavar="FILE", help="With --table: phases, patience, folds and more (TOML; docs/tables.md)."
)


OF_TABLE = {"task", "name", "labels", "sequence", "group", "split", "weight", "unit", "epochs", "settings"}
OF_RECIPE = {"recipe", "data"}


def either(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of a recipe, and of a table of one's own; none of the other kind is taken, for nothing would read it."""

    @functools.wraps(function)
    def checked(**settings: Any) -> Any:
        context = click.get_current_context()
        source = context.get_parameter_source
        given = [one for one in context.command.params if source(str(one.name)) != ParameterSource.DEFAULT]
        if settings["table"] and (flags := [one.opts[0] for one in given if one.name in OF_RECIPE]):
            raise InputError(f"{', '.join(flags)}: not with --table, which is trained on without a recipe")
        if settings["recipe"] and (flags := [one.opts[0] for one in given if one.name in OF_TABLE]):
            raise InputError(f"{', '.join(flags)}: only with --table; with --recipe, say it in the recipe")
        return function(**settings)

    columns = together(sequence_column, group_column, split_column, weight_column)
    own = together(table, own_task, name, labels, columns, unit, epochs, table_settings)
    return together(either_recipe, either_data, own)(checked)


def run(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every training: where and how it runs."""
    for option in (cpus, shard, tensorboard, resume, checkpoint_dir):
        function = option(function)
    return function


model = click.option("--model", metavar="FILE", help="An exported model (.onnx).")
either_checkpoint_dir = click.option("--checkpoint-dir", metavar="DIR", help="Checkpoint of that recipe.")
exported_backbone = click.option(
    "--backbone", metavar="NAME|FILE", help="A backbone to embed with, instead of a recipe: a shipped one or a file."
)
folds = click.option("--folds", metavar="FILE", help="Out-of-fold predictions of a recipe with folds (.folds.tsv.gz).")
score_plots = click.option(
    "--plots",
    metavar="DIR",
    help="Draw calibration, predictions, residuals and, of structures, F1 a family, as SVG and PNG (extra plots).",
)
split = click.option("--split", type=click.Choice(["train", "valid", "test"]), default="test", help="Rows to score.")
