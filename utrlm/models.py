"""Finds a model by name or path, and opens it."""

import hashlib
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import onnxruntime

from utrlm.card import EMBEDDING, KEY, STRUCTURE, CardTarget, ModelCard, parse_card
from utrlm.errors import InputError
from utrlm.tasks import TASKS

WEIGHTS = Path(__file__).parent / "weights"
DIGESTS = WEIGHTS / "SHA256SUMS"  # of every shipped file, as sha256sum writes it
BACKBONE = "backbone-"  # a shipped model of this name gives embeddings, not columns
CUDA = "CUDAExecutionProvider"
NO_COLUMNS = "gives embeddings, not predictions; use utrlm-embed --model"


@dataclass(frozen=True)
class Model:
    """An opened model. Its session runs on one thread a call, and may be called from several."""

    path: Path
    card: ModelCard
    session: onnxruntime.InferenceSession

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the raw outputs that its columns are made of."""
        if self.card.kind == "pairs":
            return ("probability",)
        if self.card.kind == EMBEDDING:
            return ("vectors",)
        return ("values", "spread") if self.card.interval else ("values",)


def shipped() -> dict[str, Path]:
    """Shipped models to predict with, by name, in the order of TASKS."""
    found = {path.stem: path for path in sorted(WEIGHTS.glob("*.onnx")) if not path.stem.startswith(BACKBONE)}
    return {name: found.pop(name) for name in TASKS if name in found} | found


def backbones() -> dict[str, Path]:
    """Shipped models to embed with, by name."""
    return {path.stem: path for path in sorted(WEIGHTS.glob(f"{BACKBONE}*.onnx"))}


def sha256(path: Path) -> str:
    """Digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def open_models(tasks: list[str], paths: list[str], device: str = "auto") -> list[Model]:
    """Shipped models by name and others by path; neither means the shipped ones whose card says default.

    Raises:
        InputError: an unknown name, a file that is no model of ours, one of embeddings, or two models with one column.
    """
    known = shipped()
    for task in tasks:
        if task in backbones():
            raise InputError(f"{task}: {NO_COLUMNS}")
        if task not in known:
            raise InputError(f"task {task!r} is no shipped model; there are {', '.join(known)}")
    if tasks or paths:
        models = [open_model(known[task], device) for task in tasks]
        models += [open_model(Path(path), device) for path in paths]
    else:
        models = [model for model in (open_model(path, device) for path in known.values()) if model.card.default]
    owners: dict[str, Path] = {}
    for model in models:
        if model.card.kind == EMBEDDING:
            raise InputError(f"{model.path}: {NO_COLUMNS}")
        for column in model.card.columns:
            if column in owners:
                raise InputError(f"{model.path}: writes column {column!r}, as {owners[column]} does")
            owners[column] = model.path
    return models


def open_model(path: Path, device: str = "auto") -> Model:
    """Open one `.onnx` file.

    Raises:
        InputError: missing, cut off, damaged, not ours, or no GPU where `device` is "cuda".
        MemoryError: there is too little for it.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such model file")
    available = onnxruntime.get_available_providers()
    providers = ["CPUExecutionProvider"]
    if device == "cuda" and CUDA not in available:
        raise InputError("--device cuda: this onnxruntime has no CUDA; install onnxruntime-gpu or use --device cpu")
    if device != "cpu" and CUDA in available:
        _load_cuda()
        providers.insert(0, CUDA)
    for named in {path, path.resolve()}:  # a link may lead to a shipped file, or a shipped name be one
        if named.parent.resolve() == WEIGHTS.resolve():
            _check_digest(named)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # an error is raised; it need not stand on stderr as well
    options.enable_cpu_mem_arena = False  # with it every model keeps 150 MB of its own; without, 5 % more time on a CPU
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        metadata = session.get_modelmeta().custom_metadata_map
    except Exception as error:  # onnxruntime has no common base class for what a damaged file raises
        if isinstance(error, MemoryError) or "bad_alloc" in str(error):
            raise MemoryError from error
        raise InputError(f"{path}: not an ONNX model, or cut off") from error
    if CUDA in providers and CUDA not in session.get_providers():
        if device == "cuda":
            raise InputError(
                "--device cuda: no GPU could be opened (see nvidia-smi); --device auto falls back to the CPU"
            )
        _tell_of_cpu()
    if KEY not in metadata:
        raise InputError(f"{path}: an ONNX model, but not made by utrlm (no {KEY} in its metadata)")
    model = Model(path, parse_card(metadata[KEY], str(path)), session)
    there = {one.name for one in [*session.get_inputs(), *session.get_outputs()]}
    missing = {"codes", *model.outputs} - there
    if missing:
        raise InputError(f"{path}: its network has no {min(missing)!r}, which its card speaks of")
    return model


@cache
def _load_cuda() -> None:
    """Load the libraries that pip puts beside onnxruntime-gpu, which does not look there; what fails, we tell."""
    onnxruntime.set_default_logger_severity(4)
    if hasattr(onnxruntime, "preload_dlls"):  # since 1.21
        onnxruntime.preload_dlls(directory="")


@cache
def _tell_of_cpu() -> None:
    sys.stderr.write("no GPU could be opened (see nvidia-smi): on the CPU\n")


def _check_digest(path: Path) -> None:
    """A shipped file must be the one that was shipped."""
    for line in DIGESTS.read_text(encoding="utf-8").splitlines():
        digest, name = line.split()
        if name == path.name and digest == sha256(path):
            return
    raise InputError(f"{path}: not the shipped file (its SHA-256 is not in {DIGESTS.name}); reinstall utrlm")


def test_scores(card: ModelCard, target: CardTarget) -> dict[str, Any]:
    """What a card says of a target on test rows; of structures, F1 of base pairs a part."""
    if target.unit == STRUCTURE:
        told = {f"F1 {part}": scores["F1"] for part, scores in card.metrics.items()}
        return told | {f"F1 {part}_95": scores["F1_95"] for part, scores in card.metrics.items() if "F1_95" in scores}
    scores: dict[str, Any] = card.metrics.get(target.name, {})
    return scores


def models_of_table(table: str, own: tuple[str, ...]) -> list[Path]:
    """Files of the models whose columns, or differences of these, a table (TSV) has, in its order.

    Of two models of one name the one of one's own wins.

    Raises:
        InputError: the table or a model cannot be read.
    """
    try:
        with open(table, encoding="utf-8") as stream:
            columns = [one.removesuffix("_delta") for one in stream.readline().rstrip("\n").split("\t")]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{table}: {error}") from error
    named = [path for name, path in shipped().items() if any(one.startswith(f"{name}_") for one in columns)]
    found: dict[str, tuple[int, Path]] = {}
    for path in [*map(Path, own), *named]:
        card = open_model(path, "cpu").card
        places = [columns.index(column) for column in card.columns if column in columns]
        if places:
            found.setdefault(card.name, (places[0], path))
    return [path for _, path in sorted(found.values())]


def describe(paths: list[str]) -> list[dict[str, Any]]:
    """Cards of the shipped models, or of the given files, as plain values."""
    described = []
    for path in [Path(path) for path in paths] or [*shipped().values(), *backbones().values()]:
        card = open_model(path, "cpu").card
        targets = [
            {
                "column": f"{card.name}_{target.name}",
                "unit": target.unit,
                "description": target.description,
                "test": test_scores(card, target),
            }
            for target in card.targets
        ]
        described.append(
            {
                "name": card.name,
                "kind": card.kind,
                "version": card.version,
                "description": card.description,
                "default": card.default,
                "shortest": card.shortest,
                "longest": card.longest,
                "context": card.context,
                "domain": card.domain,
                "megabytes": round(path.stat().st_size / 1e6, 1),
                "sha256": sha256(path),
                "columns": card.columns,
                "targets": targets,
                "metrics": card.metrics,
                "data": list(card.data),
                "notes": card.notes,
            }
        )
    return described
