"""Makes utrlm/reference.json: what the shipped models predict for human 5' UTRs, and what was measured for training.

usage: python tools/reference.py --fasta human_5utr_2000.fa --data DIR    (DIR: the tables of recipes/*.toml)
Without --data the measured values stay as they are.
"""

import argparse
import tempfile
from pathlib import Path

from utrlm.card import PROBABILITY
from utrlm.models import describe, open_model, sha256, shipped
from utrlm.predict import BATCH_TOKENS, predict_fasta
from utrlm.recipe import read_recipe
from utrlm.reference import PATH, Reference, label_histogram, read_reference, reference_json
from utrlm.summary import Sample, summarise

RECIPES = Path(__file__).parent.parent / "recipes"


def human_sample(fasta: str) -> Sample:
    """Predictions of the default models and upstream AUGs of a FASTA, as a sample."""
    with tempfile.TemporaryDirectory() as folder:
        table = f"{folder}/human.tsv"
        predict_fasta(fasta, None, table, [], [], "cpu", 0, BATCH_TOKENS, "tsv", uorf=True)
        cards = [open_model(path, "cpu").card for path in shipped().values()]
        return summarise(table, cards, "human").samples["human"]


def measured_histograms(data: Path, names: list[str]) -> dict:
    """Labels of the training rows of some models' recipes, by column; a probability's are only 0 and 1."""
    from utrlm.table import build_table

    found = {}
    for name in names:
        recipe = read_recipe(RECIPES / f"{name}.toml")
        table = build_table(recipe, data)
        table = table[table["split"] == "train"]
        for target in recipe.trained.targets:
            labels = table.loc[table["target"] == target.name, "label"]
            if target.unit != PROBABILITY and len(labels):
                found[f"{name}_{target.name}"] = label_histogram(labels.to_numpy())
    return found


def main():
    """Read the arguments, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fasta", required=True)
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    models = [one["name"] for one in describe([]) if one["default"]]
    measured = measured_histograms(given.data, models) if given.data else read_reference().measured
    digests = {name: sha256(shipped()[name]) for name in models}
    PATH.write_text(reference_json(Reference(human_sample(given.fasta), measured, digests)), encoding="utf-8")


if __name__ == "__main__":
    main()
