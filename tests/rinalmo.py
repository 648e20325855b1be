"""RiNALMo outside utrlm: checkpoints of random weights under its names, and what another implementation makes of them.

Weights come from numpy's RandomState, whose numbers never change, so that tests/data/rinalmo.npz needs to hold
outputs only. `python -m tests.rinalmo` writes it; that, and nothing else, needs `pip install -e '.[parity]'`.
"""

from pathlib import Path

import numpy as np
import torch

FILE = Path(__file__).parent / "data" / "rinalmo.npz"
SIZES = {  # blocks, width; every size has 20 heads
    "tiny": (2, 120),
    "nano": (6, 320),
    "micro": (12, 480),
    "mega": (30, 640),
    "giga": (33, 1280),
}
FROZEN = ("tiny", "nano", "micro")
KEPT = 16  # channels of a letter in the file, evenly spread
TOKENS = ["<cls>", "<pad>", "<eos>", "<unk>", "<mask>", *"ACGTIRYKMSWBDHVN-"]
SEQUENCES = ("GGACAUGCCUAGCUUAGGCUNCAGACGUUACGG", "ACGNNUUAG", "CGGAUUCAGAUUACGCAAUGC", "A")  # N: hidden


def shapes(blocks, width):
    """Names and shapes of a published checkpoint, as github.com/lbcb-sci/RiNALMo makes them."""
    hidden = int(2 / 3 * 4 * width)
    yield "embedding.weight", (len(TOKENS), width)
    for block in (f"transformer.blocks.{i}" for i in range(blocks)):
        yield f"{block}.mh_attn.Wqkv.weight", (3 * width, width)
        yield f"{block}.mh_attn.out_proj.weight", (width, width)
        yield from linear(f"{block}.attn_layer_norm", width)
        yield f"{block}.transition.0.beta", (1,)
        yield from linear(f"{block}.transition.0.linear", hidden, width)
        yield from linear(f"{block}.transition.0.linear_gate", hidden, width)
        yield from linear(f"{block}.transition.2", width, hidden)
        yield from linear(f"{block}.out_layer_norm", width)
    yield from linear("transformer.final_layer_norm", width)
    yield from linear("lm_mask_head.linear1", width, width)
    yield from linear("lm_mask_head.layer_norm", width)
    yield from linear("lm_mask_head.linear2", len(TOKENS), width)


def linear(name, *shape):
    """Weight and bias."""
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[:1]


def checkpoint(size):
    """A published checkpoint but for its numbers: matrices of unit gain, everything else away from 0 and 1."""
    random = np.random.RandomState(sum(map(ord, size)))
    state = {}
    for name, shape in shapes(*SIZES[size]):
        values = torch.from_numpy(random.random_sample(shape).astype(np.float32)) * 2 - 1
        if name == "embedding.weight":
            state[name] = values * 0.02  # small, so that their scale matters to the first LayerNorm
        elif len(shape) == 2:
            state[name] = values * (3 / shape[1]) ** 0.5
        else:
            state[name] = values * 0.3 + (0.0 if name.endswith("bias") else 1.0)
    return state


def multimolecule_model(state, size):
    """multimolecule's network with a checkpoint's weights."""
    from multimolecule import RiNALMoConfig, RiNALMoModel

    blocks, width = SIZES[size]
    ids = {f"{name}_token_id": TOKENS.index(f"<{token}>") for name, token in TOKEN_IDS.items()}
    config = RiNALMoConfig(
        vocab_size=len(TOKENS),
        hidden_size=width,
        num_hidden_layers=blocks,
        num_attention_heads=20,
        intermediate_size=4 * width,
        **ids,
    )
    model = RiNALMoModel(config, add_pooling_layer=False).eval()
    model.load_state_dict(dict(multimolecule_weights(state)))
    return model


TOKEN_IDS = {"bos": "cls", "pad": "pad", "eos": "eos", "unk": "unk", "mask": "mask"}
RENAMED = (
    ("embedding.", "embeddings.word_embeddings."),
    ("transformer.blocks.", "encoder.layer."),
    ("transformer.final_layer_norm", "encoder.layer_norm"),
    ("attn_layer_norm", "attention.layer_norm"),
    ("out_layer_norm", "layer_norm"),
    ("mh_attn.out_proj", "attention.output.dense"),
    ("transition.0.beta", "intermediate.bias"),
    ("transition.0", "intermediate"),
    ("transition.2", "output.dense"),
)


def multimolecule_weights(state):
    """A checkpoint's weights under multimolecule's names."""
    for name, value in state.items():
        if name.startswith("lm_mask_head"):
            continue
        for theirs, new in RENAMED:
            name = name.replace(theirs, new)
        if name.endswith("mh_attn.Wqkv.weight"):
            for part, rows in zip(("query", "key", "value"), value.chunk(3), strict=True):
                yield name.replace("mh_attn.Wqkv", f"attention.self.{part}"), rows
        else:
            yield name, value


@torch.no_grad()
def multimolecule_states(state, size, sequences):
    """Final hidden states of each sequence's letters, all in one batch padded on the right. Each (L, D)"""
    spelled = [["<cls>", *s.replace("U", "T"), "<eos>"] for s in sequences]
    ids = [[TOKENS.index("<mask>" if token == "N" else token) for token in tokens] for tokens in spelled]
    longest = max(map(len, ids))
    batch = torch.tensor([one + [TOKENS.index("<pad>")] * (longest - len(one)) for one in ids])
    mask = (batch != TOKENS.index("<pad>")).long()
    hidden = multimolecule_model(state, size)(batch, attention_mask=mask).last_hidden_state
    return [states[1 : len(one) - 1] for states, one in zip(hidden, ids, strict=True)]


def kept(states):
    """The channels that the file keeps, of all letters of all sequences. (N, KEPT) float32"""
    together = torch.cat(list(states))
    return together[:, :: together.shape[1] // KEPT][:, :KEPT].numpy()


def main():
    """Write the file of outputs."""
    outputs = {size: kept(multimolecule_states(checkpoint(size), size, SEQUENCES)) for size in FROZEN}
    np.savez_compressed(FILE, **outputs)


if __name__ == "__main__":
    main()
