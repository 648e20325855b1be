"""What stands on the backbone: from a vector a position to predictions in natural units."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utrlm import alphabet, metrics
from utrlm.training.model import FRAMES, Backbone, BackboneConfig, frames

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

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """x (B, L, D), present (B, L) bool -> (B, T)"""
        frame = frames(x.shape[1], x.device)  # (L,)
        pooled = []
        for f in range(FRAMES):
            inside = (present & (frame == f))[:, :, None]  # (B, L, 1)
            count = inside.sum(dim=1)  # (B, 1)
            mean = (x * inside).sum(dim=1) / count.clamp(min=1)
            peak = torch.where(inside, x, -1e9).amax(dim=1)
            pooled += [mean, torch.where(count > 0, peak, 0.0)]  # a frame without a letter says nothing
        features = torch.cat(pooled, dim=1).to(x.dtype)  # (B, 6 D)
        result: Tensor = self.out(self.dropout(F.gelu(self.hidden(features))))
        return result


class ScalarModel(nn.Module):
    """Backbone and head; the scale of each target lives in the graph, so that outputs are in its unit."""

    mean: Tensor
    scale: Tensor

    def __init__(self, config: BackboneConfig, mean: list[float], scale: list[float], loss: str = "huber"):
        """`mean` and `scale`: of each target's labels, in its unit; `loss`: a key of LOSSES."""
        super().__init__()
        self.loss_name = loss
        self.backbone = Backbone(config)
        self.head = ScalarHead(config.width, len(mean))
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))

    def standardised(self, codes: Tensor, padded: bool = True) -> Tensor:
        """Predictions with mean 0 and deviation 1 a target, as the loss sees them. codes (B, L) int64 -> (B, T)"""
        present = codes != alphabet.PAD
        result: Tensor = self.head(self.backbone(codes, present, padded), present)
        return result

    def forward(self, codes: Tensor) -> Tensor:
        """Predictions in natural units. codes (B, L) int64 -> (B, T) float32"""
        return self.standardised(codes).float() * self.scale + self.mean

    def loss(self, output: Tensor, batch: Any) -> Tensor:
        """Weighted mean loss on standardised labels. output (B, T), a `data.Batch` -> ()"""
        target, label, weight = (
            torch.from_numpy(values).to(output.device) for values in (batch.target, batch.label, batch.weight)
        )
        label = (label - self.mean[target]) / self.scale[target]
        each = LOSSES[self.loss_name](output.gather(1, target[:, None])[:, 0], label, reduction="none")
        return (each * weight).sum() / weight.sum()

    @torch.no_grad()
    def scores(self, examples: Any) -> dict[str, float]:
        """R2 a target, by its number, of `data.Examples`."""
        device = self.mean.device
        predicted = np.zeros(len(examples.label), dtype=np.float32)
        for rows, batch in examples.in_order():
            with torch.autocast(device.type, torch.bfloat16):
                output = self(torch.from_numpy(batch.codes).to(device))
            predicted[rows] = output[torch.arange(len(rows)), torch.from_numpy(batch.target)].float().cpu().numpy()
        numbers = {}
        for target in np.unique(examples.target):
            chosen = examples.target == target
            numbers[str(target)] = round(metrics.r2_score(examples.label[chosen], predicted[chosen]), 4)
        return numbers
