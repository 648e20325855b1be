"""The documentation: its code runs and prints what it says, its links lead somewhere, its reference is whole."""

import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import pytest
import yaml

from utrlm import wrappers
from utrlm.tasks import TASKS

from .conftest import ROOT, SCRIPTS
from .docs import PAGES, blocks, furnish, run_block

NUMBER = re.compile(r"-?\d+(\.\d+)?")
PRINTING = [page for page in PAGES if any(not block.reason for block in blocks(page.read_text()))]
by_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)


def site():
    """The module that adds generated pages to the site."""
    loader = SourceFileLoader("docs_site", str(ROOT / "tools/docs_site.py"))
    spec = spec_from_loader("docs_site", loader)
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def words(text):
    """Text without its numbers, which change with the models, and without its spacing."""
    return [NUMBER.sub("#", line).split() for line in text.splitlines()]


@pytest.mark.parametrize("page", PRINTING, ids=lambda path: path.stem)
def test_code_runs_and_prints_what_the_page_says(page, tmp_path):
    furnish(tmp_path)
    for block in blocks(page.read_text()):
        if not block.reason:
            printed = run_block(block, tmp_path)
            assert block.printed is None or words(printed) == words(block.printed)


def test_blocks_are_found():
    text = "a\n```bash\nls\n```\n\n```text\nx\n```\n<!-- not run: why -->\n```python\n1\n```\n```\nno\n```\n"
    assert [(one.code, one.printed, one.reason) for one in blocks(text)] == [("ls\n", "x\n", ""), ("1\n", None, "why")]
    assert text[next(blocks(text)).place] == "x\n"
    assert {page.stem for page in PRINTING} >= {"tutorial", "api", "install"}


@by_page
def test_every_fence_names_its_language(page):
    opened = re.findall(r"^```(.*)$", page.read_text(), flags=re.MULTILINE)[::2]
    assert set(opened) <= {"bash", "python", "text", "toml", "groovy"}


@by_page
def test_links_lead_to_files(page):
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_every_page_is_in_the_menu():
    text = (ROOT / "mkdocs.yml").read_text()
    named = set(re.findall(r": ([\w/-]+\.md)$", text, flags=re.MULTILINE))
    there = {page.name for page in PAGES} - {"README.md"}
    assert named == there | set(site().generated(ROOT))
    assert yaml.safe_load(text)["strict"]


def test_nothing_is_fetched_by_a_reader():
    """Fonts, scripts and pictures come with the site."""
    theme = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["theme"]
    assert theme["name"] == "material" and theme["font"] is False


def test_reference_has_every_option_and_task():
    pages = site().generated(ROOT)
    commands, tasks = pages["commands.md"], pages["trainable.md"]
    for script in SCRIPTS:
        section = commands.split(f"\n## {script.name}\n")[1].split("\n## ")[0]
        for option in wrappers.load_command(ROOT / "bin", script.name).params:
            assert f"`{option.opts[0]}" in section or option.opts[0] == "manifests"
    for task in TASKS.values():
        for target in task.targets:
            assert f"| `{task.name}_{target.name}` |" in tasks
