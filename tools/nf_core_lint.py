"""nf-core's checks of the pipeline and its modules without a network: prints what is wrong, and fails if anything is.

What `.nf-core.yml` switches off is left out, and of the modules what `OFF` names; the comments say why.
"""

import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

from nf_core.components.nfcore_component import NFCoreComponent
from nf_core.modules.lint import ModuleLint
from nf_core.pipelines.lint import PipelineLint

ROOT = Path(__file__).parent.parent
SCHEMAS = ("meta-schema.json", "environment-schema.json")  # of nf-core's repository of modules
OFF = {
    "bioconda_version": "asks the network for the packages of bioconda",
    "docker_tag": "conf/containers.config gives an image to a label, not to a module",
    "singularity_tag": "the same",
    "process_standard_label": "a label says what a task is, and with it its image and its resources",
    "main_nf_meta_key": "keys that this pipeline reads: tasks of a sample, names of a recipe's files",
    "main_nf_ext_key": "the same of ext: device, plots, folding",
    "main_nf_version_topic": "of multiqc, which may be missing; its page says its version",
    "when_exist": "Nextflow has deprecated `when`",
}


def lint_pipeline():
    """What the checks of the pipeline say that are not switched off: kind -> texts."""
    lint = PipelineLint(str(ROOT))
    lint._load()
    lint._load_lint_config()
    off = {name for name, value in dict(lint.lint_config).items() if value is False}
    counts = {kind: [] for kind in ("passed", "ignored", "warned", "failed")}
    for name in lint._get_all_lint_tests(False):
        if name in off:
            print(f"off      {name}")
            continue
        found = getattr(lint, name)()
        for kind, texts in counts.items():
            texts += [f"{name}: {text}" for text in found.get(kind, [])]
    return counts


def lint_modules():
    """The same of all modules. nf-core only warns of what a pipeline's own modules lack; here it is a failure."""
    counts = {kind: [] for kind in ("passed", "ignored", "warned", "failed")}
    with tempfile.TemporaryDirectory() as repository:
        (Path(repository) / "modules").mkdir()
        for name in SCHEMAS:  # which lie in a repository on the network, and here allow everything
            (Path(repository) / "modules" / name).write_text("{}")
        lint = ModuleLint.__new__(ModuleLint)  # its constructor clones that repository
        lint.directory, lint.component_type, lint.repo_type = ROOT, "modules", "pipeline"
        lint.fail_warned, lint.fix, lint.hide_progress, lint.registry = False, False, True, ()
        lint.passed, lint.warned, lint.failed = [], [], []
        lint.lint_config, lint.modules_json, lint.meta_schema = None, None, {}
        lint.modules_repo = SimpleNamespace(local_repo_dir=repository, remote_url="", repo_path="nf-core")
        lint.lint_tests = ModuleLint.get_all_module_lint_tests(True)
        folders = sorted((ROOT / "modules/local").iterdir())
        kind = ("pipeline", ROOT, "modules")
        lint.lint_modules([NFCoreComponent(one.name, None, one, *kind, False) for one in folders], local=True)
    for result in lint.passed:
        counts["passed"].append(result.message)
    for result in lint.warned + lint.failed:
        where = "ignored" if result.lint_test in OFF else "failed"
        counts[where].append(f"module {result.component_name}: {result.lint_test}: {result.message}")
    return counts


def main():
    """Run every check that is not switched off; exit status 1 where one failed."""
    wrong = 0
    for counts in (lint_pipeline(), lint_modules()):
        for kind in ("warned", "failed"):
            for text in counts[kind]:
                print(f"{kind:8} {text}")
        print(", ".join(f"{len(texts)} {kind}" for kind, texts in counts.items()))
        wrong += len(counts["failed"])
    for name, reason in OFF.items():
        print(f"off      {name} (of modules): {reason}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
