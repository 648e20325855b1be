"""The network: RiNALMo's transformer, read from the start codon backwards.

Sequences are padded on the left, so that the last column of every batch is the base before the
start codon and a position's reading frame is the same in every batch. A padded position never
reaches another one: it is masked in the convolutions, in attention and in pooling.

Source: RiNALMo (Penic et al. 2024, arXiv:2403.00043) for the blocks; FramePool (Karollus et al.
2021, doi:10.1371/journal.pcbi.1008982) for pooling by frame.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from utrlm import alphabet
from utrlm.training.attention import Attention, rotary

FRAMES = 3
START, END = alphabet.SIZE, alphabet.SIZE + 1  # codes of the two ends, where a backbone reads single letters


@dataclass(frozen=True)
class BackboneConfig:
    """Shape of a backbone."""

    layers: int = 6  # transformer blocks
    width: int = 128  # channels of a position
    heads: int = 4  # attention heads a block
    feedforward: int = 320  # hidden channels of SwiGLU
    stem: tuple[int, ...] = (7, 5)  # widths of the convolutions over the letters; () embeds letters and both ends
    frames: bool = True  # add an embedding of the position's frame to the start codon
    biases: bool = False  # of the feed-forward layers
    normed: bool = False  # a block adds to its normalised input, as RiNALMo's code does
    token_dropout: bool = False  # a hidden letter is zero and the others count for more, as in ESM-2; () always does
    dropout: float = 0.0  # share of what a block adds that training drops


# Widths of RiNALMo's published sizes (8 M, 33 M, 150 M, 650 M parameters) and one for a CPU. Heads of about 64:
# at nano's width faster than RiNALMo's 20 of 16. Feed-forward: of the multiples of 64, which a GPU's matrix units
# want, the nearest to RiNALMo's 8/3 of the width. docs/backbones.md has the table.
PRESETS = {
    "tiny": BackboneConfig(6, 128, 4, 320),
    "nano": BackboneConfig(6, 320, 5, 832),
    "micro": BackboneConfig(12, 480, 8, 1280),
    "mega": BackboneConfig(30, 640, 10, 1728),
    "giga": BackboneConfig(33, 1280, 20, 3392),
}


def letters(model: Any, batch: Any) -> tuple[Tensor, bool, tuple[Tensor, Tensor]]:
    """What a model that reads letters alone takes of a batch: codes (B, L) int64, whether any is padding, angles.

    Angles are told, since compiled code would compute their cosines anew for every channel of every sequence.
    """
    codes = torch.from_numpy(batch.codes).to(next(model.parameters()).device)
    return codes, batch.padded, model.backbone.angles(codes)


def convolve(layer: Any, x: Tensor) -> Tensor:
    """A Conv1d along a sequence whose channels lie together. (B, L, C) -> (B, L, D)

    In two dimensions, for which there are kernels that keep channels together; else all that follows would walk
    over memory crosswise.
    """
    weight = layer.weight[:, :, None, :].to(memory_format=torch.channels_last)
    result = F.conv2d(x[:, None].permute(0, 3, 1, 2), weight, layer.bias, padding=(0, layer.kernel_size[0] // 2))
    return result[:, :, 0].transpose(1, 2)


class Stem(nn.Module):
    """Letters and their neighbourhood -> channels: what attention at a small width does not see by itself."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        first, *rest = config.stem
        letters = alphabet.SIZE - 1  # PAD is all zeros
        self.first = nn.Conv1d(letters, config.width, first, padding=first // 2)
        self.rest = nn.ModuleList(nn.Conv1d(config.width, config.width, w, padding=w // 2) for w in rest)
        self.frame = nn.Embedding(FRAMES, config.width) if config.frames else None
        self.token_dropout = config.token_dropout

    def forward(self, codes: Tensor, present: Tensor) -> Tensor:
        """codes (B, L) int64, present (B, L) bool -> (B, L, D)"""
        here = present[:, :, None].to(self.first.weight.dtype)  # (B, L, 1)
        one_hot = torch.stack([codes == code for code in range(1, alphabet.SIZE)], dim=2).to(here.dtype)  # (B, L, 5)
        if self.token_dropout:
            seen = (codes > alphabet.MASK)[:, :, None].to(here.dtype)  # (B, L, 1)
            one_hot = one_hot * seen * (here.sum(dim=1) / seen.sum(dim=1).clamp(min=1))[:, :, None]
        x = F.gelu(convolve(self.first, one_hot)) * here  # (B, L, D)
        for layer in self.rest:
            x = (x + F.gelu(convolve(layer, x))) * here
        if self.frame is not None:
            x = x + self.frame(frames(codes.shape[1], codes.device))
        return x


class Letters(nn.Module):
    """RiNALMo's way in: an embedding of every letter and of both ends, without a neighbourhood.

    A hidden letter is zero, and the others count for as much more (token dropout, as in ESM-2).
    """

    def __init__(self, config: BackboneConfig):
        super().__init__()
        self.letter = nn.Embedding(alphabet.SIZE + 2, config.width)
        self.frame = nn.Embedding(FRAMES, config.width) if config.frames else None

    def forward(self, codes: Tensor, present: Tensor) -> Tensor:
        """codes (B, L + 2) int64 and present (B, L + 2) bool, with ends -> (B, L + 2, D)"""
        seen = present & (codes != alphabet.MASK)
        more = present.sum(dim=1, keepdim=True) / seen.sum(dim=1, keepdim=True)  # (B, 1); an end is always seen
        x: Tensor = self.letter(codes) * (seen * more)[:, :, None]
        if self.frame is not None:
            letter = (codes != alphabet.PAD) & (codes < START)  # START stands where shorter sequences have padding
            frame = F.pad(self.frame(frames(codes.shape[1] - 2, codes.device)), (0, 0, 1, 1))  # (L + 2, D)
            x = x + frame * letter[:, :, None]
        return x


def with_ends(codes: Tensor) -> Tensor:
    """START before a sequence's first letter, END behind its last one. (B, L) -> (B, L + 2)"""
    codes = F.pad(F.pad(codes, (1, 0), value=alphabet.PAD), (0, 1), value=END)
    present = codes != alphabet.PAD
    first = F.pad(present[:, 1:], (0, 1)) & ~present  # the padding that a letter follows
    return torch.where(first, START, codes)


def frames(length: int, device: torch.device) -> Tensor:
    """Frame of every column to the start codon behind the last one: 0 for the last base. (L,)"""
    return (length - 1 - torch.arange(length, device=device)) % FRAMES


class SwiGLU(nn.Module):
    """Gated feed-forward layer (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        self.inward = nn.Linear(config.width, 2 * config.feedforward, bias=config.biases)
        self.outward = nn.Linear(config.feedforward, config.width, bias=config.biases)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, D)"""
        gate, value = self.inward(x).chunk(2, dim=-1)
        result: Tensor = self.outward(F.silu(gate) * value)
        return result


class Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        self.normed = config.normed
        self.dropout = nn.Dropout(config.dropout)
        self.attention_norm, self.attention = nn.LayerNorm(config.width), Attention(config.width, config.heads)
        self.feedforward_norm, self.feedforward = nn.LayerNorm(config.width), SwiGLU(config)
        nn.init.zeros_(self.attention.outward.weight)  # a block starts as the identity
        nn.init.zeros_(self.feedforward.outward.weight)
        if config.biases:
            nn.init.zeros_(self.feedforward.outward.bias)

    def forward(self, x: Tensor, bias: Tensor | None, cos: Tensor, sin: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, D)"""
        normed = self.attention_norm(x)
        x = (normed if self.normed else x) + self.dropout(self.attention(normed, bias, cos, sin))
        x = x + self.dropout(self.feedforward(self.feedforward_norm(x)))
        return x


class Backbone(nn.Module):
    """Codes -> one vector a position."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        self.config = config
        self.stem: nn.Module = Stem(config) if config.stem else Letters(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.recompute = False  # blocks are computed again in the backward pass, rather than kept

    def angles(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """What `rotary` says of the positions of codes (B, L)"""
        ends = 0 if self.config.stem else 2
        return rotary(codes.shape[1] + ends, self.config.width // self.config.heads, codes.device)

    def forward(
        self, codes: Tensor, present: Tensor, padded: bool = True, angles: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """codes (B, L) int64, present (B, L) bool -> (B, L, D)

        `padded` False promises that all is present; `angles`: those of the codes, where they are known already.
        """
        cos, sin = angles or self.angles(codes)
        if not self.config.stem:
            codes = with_ends(codes)
            present = codes != alphabet.PAD
        bias = torch.where(present, 0.0, -1e9)[:, None, None, :] if padded else None
        x = self.stem(codes, present)
        for block in self.blocks:
            again = self.recompute and self.training
            x = checkpoint(block, x, bias, cos, sin, use_reentrant=False) if again else block(x, bias, cos, sin)
        result: Tensor = self.norm(x)
        return result if self.config.stem else result[:, 1:-1]
