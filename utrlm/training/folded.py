"""Masked language modelling beside what thermodynamics says: two more things to guess from the same letters.

As UTR-LM does (Chu et al. 2024, doi:10.1038/s42256-024-00823-9): the minimum free energy of the sequence,
and of each hidden letter whether it pairs and to which side. Their shares of the loss are our own choice.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utrlm import alphabet, metrics
from utrlm.files import written
from utrlm.fold import minimum_energy
from utrlm.training import parallel
from utrlm.training.data import pad
from utrlm.training.masked import NUCLEOTIDES, MaskedBatch, MaskedModel, MaskedSequences
from utrlm.training.model import BackboneConfig
from utrlm.training.parts import computed

STATES = ".()"  # a letter is unpaired, or pairs with a later or an earlier one
STRUCTURE_SHARE, ENERGY_SHARE = 0.1, 0.1  # of the loss, beside 1 for the letters
ENERGY_UNIT = 10.0  # kcal/mol; keeps the energies of UTRs near 1
NOT_ASKED = -100
Folds = dict[bytes, tuple[str, float]]  # structure and energy (kcal/mol) of what is read of a sequence, by its codes


@dataclass(frozen=True)
class FoldedBatch(MaskedBatch):
    """One step's input."""

    energy: np.ndarray  # (B,) float32, minimum free energy in ENERGY_UNIT
    state: np.ndarray  # (B, L) int64, number in STATES of every hidden letter; NOT_ASKED elsewhere


class FoldedSequences(MaskedSequences):
    """Masked sequences with their minimum-free-energy structures."""

    def __init__(self, codes: list[np.ndarray], *arguments: Any, folds: Folds):
        """`folds`: structure and energy of what is read of every sequence, by its codes."""
        super().__init__(codes, *arguments)
        told = [folds[one.tobytes()] for one in self.codes]
        self.states = [np.array([STATES.index(one) for one in structure], dtype=np.int64) for structure, _ in told]
        self.energies = np.array([energy for _, energy in told], dtype=np.float32) / ENERGY_UNIT

    def batch(self, length: int, rows: np.ndarray, seed: tuple[int, ...]) -> FoldedBatch:
        """Assemble a batch; which letters are hidden is drawn from `seed`, as without structures."""
        masked = super().batch(length, rows, seed)
        state = np.where(masked.original >= 0, pad([self.states[i] for i in rows], length), NOT_ASKED)
        return FoldedBatch(**vars(masked), energy=self.energies[rows], state=state)


def read_folds(codes: list[np.ndarray], context: int, kept: Path) -> Folds:
    """Structure and energy (kcal/mol) of each sequence's last `context` letters, by their codes; kept in a file.

    Raises:
        InputError: ViennaRNA is not installed, and nothing was kept.
    """
    windows = list({alphabet.last(one, context).tobytes(): None for one in codes})
    digest = hashlib.sha256(b"\xff".join(windows)).hexdigest()
    with parallel.first_alone():
        if not kept.exists() or str(np.load(kept)["digest"]) != digest:
            rest = lambda first: (minimum_energy(np.frombuffer(one, dtype=np.uint8)) for one in windows[first:])  # noqa: E731
            with computed(kept, digest, rest) as told, written(str(kept)) as beside, open(beside, "wb") as file:
                text, energies = "\n".join(one for one, _ in told), [energy for _, energy in told]
                np.savez_compressed(file, digest=digest, structures=text, energies=energies)
    with np.load(kept) as saved:
        structures, energies = str(saved["structures"]).split("\n"), saved["energies"].tolist()
    return dict(zip(windows, zip(structures, energies, strict=True), strict=True))


class FoldedModel(MaskedModel):
    """Backbone, and one layer more that says letters, states and each letter's part of the energy."""

    def __init__(self, config: BackboneConfig):
        super().__init__(config)
        self.out = nn.Linear(config.width, NUCLEOTIDES + len(STATES) + 1)

    def loss(self, output: Tensor, batch: MaskedBatch) -> Tensor:
        """Means over hidden letters; a sequence's energy counts as often as it has some. output (B, L, 8) -> ()"""
        assert isinstance(batch, FoldedBatch)
        state, energy = (torch.from_numpy(one).to(output.device) for one in (batch.state, batch.energy))
        asked = (state >= 0).sum(dim=1)  # (B,)
        states, energies = self.structure(output, batch)
        wrong = F.cross_entropy(states.flatten(0, 1), state.flatten(), ignore_index=NOT_ASKED, reduction="sum")
        off = (F.smooth_l1_loss(energies, energy, reduction="none") * asked).sum()
        return self.nats(output, batch) + (STRUCTURE_SHARE * wrong + ENERGY_SHARE * off) / asked.sum().clamp(min=1)

    def structure(self, output: Tensor, batch: MaskedBatch) -> tuple[Tensor, Tensor]:
        """Log-odds of states (B, L, 3) and energies (B,), the sums of the letters' parts."""
        present = torch.from_numpy(batch.codes).to(output.device) != alphabet.PAD
        return output[..., NUCLEOTIDES:-1], (output[..., -1] * present).sum(dim=1)

    @torch.no_grad()
    def scores(self, examples: Any) -> dict[str, float]:
        """As `MaskedModel`; accuracy of the hidden letters' states and Pearson's r of energies as well."""
        device, right, asked = self.out.weight.device, 0, 0
        energies = np.zeros(len(examples.energies), dtype=np.float32)
        for rows, batch in examples.in_order():
            with torch.autocast(device.type, torch.bfloat16):
                output = self.standardised(torch.from_numpy(batch.codes).to(device)).float()
            states, told = self.structure(output, batch)
            hidden = batch.state >= 0
            right += int((states.argmax(dim=-1).cpu().numpy() == batch.state)[hidden].sum())
            asked += int(hidden.sum())
            energies[rows] = told.cpu().numpy()
        numbers = super().scores(examples)
        if asked:
            numbers["state_accuracy"] = round(right / asked, 4)
        pearson = metrics.pearson(examples.energies, energies)
        return numbers if np.isnan(pearson) else numbers | {"energy_r": round(pearson, 4)}  # JSON has no NaN
