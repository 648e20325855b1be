"""Published RiNALMo weights -> a backbone.

RiNALMo (Penic et al. 2024, arXiv:2403.00043) reads from the 5' end between two end tokens; its SwiGLU
has biases and a learned slope, its token dropout also acts when predicting. What the network of
`model.py` does not do is folded into the weights, so that it gives the same numbers without knowing
where they come from:

- positions: RiNALMo counts forwards, we count backwards. A rotary angle changes sign when the two
  halves of a head's queries and keys change places.
- slope b: x sigmoid(b x) = silu(b x) / b, so the gate is multiplied by b and the value divided by it.
- token dropout: the share of letters hidden in its pre-training, 12 %, scales the embeddings.

Names, shapes and order of tokens are those of github.com/lbcb-sci/RiNALMo (Apache-2.0); the weights
are CC BY 4.0 (doi:10.5281/zenodo.10725749).
"""

from pathlib import Path

import torch
from torch import Tensor

from utrlm import alphabet
from utrlm.errors import InputError
from utrlm.training.model import Backbone, BackboneConfig

HEADS = 20  # in every published size
HIDDEN = 0.15 * 0.8  # share of letters hidden in pre-training
TOKENS = ("<cls>", "<pad>", "<eos>", "<unk>", "<mask>", *"ACGTIRYKMSWBDHVN-")
OURS = ("<pad>", "<mask>", *alphabet.LETTERS, "<cls>", "<eos>")  # what our codes and two ends are called there
HEAD = ("linear1", "layer_norm", "linear2")  # of the language model's head, which is no part of a backbone


class Weights:
    """The tensors of a checkpoint, each taken once by its name and shape."""

    def __init__(self, path: Path):
        self.path = path
        self._tensors = read_tensors(path)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a matrix.

        Raises:
            InputError: there is no such matrix.
        """
        tensor = self._tensors.get(name)
        if tensor is None or tensor.ndim != 2:
            raise InputError(f"{self.path}: no RiNALMo checkpoint: no matrix {name}")
        return tuple(tensor.shape)

    def blocks(self) -> int:
        """Number of transformer blocks, by the names."""
        numbers = [name.split(".")[2] for name in self._tensors if name.startswith("transformer.blocks.")]
        return 1 + max((int(number) for number in numbers if number.isdecimal()), default=0)

    def take(self, name: str, *shape: int) -> Tensor:
        """One tensor, in float32.

        Raises:
            InputError: missing, or of another shape.
        """
        if name not in self._tensors:
            raise InputError(f"{self.path}: {name} is missing")
        tensor = self._tensors.pop(name)
        if tuple(tensor.shape) != shape:
            raise InputError(f"{self.path}: {name} has shape {tuple(tensor.shape)}, not {shape}")
        return tensor.float()

    def finish(self) -> None:
        """Raise InputError if a tensor was left over."""
        left = sorted(
            set(self._tensors) - {f"lm_mask_head.{part}.{kind}" for part in HEAD for kind in ("weight", "bias")}
        )
        if left:
            raise InputError(f"{self.path}: {left[0]} is no part of RiNALMo ({len(left)} names left over)")


def is_checkpoint(path: Path) -> bool:
    """Whether a file begins like one that torch wrote (a zip), whatever its name."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name; a file that holds anything else is not opened.

    Raises:
        InputError: missing, cut off, or no torch file of tensors.
    """
    try:
        with path.open("rb") as file:
            tensors = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many classes for a damaged file
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no torch file of plain tensors"
        raise InputError(f"{path}: {reason}") from error
    pairs = tensors.items() if isinstance(tensors, dict) else [(None, tensors)]
    if not all(isinstance(name, str) and isinstance(value, Tensor) for name, value in pairs):
        raise InputError(f"{path}: no RiNALMo checkpoint: not a table of tensors")
    return dict(pairs)


def load_rinalmo(path: Path) -> Backbone:
    """The backbone in a published RiNALMo checkpoint, in float32; its size follows from the shapes.

    An unknown letter (N), MASK here, is read as RiNALMo's <mask>. Hidden states equal RiNALMo's at every letter.

    Raises:
        InputError: the file is missing or broken, or has other names or shapes than RiNALMo.
    """
    weights = Weights(path)
    config = read_config(weights)
    state = {"stem.letter.weight": embedding(weights, config.width)}
    for number in range(config.layers):
        state |= {f"blocks.{number}.{name}": value for name, value in block(weights, number, config).items()}
    state |= layer_norm(weights, "transformer.final_layer_norm", "norm", config.width)
    weights.finish()
    with torch.device("meta"):
        backbone = Backbone(config)
    backbone.load_state_dict(state, assign=True)
    return backbone


def read_config(weights: Weights) -> BackboneConfig:
    """RiNALMo's shape of network, with the sizes of these weights.

    Raises:
        InputError: no size of RiNALMo's.
    """
    width = weights.shape("embedding.weight")[1]
    if width % (2 * HEADS):
        raise InputError(f"{weights.path}: width {width} does not make {HEADS} heads of an even width")
    feedforward = weights.shape("transformer.blocks.0.transition.2.weight")[1]
    return BackboneConfig(weights.blocks(), width, HEADS, feedforward, stem=(), frames=False, biases=True, normed=True)


def embedding(weights: Weights, width: int) -> Tensor:
    """Vectors of our codes. (8, D)"""
    rows = weights.take("embedding.weight", len(TOKENS), width)
    return rows[[TOKENS.index(token) for token in OURS]] * (1 - HIDDEN)


def block(weights: Weights, number: int, config: BackboneConfig) -> dict[str, Tensor]:
    """One block's weights under our names."""
    width, hidden, theirs = config.width, config.feedforward, f"transformer.blocks.{number}"
    gate, value = (
        {k: weights.take(f"{theirs}.transition.0.{part}.{k}", *shape) for k, shape in shapes(hidden, width).items()}
        for part in ("linear", "linear_gate")
    )
    slope = weights.take(f"{theirs}.transition.0.beta", 1)
    if not slope.abs() > 1e-6:
        raise InputError(f"{weights.path}: {theirs}.transition.0.beta is 0")
    out = {k: weights.take(f"{theirs}.transition.2.{k}", *shape) for k, shape in shapes(width, hidden).items()}
    return {
        "attention.inward.weight": backwards(weights.take(f"{theirs}.mh_attn.Wqkv.weight", 3 * width, width)),
        "attention.outward.weight": weights.take(f"{theirs}.mh_attn.out_proj.weight", width, width),
        **{f"feedforward.inward.{k}": torch.cat([gate[k] * slope, value[k] / slope]) for k in gate},
        **{f"feedforward.outward.{k}": out[k] for k in out},
        **layer_norm(weights, f"{theirs}.attn_layer_norm", "attention_norm", width),
        **layer_norm(weights, f"{theirs}.out_layer_norm", "feedforward_norm", width),
    }


def shapes(rows: int, columns: int) -> dict[str, tuple[int, ...]]:
    """Shapes of a linear layer's tensors."""
    return {"weight": (rows, columns), "bias": (rows,)}


def layer_norm(weights: Weights, theirs: str, ours: str, width: int) -> dict[str, Tensor]:
    """A layer normalisation under our name."""
    return {f"{ours}.{kind}": weights.take(f"{theirs}.{kind}", width) for kind in ("weight", "bias")}


def backwards(qkv: Tensor) -> Tensor:
    """Queries, keys and values for positions counted from the other end. (3 D, D) -> (3 D, D)"""
    width = qkv.shape[1]
    turned = qkv.view(3, HEADS, 2, width // HEADS // 2, width)[:2].flip(2)  # queries and keys, halves swapped
    return torch.cat([turned.reshape(2 * width, width), qkv[2 * width :]])
