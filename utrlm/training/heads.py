"""What stands on the backbone: from a vector a position to predictions in natural units."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utrlm import alphabet, metrics
from utrlm.training.model import FRAMES, Backbone, BackboneConfig, letters

LOSSES = {"huber": F.smooth_l1_loss}
HIDDEN = 256
DROPOUT = 0.1


class ScalarHead(nn.Module):
    """Mean and maximum over each reading frame -> one standardised number a target."""

    def __init__(self, width: int, targets: int):
        super().__init__()
        self.hidden = nn.Linear(2 * FRAMES * width, HIDDEN)
        self.out = nn.Linear(HIDDEN, targets)
        self.dropout = nn.Dropout(DROPOUT)

    def features(self, x: Tensor, present: Tensor) -> Tensor:
        """What a sequence is known by. x (B, L, D), present (B, L) bool -> (B, HIDDEN)"""
        more = -x.shape[1] % FRAMES  # to whole codons, so that a frame is a column
        x = F.pad(x, (0, 0, more, 0)).unflatten(1, (-1, FRAMES))  # (B, L / 3, 3, D)
        inside = F.pad(present, (more, 0)).unflatten(1, (-1, FRAMES))[..., None]  # (B, L / 3, 3, 1)
        count = inside.sum(dim=1)  # (B, 3, 1)
        mean = (x * inside).sum(dim=1) / count.clamp(min=1)  # (B, 3, D)
        peak = torch.where(inside, x, -1e9).amax(dim=1)
        peak = torch.where(count > 0, peak, 0.0)  # a frame without a letter says nothing
        pooled = torch.stack([mean, peak], dim=2).flip(1)  # (B, 3, 2, D); frame 0, the last base's, first
        return F.gelu(self.hidden(pooled.flatten(1).to(x.dtype)))

    def forward(self, features: Tensor) -> Tensor:
        """(B, HIDDEN) -> (B, T)"""
        result: Tensor = self.out(self.dropout(features))
        return result


class SiteHead(nn.Module):
    """The two middle positions, and mean and maximum of either side -> one number a target."""

    def __init__(self, width: int, targets: int):
        super().__init__()
        self.hidden = nn.Linear(6 * width, HIDDEN)
        self.out = nn.Linear(HIDDEN, targets)
        self.dropout = nn.Dropout(DROPOUT)

    def features(self, x: Tensor, present: Tensor) -> Tensor:
        """What a site is known by. x (B, L, D), present (B, L) bool; L is even -> (B, HIDDEN)"""
        half = x.shape[1] // 2
        parts = [x[:, half - 1], x[:, half]]
        for side, here in ((x[:, :half], present[:, :half]), (x[:, half:], present[:, half:])):
            inside = here[:, :, None]
            parts += [(side * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1)]
            parts += [torch.where(inside, side, -1e9).amax(dim=1).clamp(min=-1e4)]
        return F.gelu(self.hidden(torch.cat(parts, dim=1).to(x.dtype)))

    def forward(self, features: Tensor) -> Tensor:
        """(B, HIDDEN) -> (B, T)"""
        result: Tensor = self.out(self.dropout(features))
        return result


HEADS = {"scalar": ScalarHead, "site": SiteHead}  # by the task's kind


class Calibrated(nn.Module):
    """What is exported of scalars: values and, once calibrated, their spread."""

    input_names = ("codes",)
    scale: Tensor  # of each target's labels, its unit (T,)
    probable: Tensor  # whether a target is a probability (T,)

    def __init__(self) -> None:
        super().__init__()
        self.spread: nn.Module | None = None  # set after training, see `spread.calibrate`

    def features(self, codes: Tensor, padded: bool = True) -> Tensor:
        """What a sequence is known by. codes (B, L) int64 -> (B, F)"""
        raise NotImplementedError

    def values(self, features: Tensor) -> Tensor:
        """Predictions in natural units. features (B, F) -> (B, T) float32"""
        raise NotImplementedError

    def forward(self, codes: Tensor) -> tuple[Tensor, ...]:
        """The exported outputs: values (B, T) and, once calibrated, spread (B, T), natural units. codes (B, L) int64"""
        features = self.features(codes)
        return (self.values(features),) if self.spread is None else (self.values(features), self.spread(features))

    def examples(self, codes: np.ndarray) -> tuple[Tensor, ...]:
        """Inputs to try an exported model with. codes (B, L) int64"""
        return (torch.from_numpy(codes),)

    @property
    def outputs(self) -> list[str]:
        """Names of what `forward` returns."""
        return ["values"] if self.spread is None else ["values", "spread"]


class ScalarModel(Calibrated):
    """Backbone and head; the scale of each target lives in the graph, so that outputs are in its unit."""

    compiled = True
    inputs = letters
    mean: Tensor

    def __init__(
        self,
        config: BackboneConfig,
        mean: list[float],
        scale: list[float],
        loss: str = "huber",
        probable: tuple[int, ...] = (),
        kind: str = "scalar",
    ):
        """`mean` and `scale`: of each target's labels, in its unit; `loss`: a key of LOSSES.

        `probable`: numbers of the targets whose labels are 0 and 1 (mean 0, scale 1); their loss is cross-entropy.
        """
        super().__init__()
        self.loss_name = loss
        self.register_buffer("probable", torch.tensor([t in probable for t in range(len(mean))]), persistent=False)
        self.backbone = Backbone(config)
        self.head: Any = HEADS[kind](config.width, len(mean))
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))

    def standardised(self, codes: Tensor, padded: bool = True, angles: Any = None) -> Tensor:
        """Predictions with mean 0 and deviation 1 a target, as the loss sees them. codes (B, L) int64 -> (B, T)"""
        result: Tensor = self.head(self.features(codes, padded, angles))
        return result

    def features(self, codes: Tensor, padded: bool = True, angles: Any = None) -> Tensor:
        """What the head knows a sequence by; takes what `letters` tells. codes (B, L) int64 -> (B, HIDDEN)"""
        present = codes != alphabet.PAD
        result: Tensor = self.head.features(self.backbone(codes, present, padded, angles), present)
        return result

    def values(self, features: Tensor) -> Tensor:
        """Predictions in natural units. features (B, HIDDEN) -> (B, T) float32"""
        result: Tensor = self.head(features).float() * self.scale + self.mean
        return torch.where(self.probable, result.sigmoid(), result)

    def loss(self, output: Tensor, batch: Any) -> Tensor:
        """Weighted mean loss on standardised labels, and that of differences. output (B, T), a `data.Batch` -> ()"""
        target, label, weight = (
            torch.from_numpy(values).to(output.device) for values in (batch.target, batch.label, batch.weight)
        )
        label = (label - self.mean[target]) / self.scale[target]
        output = output.gather(1, target[:, None])[:, 0]
        each = torch.where(
            self.probable[target],
            F.binary_cross_entropy_with_logits(output, label.clamp(0, 1), reduction="none"),
            LOSSES[self.loss_name](output, label, reduction="none"),
        )
        total = (each * weight).sum() + self.difference(output, target, batch)
        return total / weight.sum().clamp(min=1e-12)  # a part of a batch may weigh nothing

    def difference(self, output: Tensor, target: Tensor, batch: Any) -> Tensor | float:
        """Weighted sum of the loss on what rows differ by from their family's mean; 0 without families. (B,) -> ()

        What near-identical sequences have in common is taken out of output and measurement alike, so that this tells
        of nothing but the letters in which they differ.
        """
        if not batch.compared.any():
            return 0.0
        family = torch.from_numpy(np.unique(batch.family, return_inverse=True)[1]).to(output.device)
        measured, weight = (torch.from_numpy(values).to(output.device) for values in (batch.measured, batch.compared))
        measured = (measured - self.mean[target]) / self.scale[target]

        def centred(values: Tensor) -> Tensor:
            sums = torch.zeros(2, len(family), device=values.device)
            sums = sums.index_add(1, family, torch.stack([values * weight, weight]))
            return values - (sums[0] / sums[1].clamp(min=1e-12))[family]

        each = LOSSES[self.loss_name](centred(output), centred(measured), reduction="none")
        return (each * weight).sum()

    def weight(self, batch: Any) -> float:
        """Sum of the rows' weights. A `data.Batch`"""
        return max(1e-12, float(batch.weight.sum(dtype=np.float64)))

    def merit(self, scores: dict[str, float]) -> float:
        """Mean of the targets' scores that the rows tell; NaN where they tell none."""
        known = [score for score in scores.values() if not np.isnan(score)]
        return float(np.mean(known)) if known else float("nan")

    @torch.no_grad()
    def scores(self, examples: Any) -> dict[str, float]:
        """R2 or, of a probability, area under the ROC curve of each target, by its number. `data.Examples`"""
        device = self.mean.device
        predicted = np.zeros(len(examples.label), dtype=np.float32)
        for rows, batch in examples.in_order():
            with torch.autocast(device.type, torch.bfloat16):
                output = self.values(self.features(torch.from_numpy(batch.codes).to(device)))
            predicted[rows] = output[torch.arange(len(rows)), torch.from_numpy(batch.target)].float().cpu().numpy()
        numbers = {}
        for target in np.unique(examples.target):
            chosen = examples.target == target
            metric = metrics.area_under_roc if self.probable[target] else metrics.r2_score
            numbers[str(target)] = round(metric(examples.label[chosen], predicted[chosen]), 4)
        return numbers
