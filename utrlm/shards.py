"""One FASTA to shards, and the shards' tables back to one: nothing lost on the way.

Shards are runs of records in input order, so that merging is writing them one after the other.
The manifest says how many records and letters each shard holds; a table with other numbers, or one that
was cut off, is an error. It is written last: shards without a manifest are of a run that did not end.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

from utrlm.decode import open_text
from utrlm.errors import InputError
from utrlm.fasta import Record, SeenIds, read_fasta
from utrlm.files import make_folder, written
from utrlm.structures import merge_structures


def split(fasta: str | None, sample: str, shard_residues: int, output_dir: str) -> int:
    """Write shards and the manifest; returns the number of records. An empty FASTA makes one empty shard.

    What an earlier run left of that sample goes, but not before the first record was read.

    Raises:
        InputError: the FASTA is not in order (see `fasta.read_fasta`), or the sample's name makes no file name.
    """
    if fasta is None:
        raise InputError("give --fasta FILE")
    _check_name(sample)
    folder = make_folder(output_dir)
    records = read_fasta(fasta)
    records = chain(list(islice(records, 1)), records)
    (folder / f"{sample}.manifest.json").unlink(missing_ok=True)
    shards: list[dict[str, Any]] = []
    try:
        counts = _write_shards(records, folder, sample, shard_residues, shards)
        manifest = {"sample": sample, "shards": shards, **counts}
        _remove_others(folder, sample, shards)
        with written(str(folder / f"{sample}.manifest.json")) as beside:
            Path(beside).write_text(json.dumps(manifest), encoding="utf-8")
    except BaseException:
        for shard in shards:
            with suppress(OSError):
                (folder / f"{shard['name']}.fa").unlink()
        raise
    return int(manifest["records"])


def _check_name(sample: str) -> None:
    """Raise InputError unless a name stays a name in a folder: no path, nothing that hides or is too long."""
    if not sample.isprintable() or "/" in sample or sample.startswith(".") or not 0 < len(sample.encode()) <= 200:
        raise InputError(f"--sample {sample[:100]!r}: not a name for files (no '/', no '.' in front, 1 to 200 bytes)")


def _remove_others(folder: Path, sample: str, shards: list[dict[str, Any]]) -> None:
    """Remove shards of an earlier run, which had more of them."""
    kept = {f"{shard['name']}.fa" for shard in shards}
    for path in list(folder.iterdir()):
        if re.fullmatch(re.escape(sample) + r"\.\d{5,}\.fa", path.name) and path.name not in kept:
            path.unlink()


def _write_shards(
    records: Iterator[Record], folder: Path, sample: str, shard_residues: int, shards: list[dict[str, Any]]
) -> dict[str, Any]:
    """Fill `shards` with what was written; returns what the manifest says of all of them."""
    seen = SeenIds()
    repeated: list[int] = []  # positions of records whose id was there before
    held, total = True, 0
    while held:
        name = f"{sample}.{len(shards) + 1:05d}"
        count = residues = 0
        with written(str(folder / f"{name}.fa")) as beside, open(beside, "w", encoding="utf-8") as shard:
            held = False
            for record in records:
                shard.write(f">{record.description}\n{record.sequence}\n")
                if seen.repeats(record.id):
                    repeated.append(total)
                count, total, residues = count + 1, total + 1, residues + len(record.codes)
                if residues >= shard_residues:
                    held = True
                    break
        if count == 0 and shards:  # the last shard was closed by the last record
            (folder / f"{name}.fa").unlink()
            break
        shards.append({"name": name, "records": count, "residues": residues})
    return {"records": total, "duplicates": repeated}


def merge_files(
    output: str, tables_dir: str, manifests: tuple[str, ...], structures_dir: str | None, structures: str | None
) -> int:
    """Write the shards' tables as one and, where asked, their structures; returns the number of rows.

    Raises:
        InputError: see `merge` and `structures.merge_structures`.
    """
    if bool(structures_dir) != bool(structures):
        raise InputError("--structures-dir and --structures go together")
    if structures_dir and structures:
        read = _read_manifests(manifests)
        told = _with_structures(read, tables_dir, Path(structures_dir))
        several = len(read) > 1
        shards = [
            (m["sample"] if several else "", one["name"], _ids(tables_dir, one)) for m in told for one in m["shards"]
        ]
        merge_structures(structures_dir, structures, shards)
    return merge(output, tables_dir, manifests)


def _with_structures(read: list[dict[str, Any]], tables_dir: str, folder: Path) -> list[dict[str, Any]]:
    """Manifests of the samples that have structures. All with the same columns have them if one does, or a lost
    folder would go unnoticed."""
    columns = [_columns(tables_dir, manifest) for manifest in read]
    found = [any((folder / f"{one['name']}.structures").exists() for one in manifest["shards"]) for manifest in read]
    folded = [own for own, some in zip(columns, found, strict=True) if some or not any(found)]
    return [manifest for manifest, own in zip(read, columns, strict=True) if own in folded]


def merge(output: str, tables_dir: str, manifests: tuple[str, ...]) -> int:
    """Write the shards' tables as one; returns the number of rows.

    Samples may have been predicted by different models: a column that one of them lacks is empty in its rows.

    Raises:
        InputError: a manifest or a table is missing or damaged, has other columns than its sample's first, or not
            as many rows and letters as its shard has; or two manifests are of one sample.
    """
    read, rows = _read_manifests(manifests), 0
    columns = _union([_columns(tables_dir, manifest) for manifest in read])
    with open_text(output) as stream:
        stream.write("\t".join(["sample"] * (len(read) > 1) + columns) + "\n")
        for manifest in read:
            sample, own = manifest["sample"] if len(read) > 1 else "", _columns(tables_dir, manifest)
            repeated, number = set(manifest["duplicates"]), 0
            for shard in manifest["shards"]:
                table = Path(tables_dir) / f"{shard['name']}.tsv"
                lines = _lines(table, shard["records"], shard["residues"])
                if next(lines, "").split("\t") != own:
                    raise InputError(f"{table}: its columns differ from the first table's")
                for line in lines:
                    if number in repeated:
                        line = _add_flag(line, "duplicate_id")
                    if own != columns:
                        cells = dict(zip(own, line.split("\t"), strict=True))
                        line = "\t".join(cells.get(column, "") for column in columns)
                    stream.write((sample + "\t" if sample else "") + line + "\n")
                    number += 1
            rows += number
    return rows


def _columns(tables_dir: str, manifest: dict[str, Any]) -> list[str]:
    """Columns of a sample's first table."""
    table = Path(tables_dir) / f"{manifest['shards'][0]['name']}.tsv"
    try:
        with table.open(encoding="utf-8", newline="\n") as stream:
            return stream.readline().rstrip("\n").split("\t")
    except OSError as error:
        raise InputError(f"{table}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{table}: row 0 is damaged ({error})") from error


def _union(tables: list[list[str]]) -> list[str]:
    """The columns of all tables, as they come first; the flags are the last."""
    every = list(dict.fromkeys(column for table in tables for column in table))
    return sorted(every, key=lambda column: column == "flags")


def _ids(tables_dir: str, shard: dict[str, Any]) -> Iterator[str]:
    """Ids of a shard's rows; its table is opened when the first is asked for."""
    lines = _lines(Path(tables_dir) / f"{shard['name']}.tsv", shard["records"], shard["residues"])
    return (line.split("\t")[0] for line in islice(lines, 1, None))


def _read_manifests(paths: tuple[str, ...]) -> list[dict[str, Any]]:
    """Manifests, no two of one sample: its rows would be there twice."""
    read: dict[str, dict[str, Any]] = {}
    for path in paths:
        manifest = _read_manifest(path)
        if manifest["sample"] in read:
            raise InputError(f"{path}: another manifest of sample {manifest['sample']}")
        read[manifest["sample"]] = manifest
    return list(read.values())


def _read_manifest(path: str) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        _check_name(manifest["sample"])
        if not manifest["shards"]:
            raise ValueError("it has no shards")
        for shard in manifest["shards"]:
            _check_name(shard["name"])
            counts = shard["records"], shard["residues"]
            if not all(isinstance(count, int) for count in counts):
                raise TypeError(f"records and residues of {shard['name']}: {counts}")
        set(manifest["duplicates"])
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, InputError) as error:
        raise InputError(f"{path}: not a manifest of utrlm-split ({error})") from error
    return manifest


def _lines(table: Path, records: int, residues: int) -> Iterator[str]:
    """Header and rows, without line ends; an error unless there are so many rows, whole ones, of so many letters."""
    lines = letters = 0
    columns: list[str] = []
    try:
        with table.open(encoding="utf-8", newline="\n") as stream:
            for line in stream:
                cells = line.rstrip("\n").split("\t")
                columns = columns or cells
                if not line.endswith("\n") or len(cells) != len(columns):
                    raise InputError(f"{table}: row {lines} is cut off")
                if lines and "length" in columns:
                    letters += int(cells[columns.index("length")])
                lines += 1
                yield line.rstrip("\n")
    except OSError as error:
        raise InputError(f"{table}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{table}: row {lines} is damaged ({error})") from error
    if lines != records + 1:
        raise InputError(f"{table}: {max(lines - 1, 0)} rows for a shard of {records} records")
    if "length" in columns and letters != residues:
        raise InputError(f"{table}: {letters:,} letters predicted for a shard of {residues:,}")


def _add_flag(line: str, flag: str) -> str:
    """A row with a flag more, if it is not there yet; flags are the last column, in a fixed order."""
    cells = line.split("\t")
    names = [name for name in cells[-1].split(",") if name]
    if flag not in names:
        names.append(flag)
    return "\t".join([*cells[:-1], ",".join(names)])
