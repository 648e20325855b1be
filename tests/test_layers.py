"""Arrows point down only; each rule of docs/architecture.md that a machine can check."""

import ast

import pytest

from .conftest import ROOT

MODULES = sorted((ROOT / "utrlm").rglob("*.py"))
GROUND = {
    "errors",
    "fields",
    "alphabet",
    "fasta",
    "files",
    "tasks",
    "recipe",
    "recipe_parts",
    "recipe_checks",
    "card",
    "models",
    "table",
    "groups",
    "distance",
    "metrics",
    "decode",
    "pairs",
    "fold",
}


def imports(path):
    """Modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports(path):
    found = set(imports(path))
    tops = {name.split(".")[0] for name in found}
    if "training" not in path.parts:
        assert not tops & {"torch", "onnx", "onnxscript"}
        assert not any(name.startswith("utrlm.training") for name in found)
    if path.stem not in ("options", "design_options", "run_options", "training_options", "wrappers"):
        assert "click" not in tops
    if path.stem in GROUND:
        used = {name.split(".")[1] for name in found if name.startswith("utrlm.")}
        assert used <= GROUND


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_sizes_and_no_print(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 250
    calls = [n.func.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    assert not {"print", "exit", "input"} & set(calls)
