"""A trained model -> one `.onnx` file that describes itself, checked against the network it came from."""

import hashlib
import logging
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import torch

import utrlm
from utrlm import alphabet
from utrlm.card import COVERAGE, EMBEDDING, KEY, CardTarget, ModelCard
from utrlm.errors import InputError
from utrlm.files import written
from utrlm.recipe import Recipe
from utrlm.tasks import Target
from utrlm.training.corpus import SHORTEST
from utrlm.training.model import Backbone
from utrlm.training.pretrain import find_backbone, load_about, load_backbone
from utrlm.training.spread import calibrate

EXACT = 1e-7  # largest error of a number kept in half precision
LARGEST = 2**31 - 2**24  # bytes of weights; protobuf ends at 2 GB, and the graph needs some of them
SMALL = 256  # numbers; fewer are kept as they are
TOLERANCE = 1e-4  # natural units and share of the number itself, export against network
logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)  # no torchvision: so what
LOOSE = {"spread": 2e-3}  # the exponential of a sum over all features, whose rounding it multiplies


def export(model: Any, card: ModelCard, path: Path) -> None:
    """Write a model of one of the kinds and its card.

    Raises:
        ArithmeticError: the exported file does not predict what the network predicts.
        InputError: the model is too large for one file.
    """
    check_size(model, card.name)
    model = model.cpu().eval()
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
    examples = model.examples(example_codes(4, 48))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "# The axis name", UserWarning)  # two inputs have one batch and one length
        program = torch.onnx.export(
            model,
            examples,
            dynamo=True,
            dynamic_shapes=tuple({**axes, **dict.fromkeys(range(2, one.ndim), axes[1])} for one in examples),
            input_names=list(model.input_names),
            output_names=list(model.outputs),
            opset_version=20,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export returned nothing")
    proto = program.model_proto
    halve(proto)
    write_card(proto, card)
    onnx.checker.check_model(proto)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for batch, length in ((1, 16), (3, 48), (2, 112), (1, 512)):
        examples = model.examples(example_codes(batch, length))
        with torch.no_grad():
            wanted = [output.numpy() for output in model(*examples)]
        feeds = {name: one.numpy() for name, one in zip(model.input_names, examples, strict=True)}
        got = session.run(list(model.outputs), feeds)
        for name, one, other in zip(model.outputs, got, wanted, strict=True):
            allowed = LOOSE.get(name, TOLERANCE)
            if not np.allclose(one, other, rtol=allowed, atol=allowed):
                raise ArithmeticError(f"exported {name} differ by {np.abs(one - other).max():.2g} at {(batch, length)}")
    path.write_bytes(proto.SerializeToString())


def check_size(model: torch.nn.Module, name: str) -> None:
    """Raise InputError, before the work rather than after it, where no `.onnx` file could hold a model's weights."""
    size = 2 * sum(weight.numel() for weight in model.parameters())  # in half precision
    if size > LARGEST:
        raise InputError(f"{name}: {size / 1e9:.1f} GB of weights, and one .onnx file holds {LARGEST / 1e9:.1f} GB")


class EmbeddingModel(torch.nn.Module):
    """A backbone alone, as `export` takes a model."""

    input_names = ("codes",)
    outputs = ("vectors",)  # torch has an operator called embedding, and names its results so

    def __init__(self, backbone: Backbone):
        super().__init__()
        self.backbone = backbone

    def forward(self, codes: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """A vector a letter, zeros where there is none. codes (B, L) int64 -> (B, L, D)"""
        present = codes != alphabet.PAD
        return (self.backbone(codes, present) * present[:, :, None],)

    def examples(self, codes: np.ndarray) -> tuple[torch.Tensor, ...]:
        """Inputs to try an exported model with. codes (B, L) int64"""
        return (torch.from_numpy(codes),)


def export_backbone(
    backbone: Backbone, name: str, source: str, path: Path, about: dict[str, Any] | None = None
) -> None:
    """Write a backbone as a model of embeddings; `name`: of the model, `source`: the file that it came from.

    `about`: what that file says of its making, see `load_about`.

    Raises:
        InputError: it is too large for one `.onnx` file.
    """
    recipe = Recipe(name, f"What {source} knows of a 5' UTR: {backbone.config.width} numbers a letter.", ())
    card = ModelCard(
        name, EMBEDDING, utrlm.__version__, recipe.description, (), SHORTEST, recipe.context, recipe.context, False
    )
    if about:
        data = tuple(about.get("data", ()))
        card = replace(card, metrics=about.get("scores", {}), data=data, notes=about.get("notes", ""))
    export(EmbeddingModel(backbone), card, path)


def export_backbone_file(backbone: str, output: str) -> None:
    """Export a backbone, a shipped one's name or a file, as a model of embeddings, in half precision.

    Raises:
        InputError: no such backbone, one too large, or the output's place cannot be written to.
    """
    path = find_backbone(backbone)
    loaded = load_backbone(path)
    round_weights(loaded)  # of a published RiNALMo, in float32
    with written(output) as beside:
        export_backbone(loaded, Path(output).stem, path.name, Path(beside), load_about(path))


@torch.no_grad()
def round_weights(model: torch.nn.Module) -> None:
    """Round what was learned to what half precision holds: half the file, and far less than what a seed changes."""
    for weight in model.parameters():
        weight.copy_(weight.half())


def halve(proto: onnx.ModelProto) -> None:
    """Keep in half precision what that holds: rounded weights, a backbone stored as bfloat16. Widened on loading."""
    for tensor in proto.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        half, name = values.astype(np.float16), tensor.name
        if np.abs(half.astype(np.float32) - values).max() > EXACT:
            continue
        tensor.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}.half"))
        proto.graph.node.insert(0, onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT))


def calibrated(card: ModelCard, model: Any, valid_set: Any, threshold_told: float = 0.0) -> ModelCard:
    """The card with what is set on rows that no weight was fitted to: intervals, or a structure's thresholds.

    `threshold_told`: the one of structures with --fold, where it was chosen elsewhere.
    """
    if not len(valid_set.codes):
        return card
    if card.kind == "pairs":
        told = threshold_told or model.best_threshold(valid_set, 1.0)
        return replace(card, threshold=model.best_threshold(valid_set, 0.0), threshold_told=told)
    model.spread = calibrate(model, valid_set)
    return card if model.spread is None else replace(card, interval=COVERAGE)


def make_card(recipe: Recipe, data: Path, train_rows: pd.DataFrame, devices: Sequence[str] = ()) -> ModelCard:
    """A model's card, but for its scores. `devices`: what it was trained on."""
    lengths, of = train_rows["sequence"].str.len(), train_rows["target"]
    task = recipe.trained
    return ModelCard(
        name=recipe.name,
        kind=task.kind,
        version=utrlm.__version__,
        description=recipe.description,
        targets=tuple(card_target(one, lengths[of == one.name], recipe) for one in task.targets),
        shortest=max(int(lengths.min()), recipe.shortest),
        longest=int(lengths.max()),
        context=recipe.context,
        default=recipe.default,
        data=tuple({"file": s.file, "citation": s.citation, "terms": s.terms} for s in recipe.learned),
        data_sha256=digest(recipe, data),
        notes=notes(recipe, devices),
    )


def card_target(target: Target, lengths: pd.Series, recipe: Recipe) -> CardTarget:
    """A target as its model's card has it. `lengths` (N,), in nt: of its training sequences, if it has its own."""
    shortest, longest = (max(int(lengths.min()), recipe.shortest), int(lengths.max())) if len(lengths) else (0, 0)
    if any(source.cut for source in recipe.sources if source.target == target.name):
        longest = 0
    return CardTarget(target.name, target.unit, target.description, target.letters, shortest, longest)


def digest(recipe: Recipe, data: Path) -> str:
    """SHA-256 over the sources' files, in the recipe's order, each once."""
    total = hashlib.sha256()
    for file in dict.fromkeys(source.file for source in recipe.sources):
        total.update((data / file).read_bytes())
    return total.hexdigest()


def notes(recipe: Recipe, devices: Sequence[str] = ()) -> str:
    """How the model came about, in a sentence or two."""
    teachers = [one for target in recipe.trained.targets for one in recipe.teachers_of(target.name)]
    taught = ", ".join(Path(teacher).name for teacher in dict.fromkeys(teachers))
    start = f"the backbone {Path(recipe.backbone).name}" if recipe.backbone else "scratch"
    epochs = f"{'at most ' if recipe.patience else ''}{recipe.epochs:g} epoch{'' if recipe.epochs == 1 else 's'}"
    made = f"Trained for {epochs} from {start} with recipe {recipe.name}; splits by group."
    made += f" On {', '.join(devices)}." if devices else ""
    if recipe.folds:
        made += f" Scored by {recipe.folds} others, each on groups of which it saw no label."
    if recipe.seeds > 1 and recipe.distil:
        return made + f" Taught by {recipe.seeds} models of this recipe that differ in their seed."
    made += f" The mean of {recipe.seeds} models that differ in their seed." if recipe.seeds > 1 else ""
    return made + (f" Labels are {recipe.teacher_share:.0%} the prediction of {taught}." if taught else "")


def write_card(proto: onnx.ModelProto, card: ModelCard) -> None:
    """Put the card into a model's metadata."""
    del proto.metadata_props[:]
    proto.metadata_props.add(key=KEY, value=card.to_json())


def example_codes(batch: int, length: int) -> np.ndarray:
    """Random sequences, some padded on the left. (batch, length) int64"""
    random = np.random.default_rng(batch * length)
    codes = random.integers(alphabet.MASK, alphabet.SIZE, size=(batch, length))
    for row in range(1, batch):
        codes[row, : row * 3] = alphabet.PAD
    return codes.astype(np.int64)
