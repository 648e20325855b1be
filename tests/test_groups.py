"""What may be learned beside a held-out sequence, and what may not."""

import numpy as np
import pandas as pd

from utrlm.groups import group_by_kmers
from utrlm.recipe import read_recipe
from utrlm.table import build_table

from .mini import recipe_text


def changed(letters, every):
    """Every so-manieth letter replaced by another one."""
    return "".join("ACGT"["CGTA".index(c)] if i % every == 0 else c for i, c in enumerate(letters))


def test_nothing_is_learned_from_near_copies_of_what_is_held_out(tmp_path):
    whole = "".join(np.random.default_rng(1).choice(list("ACGT"), 100))
    near, far = changed(whole, 10), changed(whole, 4)  # identities .9 and .75, and no 25 letters in a row
    splits = {whole: "test", near: "train", far: "valid", changed(far, 10): "train", "A" * 80: "train"}
    pd.DataFrame({"utr": splits.keys(), "rl": 1.0, "split": splits.values()}).to_csv(tmp_path / "a.csv", index=False)
    source = {"file": "a.csv", "target": "egfp_unmod"} | {name: f"split == '{name}'" for name in ("test", "valid")}
    for identity, told in ((0.0, list(splits.values())), (0.8, ["test", "dropped", "valid", "dropped", "train"])):
        (tmp_path / "r.toml").write_text(recipe_text(source, identity=identity))
        assert build_table(read_recipe(tmp_path / "r.toml"), tmp_path)["split"].tolist() == told


def test_groups_by_kmer():
    assert list(group_by_kmers(["AAAACCCC", "CCCCGGGG", "TTTTTTTT"], 4)) == [0, 0, 1]
