"""Makes docs/cards.md: the cards of the shipped models, as utrlm-finetune writes one beside each model.

usage: python tools/cards.py DATA    (the tables of recipes/*.toml)
"""

import sys
from pathlib import Path

from utrlm.models import open_model, shipped
from utrlm.recipe import read_recipe
from utrlm.table import build_table
from utrlm.training.report import facts_of, markdown

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/cards.md"
HEAD = """# Cards of the shipped models

Made by `tools/cards.py` from the files themselves and the tables of their recipes; `utrlm-finetune` writes such a
card beside every model that it trains. Of the backbones: [backbones.md](backbones.md).

"""


def main() -> None:
    """See the module's docstring."""
    cards = []
    for name, path in shipped().items():
        recipe = read_recipe(ROOT / f"recipes/{name}.toml")
        facts = facts_of(recipe, build_table(recipe, Path(sys.argv[1])), path, {})
        cards.append(markdown(open_model(path, "cpu").card, facts).replace("\n#", "\n##"))
    PAGE.write_text(HEAD + "\n".join(f"#{card}" for card in cards), encoding="utf-8")


if __name__ == "__main__":
    main()
