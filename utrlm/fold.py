"""What thermodynamics says of base pairs: ViennaRNA, an optional extra (`fold`)."""

from typing import Any

import numpy as np

from utrlm import alphabet
from utrlm.errors import InputError

_LETTERS = np.frombuffer(b"NN" + alphabet.LETTERS.replace("T", "U").encode(), dtype=np.uint8)


def pair_probabilities(codes: np.ndarray) -> np.ndarray:
    """Base-pair probabilities of the thermodynamic ensemble at 37 degrees. (L,) -> (L, L) float32, symmetric

    Source: ViennaRNA (Lorenz et al. 2011, doi:10.1186/1748-7188-6-26), its default parameters.

    Raises:
        InputError: ViennaRNA is not installed.
    """
    rna = _vienna()
    if not len(codes):
        return np.zeros((0, 0), dtype=np.float32)
    compound = rna.fold_compound(_LETTERS[codes].tobytes().decode())
    _, energy = compound.mfe()
    compound.exp_params_rescale(energy)  # keeps the sums of long sequences in range
    compound.pf()
    upper = np.array(compound.bpp(), dtype=np.float32)[1:, 1:]
    return upper + upper.T


def minimum_energy(codes: np.ndarray) -> tuple[str, float]:
    """Structure (dot-bracket) of least free energy at 37 degrees, and that energy in kcal/mol. codes (L,)

    Raises:
        InputError: ViennaRNA is not installed.
    """
    rna = _vienna()
    structure, energy = rna.fold(_LETTERS[codes].tobytes().decode()) if len(codes) else ("", 0.0)
    return str(structure), float(energy)


def _vienna() -> Any:
    try:
        import RNA  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        raise InputError("--fold needs ViennaRNA; install it with: pip install 'utrlm[fold]'") from None
    return RNA
