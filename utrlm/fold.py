"""What thermodynamics says of base pairs: ViennaRNA, an optional extra (`fold`)."""

from functools import cache
from threading import Lock
from typing import Any

import numpy as np

from utrlm import alphabet
from utrlm.errors import InputError

_LETTERS = np.frombuffer(b"NN" + alphabet.LETTERS.replace("T", "U").encode(), dtype=np.uint8)
_PARAMETERS = ("RNA_Turner2004", "RNA_Andronescu2007", "RNA_Langdon2018")  # together better than each
_LOADING = Lock()  # parameters are read into ViennaRNA's global state


def pair_probabilities(codes: np.ndarray) -> np.ndarray:
    """Base-pair probabilities at 37 degrees, mean of three sets of energies. (L,) -> (L, L) float32, symmetric

    Source: ViennaRNA (Lorenz et al. 2011, doi:10.1186/1748-7188-6-26) with the energies of Turner 2004 (Mathews
    et al. 2004, doi:10.1073/pnas.0401799101), and of Andronescu et al. 2007 (doi:10.1093/bioinformatics/btm223)
    and Langdon et al. 2018 (doi:10.1145/3205651.3208230), both fitted to known structures.

    Raises:
        InputError: ViennaRNA is not installed.
    """
    rna = _vienna()
    if not len(codes):
        return np.zeros((0, 0), dtype=np.float32)
    letters = _LETTERS[codes].tobytes().decode()
    with _LOADING:
        sets = _energies(rna)
    each = np.stack([_fold(rna, letters, *one) for one in sets])
    upper: np.ndarray = each.mean(axis=0).astype(np.float32)
    symmetric: np.ndarray = upper + upper.T
    return symmetric


@cache
def _energies(rna: Any) -> list[tuple[Any, Any]]:
    """Each set's energies and Boltzmann factors; reading them takes longer than folding a short sequence."""
    sets = []
    for name in _PARAMETERS:
        getattr(rna, f"params_load_{name}")()
        sets.append((rna.param(), rna.exp_param()))
    rna.params_load_RNA_Turner2004()  # the default, for whoever else uses it
    return sets


def _fold(rna: Any, letters: str, energies: Any, factors: Any) -> np.ndarray:
    """Probabilities above the diagonal with one set of energies. (L, L)"""
    compound = rna.fold_compound(letters)
    compound.params_subst(energies)
    compound.exp_params_subst(factors)
    _, energy = compound.mfe()
    compound.exp_params_rescale(energy)  # keeps the sums of long sequences in range
    compound.pf()
    return np.array(compound.bpp())[1:, 1:]


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
