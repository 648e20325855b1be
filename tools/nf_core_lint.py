"""nf-core's checks of the pipeline without a network: prints what is wrong, and fails if anything is.

What `.nf-core.yml` switches off is left out; its comments say why.
"""

import sys
from pathlib import Path

from nf_core.pipelines.lint import PipelineLint

ROOT = Path(__file__).parent.parent


def main():
    """Run every check that is not switched off; exit status 1 where one failed."""
    lint = PipelineLint(str(ROOT))
    lint._load()
    lint._load_lint_config()
    off = {name for name, value in dict(lint.lint_config).items() if value is False}
    counts = dict.fromkeys(("passed", "ignored", "warned", "failed"), 0)
    for name in lint._get_all_lint_tests(False):
        if name in off:
            print(f"off      {name}")
            continue
        found = getattr(lint, name)()
        for kind in counts:
            counts[kind] += len(found.get(kind, []))
            for text in found.get(kind, []) if kind in ("warned", "failed") else []:
                print(f"{kind:8} {name}: {text}")
    print(", ".join(f"{number} {kind}" for kind, number in counts.items()))
    sys.exit(1 if counts["failed"] else 0)


if __name__ == "__main__":
    main()
