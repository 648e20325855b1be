"""FASTA -> a backbone: one `.safetensors` file with its configuration inside."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save

from utrlm import alphabet
from utrlm.errors import InputError
from utrlm.files import written
from utrlm.models import WEIGHTS
from utrlm.recipe import Recipe, read_settings
from utrlm.speed import granted_cpus
from utrlm.training import markov, parallel
from utrlm.training.backbone_report import backbone_facts, told, write_backbone_report
from utrlm.training.claim import check_output, claimed
from utrlm.training.corpus import HELD_OUT, VALID_SHARE, Corpus, read_corpus
from utrlm.training.folded import FoldedModel, FoldedSequences, Folds, read_folds
from utrlm.training.log import NAME, read_log
from utrlm.training.loop import How, train
from utrlm.training.masked import MaskedModel, MaskedSequences, intervals
from utrlm.training.model import PRESETS, Backbone, BackboneConfig
from utrlm.training.rinalmo import is_checkpoint, load_rinalmo

KEY = "utrlm.backbone"  # metadata key
HIDDEN = "hidden."  # begins the names of a head's weights,
OUT = "out."  # and of what its last layer has of one target


def pretrain_file(
    fastas: tuple[str, ...],
    preset: str,
    random_utrs: int,
    epochs: float,
    output: str,
    checkpoint_dir: str,
    cpus: int,
    init: str = "",
    fold: bool = False,
    token_dropout: bool = False,
    seed: int = 1,
    settings: str | None = None,
    tensorboard: bool = False,
    shard: bool = False,
    resume: bool = True,
) -> dict[str, Any]:
    """Pre-train a backbone; returns masked accuracy and perplexity a file, beside the Markov baseline's and counts.

    From scratch in the shape of `preset`, or from the backbone that `init` names. With `fold`, minimum free energy
    and pairing are learned as well. `settings`: a TOML file with fields of `Recipe`.

    Raises:
        InputError: a FASTA, the backbone or the settings cannot be used.
    """
    recipe = read_settings(Path(settings) if settings else None, name=f"backbone-{preset}", epochs=epochs, seed=seed)
    torch.set_num_threads(cpus or granted_cpus())
    torch.manual_seed(recipe.seed)
    folder = Path(checkpoint_dir)
    files = {one: Path(one) for one in fastas} | ({init: find_backbone(init)} if init else {})
    options = {"--fasta": [Path(one).name for one in fastas], "--init": Path(init).name, "--random": random_utrs}
    options |= {"--fold": fold, "--token-dropout": token_dropout}
    check_output(output, folder, files.values())
    parallel.join()
    with claimed(folder, recipe, files, resume, options):
        corpus = read_corpus(fastas, random_utrs, recipe)
        everything = [*corpus.train, *(codes for part in corpus.valid.values() for codes in part)]
        folds = read_folds(everything, recipe.context, folder / "structures.npz") if fold else None
        model = new_masked_model(preset, init, token_dropout, folded=fold, dropout=recipe.dropout)
        valid = sequences(everything[len(corpus.train) :], recipe, folds)
        model = train(model, recipe, sequences(corpus.train, recipe, folds), valid, folder, How(tensorboard, shard))
    scores = held_out_scores(model, corpus, recipe, folds)
    if parallel.rank() == 0:
        log = read_log(folder / NAME)
        facts = backbone_facts(recipe, corpus.counts, list(dict.fromkeys(fastas)), options, log)
        facts |= {"config": asdict(model.backbone.config), "held_out": HELD_OUT.format(VALID_SHARE, recipe.kmer)}
        with written(output) as beside:
            save_backbone(model.backbone, Path(beside), scores, about=told(facts))
        write_backbone_report(facts, scores, log, Path(output))
    return {name: count | scores.get(name, {}) for name, count in corpus.counts.items()}


def held_out_scores(model: MaskedModel, corpus: Corpus, recipe: Recipe, folds: Folds | None) -> dict[str, Any]:
    """Accuracy and perplexity a file on what was held out, with intervals, and those of an order-5 Markov chain."""
    scores, chain = {}, markov.count(corpus.train)
    for name, part in corpus.valid.items():
        asked = sequences(part, recipe, folds)
        scores[name] = model.scores(asked) | intervals(model.tallies(asked), corpus.groups[name])
        scores[name] |= markov.scores(chain, part)
    return scores


def new_masked_model(preset: str, init: str, token_dropout: bool, folded: bool, dropout: float = 0.0) -> MaskedModel:
    """An untrained language model, or one whose backbone `init` names.

    Raises:
        InputError: that backbone cannot be used.
    """
    start = load_backbone(find_backbone(init)) if init else None
    config = start.config if start else PRESETS[preset]
    config = replace(config, token_dropout=token_dropout or config.token_dropout, dropout=dropout)
    model = FoldedModel(config) if folded else MaskedModel(config)
    if start:
        model.backbone.load_state_dict(start.state_dict())
    return model


def sequences(codes: list[np.ndarray], recipe: Recipe, folds: Folds | None = None) -> MaskedSequences:
    """Masked sequences, each seen once in an epoch; with structures where `folds` has them."""
    once, tokens = np.ones(len(codes), dtype=np.int64), recipe.batch_tokens
    if folds is None:
        return MaskedSequences(codes, once, recipe.context, tokens)
    return FoldedSequences(codes, once, recipe.context, tokens, folds=folds)


def save_backbone(
    backbone: Backbone,
    path: Path,
    scores: dict[str, Any],
    head: dict[str, torch.Tensor] | None = None,
    about: dict[str, Any] | None = None,
) -> None:
    """Write the weights in bfloat16, with configuration, alphabet, scores and what is told `about` it in the metadata.

    Without dropout, which is a setting of whoever trains on.
    `head`: what others start from of the head that it was trained with, see `build.head_of`; its last layer in float32.
    """
    config = replace(backbone.config, dropout=0.0)
    metadata = {"config": asdict(config), "alphabet": alphabet.NAME, "scores": scores, **(about or {})}
    weights = {
        name: value.to(torch.float32 if name.startswith(OUT) else torch.bfloat16).cpu().contiguous()
        for name, value in (backbone.state_dict() | (head or {})).items()
    }
    path.write_bytes(save(weights, metadata={KEY: json.dumps(metadata)}))  # save_file gives others no leave to read


def load_head(path: Path) -> dict[str, torch.Tensor]:
    """What a backbone's file holds of a head beside it; {} where there is nothing."""
    if is_checkpoint(path):
        return {}
    with safe_open(path, framework="pt") as file:
        names = [name for name in file.keys() if name.startswith((HIDDEN, OUT))]  # noqa: SIM118
        return {name: file.get_tensor(name).float() for name in names}


def load_about(path: Path) -> dict[str, Any]:
    """What the file of a backbone that can be loaded says of its making; {} of a published RiNALMo checkpoint."""
    if is_checkpoint(path):
        return {}
    with safe_open(path, framework="pt") as file:
        metadata: dict[str, Any] = json.loads(file.metadata()[KEY])
    return metadata


def find_backbone(name: str) -> Path:
    """The file of a shipped backbone, or the name as a path."""
    shipped = WEIGHTS / f"{name}.safetensors"
    return shipped if shipped.is_file() else Path(name)


def load_backbone(path: Path) -> Backbone:
    """The backbone in a file that `save_backbone` wrote, or in a published RiNALMo checkpoint, in float32.

    Raises:
        InputError: missing, cut off, neither of the two, or made for another alphabet.
    """
    if is_checkpoint(path):
        return load_rinalmo(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {})[KEY])
            letters, config = metadata["alphabet"], metadata["config"]
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except KeyError:
        raise InputError(f"{path}: not a backbone of utrlm (no {KEY} in its metadata)") from None
    except Exception as error:  # safetensors raises its own class and plain OSError alike
        raise InputError(f"{path}: {error}") from error
    if letters != alphabet.NAME:
        raise InputError(f"{path}: made for another alphabet ({letters})")
    own = {name: value for name, value in weights.items() if not name.startswith((HIDDEN, OUT))}
    try:
        backbone = Backbone(BackboneConfig(**{**config, "stem": tuple(config["stem"])}))
        backbone.load_state_dict(own)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: its weights are not those that its configuration speaks of") from error
    return backbone
