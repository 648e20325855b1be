"""Puts model files where a server finds them, under names that hold their digest, once they are known to be whole."""

import json
import shutil
from pathlib import Path

from utrlm.errors import InputError
from utrlm.files import written
from utrlm.models import open_model, sha256, shipped

TABLE = "utrlm_models"  # Galaxy's data table
DIGITS = 8  # of the digest, in a file's name


def install_models(
    models: tuple[str, ...], digest: str, known: tuple[str, ...], output_dir: str, data_table: str | None
) -> list[dict[str, str]]:
    """Copy the given files, or the shipped models, into a folder; returns value, name, version, sha256, path of each.

    `digest`: SHA-256 that the one given file must have; "" checks nothing but that it opens. The digests of shipped
    files are always checked. `known`: values that are there, and are left out. `data_table` receives the same as a
    Galaxy data manager writes it.

    Raises:
        InputError: another digest, a file that is no model of ours, or a folder that cannot be written to.
    """
    if digest and len(models) != 1:
        raise InputError(f"--sha256 is of one --models FILE, and {len(models)} are given")
    sources = [Path(model) for model in models] or list(shipped().values())
    if digest and sha256_of(sources[0]) != digest.strip().lower():
        raise InputError(f"{sources[0]}: its SHA-256 is {sha256_of(sources[0])}, not {digest}")
    found = [(source, row_of(source)) for source in sources]
    found = [(source, row) for source, row in found if row["value"] not in known]
    folder = Path(output_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}") from error
    for source, row in found:
        row["path"] = str(folder / f"{row['value']}.onnx")
        with written(row["path"]) as beside:
            shutil.copyfile(source, beside)
    rows = [row for _, row in found]
    if data_table:
        with written(data_table) as beside:
            Path(beside).write_text(json.dumps({"data_tables": {TABLE: rows}}, indent=2) + "\n", encoding="utf-8")
    return rows


def sha256_of(path: Path) -> str:
    """Digest of a file that may be missing."""
    if not path.is_file():
        raise InputError(f"{path}: no such model file")
    return sha256(path)


def row_of(path: Path) -> dict[str, str]:
    """What a list of models says of one file, but for where it is put.

    Raises:
        InputError: it is no model of ours.
    """
    card, digest = open_model(path, "cpu").card, sha256(path)
    value = f"{card.name}-{digest[:DIGITS]}"
    return {"value": value, "name": f"{card.name}: {card.description}", "version": card.version, "sha256": digest}
