"""The network: RiNALMo's transformer, read from the start codon backwards.

Sequences are padded on the left, so that the last column of every batch is the base before the
start codon and a position's reading frame is the same in every batch. A padded position never
reaches another one: it is masked in the convolutions, in attention and in pooling.

Source: RiNALMo (Penic et al. 2024, arXiv:2403.00043) for the blocks; FramePool (Karollus et al.
2021, doi:10.1371/journal.pcbi.1008982) for pooling by frame.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utrlm import alphabet

FRAMES = 3


@dataclass(frozen=True)
class BackboneConfig:
    """Shape of a backbone."""

    layers: int = 6  # transformer blocks
    width: int = 128  # channels of a position
    heads: int = 4  # attention heads a block
    feedforward: int = 320  # hidden channels of SwiGLU
    stem: tuple[int, ...] = (7, 5)  # widths of the convolutions over the letters; () embeds single letters
    frames: bool = True  # add an embedding of the position's frame to the start codon


# Widths of RiNALMo's published sizes (8 M, 33 M, 150 M, 650 M parameters) and one for a CPU. Heads of 64:
# at nano's width faster than 20 of 16.
PRESETS = {
    "tiny": BackboneConfig(6, 128, 4, 320),
    "nano": BackboneConfig(6, 320, 5, 853),
    "micro": BackboneConfig(12, 480, 8, 1280),
    "mega": BackboneConfig(30, 640, 10, 1706),
    "giga": BackboneConfig(33, 1280, 20, 3413),
}


class Stem(nn.Module):
    """Letters and their neighbourhood -> channels: what attention at a small width does not see by itself."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        first, *rest = config.stem or (1,)
        letters = alphabet.SIZE - 1  # PAD is all zeros
        self.first = nn.Conv1d(letters, config.width, first, padding=first // 2)
        self.rest = nn.ModuleList(nn.Conv1d(config.width, config.width, w, padding=w // 2) for w in rest)
        self.frame = nn.Embedding(FRAMES, config.width) if config.frames else None

    def forward(self, codes: Tensor, present: Tensor) -> Tensor:
        """codes (B, L) int64, present (B, L) bool -> (B, L, D)"""
        here = present[:, None, :].to(self.first.weight.dtype)  # (B, 1, L)
        one_hot = torch.stack([codes == code for code in range(1, alphabet.SIZE)], dim=1).to(here.dtype)  # (B, 5, L)
        x = F.gelu(self.first(one_hot)) * here  # (B, D, L)
        for convolution in self.rest:
            x = (x + F.gelu(convolution(x))) * here
        x = x.transpose(1, 2)  # (B, L, D)
        if self.frame is not None:
            x = x + self.frame(frames(codes.shape[1], codes.device))
        return x


def frames(length: int, device: torch.device) -> Tensor:
    """Frame of every column to the start codon behind the last one: 0 for the last base. (L,)"""
    return (length - 1 - torch.arange(length, device=device)) % FRAMES


def rotary(length: int, head_width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the rotary angles, positions counted back from the start codon. Two of (L, head_width)"""
    steps = torch.arange(0, head_width, 2, device=device, dtype=torch.float32) / head_width
    back = (length - 1 - torch.arange(length, device=device)).to(torch.float32)
    angles = back[:, None] * (10000.0**-steps)[None, :]  # (L, head_width / 2)
    angles = torch.cat([angles, angles], dim=1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each head's vectors by their position's angle. x (B, H, L, E) -> (B, H, L, E)"""
    one, two = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-two, one], dim=-1) * sin


class Attention(nn.Module):
    """Multi-head self-attention with rotary positions, written out: faster than SDPA's CPU backward at 50 nt."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        self.heads = config.heads
        self.inward = nn.Linear(config.width, 3 * config.width, bias=False)
        self.outward = nn.Linear(config.width, config.width, bias=False)

    def forward(self, x: Tensor, bias: Tensor | None, cos: Tensor, sin: Tensor) -> Tensor:
        """x (B, L, D), bias (B, 1, 1, L) or None where nothing is padded -> (B, L, D)"""
        b, length, width = x.shape
        qkv = self.inward(x).view(b, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]  # each (B, H, L, E)
        cos, sin = cos.to(q.dtype), sin.to(q.dtype)
        q = rotate(q, cos, sin) * (width // self.heads) ** -0.5
        scores = q @ rotate(k, cos, sin).transpose(-1, -2)  # (B, H, L, L)
        if bias is not None:
            scores = scores + bias.to(scores.dtype)
        mixed = scores.softmax(dim=-1).to(v.dtype) @ v  # (B, H, L, E)
        mixed = mixed.transpose(1, 2).reshape(b, length, width)
        result: Tensor = self.outward(mixed)
        return result


class SwiGLU(nn.Module):
    """Gated feed-forward layer (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        self.inward = nn.Linear(config.width, 2 * config.feedforward, bias=False)
        self.outward = nn.Linear(config.feedforward, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, D)"""
        gate, value = self.inward(x).chunk(2, dim=-1)
        result: Tensor = self.outward(F.silu(gate) * value)
        return result


class Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(config.width), Attention(config)
        self.feedforward_norm, self.feedforward = nn.LayerNorm(config.width), SwiGLU(config)
        nn.init.zeros_(self.attention.outward.weight)  # a block starts as the identity
        nn.init.zeros_(self.feedforward.outward.weight)

    def forward(self, x: Tensor, bias: Tensor | None, cos: Tensor, sin: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, D)"""
        x = x + self.attention(self.attention_norm(x), bias, cos, sin)
        x = x + self.feedforward(self.feedforward_norm(x))
        return x


class Backbone(nn.Module):
    """Codes -> one vector a position."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        self.config = config
        self.stem = Stem(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, codes: Tensor, present: Tensor, padded: bool = True) -> Tensor:
        """codes (B, L) int64, present (B, L) bool; `padded` False promises that all is present -> (B, L, D)"""
        length = codes.shape[1]
        cos, sin = rotary(length, self.config.width // self.config.heads, codes.device)
        bias = torch.where(present, 0.0, -1e9)[:, None, None, :] if padded else None
        x = self.stem(codes, present)
        for block in self.blocks:
            x = block(x, bias, cos, sin)
        result: Tensor = self.norm(x)
        return result
