"""A genome to cut sequences from, and one truth for how a chromosome is called. Needs the extra `genome` (pysam)."""

from collections.abc import Iterable
from pathlib import Path

import pysam

from utrlm.annotation import Blocks
from utrlm.errors import InputError

_COMPLEMENT = str.maketrans("ACGTUNRYSWKMBDHV", "TGCAANYRSWMKVHDB")


def reverse_complement(letters: str) -> str:
    """Of upper-case DNA."""
    return letters.translate(_COMPLEMENT)[::-1]


def find_contig(name: str, known: Iterable[str]) -> str | None:
    """`name` as it is called among `known`: as it stands, or with or without `chr`; M and MT are one."""
    short = name[3:] if name.startswith("chr") else name
    also = {"M": "MT", "MT": "M"}.get(short, short)
    return next((one for one in (name, short, f"chr{short}", also, f"chr{also}") if one in known), None)


class Genome:
    """An indexed FASTA, plain or bgzipped."""

    def __init__(self, path: str):
        """The index (.fai, .gzi) is made beside the file where it is missing or older than the file.

        Raises:
            InputError: missing, not FASTA, gzipped but not bgzipped, or an index that cannot be made.
        """
        if not Path(path).is_file():
            raise InputError(f"{path}: no such file")
        _renew_index(path)
        try:
            with Quiet():
                self._file = pysam.FastaFile(path)
        except (OSError, ValueError, pysam.utils.SamtoolsError) as error:
            raise InputError(
                f"{path}: cannot be indexed; is it FASTA, plain or bgzipped (not gzipped), in a folder to write to?"
            ) from error
        self.path = path
        self.lengths: dict[str, int] = dict(zip(self._file.references, self._file.lengths, strict=True))
        self._names: dict[str, str | None] = {}

    def contig(self, name: str) -> str | None:
        """The genome's own name of a chromosome; None where it has none such."""
        if name not in self._names:
            self._names[name] = find_contig(name, self.lengths)
        return self._names[name]

    def fetch(self, contig: str, start: int, end: int) -> str:
        """Letters of a stretch, upper case. `contig` as the genome calls it; 0-based, end excluded."""
        return str(self._file.fetch(contig, start, end)).upper()

    def spliced(self, contig: str, strand: str, blocks: Blocks) -> str:
        """Letters of the pieces, joined, 5' to 3' of the strand."""
        letters = "".join(self.fetch(contig, start, end) for start, end in blocks)
        return reverse_complement(letters) if strand == "-" else letters


def _renew_index(path: str) -> None:
    """Make an index again that is older than its file, whose letters may have moved."""
    changed = Path(path).stat().st_mtime_ns
    for index in (Path(f"{path}.fai"), Path(f"{path}.gzi")):
        if index.exists() and index.stat().st_mtime_ns < changed:
            try:
                with Quiet():
                    pysam.faidx(path)
            except (OSError, pysam.utils.SamtoolsError) as error:
                raise InputError(f"{index}: older than the file itself, and cannot be made again") from error


class Quiet:
    """Within it htslib keeps silent; what is wrong is said in a line of our own."""

    def __enter__(self) -> None:
        self._before = pysam.set_verbosity(0)

    def __exit__(self, *error: object) -> None:
        pysam.set_verbosity(self._before)
