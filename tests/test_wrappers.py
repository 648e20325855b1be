"""Galaxy tools: generated macros are fresh, every option of a script has its place, versions and tables agree."""

import re
import sys
import xml.etree.ElementTree as ElementTree

import click
import pytest

from utrlm import design_options, options, training_options, wrappers
from utrlm.errors import InputError
from utrlm.models import shipped

from .conftest import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GALAXY = ROOT / "galaxy"
TOOLS = sorted(GALAXY.glob("utrlm_*.xml"))
SHARED = [ElementTree.parse(GALAXY / name).getroot() for name in ("macros.xml", "generated.xml")]
TOKENS = {token.get("name"): token.text or "" for root in SHARED for token in root.findall("token")}
by_tool = pytest.mark.parametrize("path", TOOLS, ids=lambda path: path.stem)


def command_line(path):
    """A tool's command with its tokens replaced."""
    text = ElementTree.parse(path).find("command").text
    while found := re.search(r"@[A-Z_]+@", text):
        text = text.replace(found[0], TOKENS[found[0]])
    return text


def test_generated_macros_are_fresh():
    assert wrappers.write_macros(ROOT / "bin", str(GALAXY), check=True)


@by_tool
def test_every_option_of_the_script_is_on_the_command_line(path):
    """But for those that another door serves: one sequence typed in, and what is for shells and clusters."""
    command = wrappers.load_command(ROOT / "bin", path.stem)
    flags = {option.opts[0] for option in command.params if isinstance(option, click.Option)}
    used = set(re.findall(r"(?<![\w'-])--[a-z][a-z0-9-]*", command_line(path)))
    used |= {f"--{name.replace('_', '-')}" for name in re.findall(r"\$(?:\w+\.)*(\w+)", command_line(path))}
    assert flags - {"--version", "--sequence"} - wrappers.ELSEWHERE <= used


@by_tool
def test_no_option_that_the_script_does_not_have(path):
    """Of the command that the tool calls first; utrlm-models, utrlm-export or MultiQC may follow."""
    command = wrappers.load_command(ROOT / "bin", path.stem)
    flags = {option.opts[0] for option in command.params} | {"--json", "--models"}
    text = command_line(path).split(path.stem.replace("_", "-"), 1)[1]
    text = re.split("multiqc --|utrlm-export --", text)[0]
    assert set(re.findall(r"(?<![\w'-])--[a-z][a-z0-9-]*", text)) <= flags


@by_tool
def test_calls_nothing_but_scripts(path):
    """And makes links and folders for them, and reads a table's first line; the page is MultiQC's."""
    known = {"utrlm-models", "utrlm-export", path.stem.replace("_", "-"), "ln", "mkdir"}
    known |= {"multiqc"} if path.stem == "utrlm_report" else set()
    lines = [line.strip() for line in command_line(path).splitlines()]
    shell = " ".join(line for line in lines if line and not line.startswith("#"))
    assert {part.split()[0] for part in shell.split("&&") if not part.strip().startswith("echo")} <= known


@by_tool
def test_head_of_a_tool(path):
    root = ElementTree.parse(path).getroot()
    assert root.get("id") == path.stem
    assert root.get("version") == "@VERSION@+galaxy@VERSION_SUFFIX@"
    assert (root.get("profile"), TOKENS["@PROFILE@"]) == ("@PROFILE@", "25.0")
    assert root.find("command").get("detect_errors") == "exit_code"
    expanded = {one.get("macro") for one in root.iter("expand")}
    assert {"edam", "xrefs", "required_files", "citations"} <= expanded
    for test in root.find("tests"):
        fails = test.get("expect_failure") == "true"
        assert test.find("assert_stderr") is not None if fails else test.get("expect_num_outputs")


def test_one_version_everywhere():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert TOKENS["@VERSION@"] == version
    told = f"tool_version: {version}+galaxy{TOKENS['@VERSION_SUFFIX@']}"
    for workflow in (GALAXY / "workflows").glob("*.gxwf.yml"):
        text = workflow.read_text()
        assert text.count("tool_version:") == text.count(told) > 0


def test_tables_and_examples_name_what_there_is():
    for ending in ("sample", "test"):
        tables = ElementTree.parse(GALAXY / f"tool_data_table_conf.xml.{ending}").getroot()
        named = {table.get("name"): table.find("columns").text.split(", ") for table in tables}
        assert set(named) == {one.get("from_data_table") for root in SHARED for one in root.iter("options")} - {None}
        for name, columns in named.items():
            for line in (GALAXY / f"test-data/{name}.loc").read_text().splitlines():
                assert len(line.split("\t")) == len(columns)
    shown = {tool.get("file") for tool in ElementTree.parse(GALAXY / "examples/tool_conf.xml").getroot().iter("tool")}
    assert shown >= {f"GALAXY_TOOLS/{path.name}" for path in TOOLS if path.stem != "utrlm_install"}


def test_every_shipped_model_can_be_chosen():
    choices = next(xml for xml in SHARED[1].findall("xml") if xml.get("name") == "shipped_models")
    assert [option.get("value") for option in choices] == list(shipped())
    assert all(f"**{name}**" in TOKENS["@SHIPPED_HELP@"] for name in shipped())


@click.command()
@options.batch_tokens
@training_options.epochs
@options.form
@options.ct
@options.fold
@training_options.unit
@training_options.own_task
@design_options.search
@options.device
@options.fasta
@training_options.backbone
def example(**settings):
    """A command with an option of every kind."""


def test_an_option_of_every_kind():
    root = ElementTree.fromstring(wrappers.macros({"utrlm_example": example}))
    named = {xml.get("name"): xml for xml in root.findall("xml")}
    section = named["example_options"].find("section")
    told = {param.get("argument"): param for param in section}
    search = ["--number", "--rounds", "--children", "--min-distance", "--seed"]
    assert list(told) == [
        "--batch-tokens",
        "--epochs",
        "--format",
        "--unit",
        *search,
    ]  # no files, not what is placed by hand
    batch = told["--batch-tokens"]
    assert [batch.get(name) for name in ("type", "min", "value")] == ["integer", "1", "2048"]
    assert told["--epochs"].find("validator").get("exclude_min") == "true"
    assert [option.get("selected") for option in told["--format"]] == ["true", None, None]
    assert told["--unit"].find("expand").get("macro") == "plain_text"
    assert [told["--seed"].get(name) for name in ("type", "min", "value")] == ["integer", "0", "0"]
    assert named["example_ct"].find("param").get("truevalue") == "--ct"
    first, second = named["example_task"].find("param")[:2]  # a choice without default begins with none
    assert (first.get("value"), first.get("selected"), second.get("value")) == ("", "true", "mrl")
    tokens = {token.get("name"): token.text for token in root.findall("token")}
    assert tokens["@EXAMPLE_OPTIONS@"].startswith("--batch-tokens '$options.batch_tokens' --epochs ")


def test_a_file_that_is_not_fresh(tmp_path):
    (tmp_path / "utrlm_uorf.xml").write_text("<tool/>")
    with pytest.raises(InputError, match="not fresh, run utrlm-wrappers"):
        wrappers.write_macros(ROOT / "bin", str(tmp_path), check=True)
    wrappers.write_macros(ROOT / "bin", str(tmp_path), check=False)
    assert wrappers.write_macros(ROOT / "bin", str(tmp_path), check=True)
    (tmp_path / "utrlm_none.xml").write_text("<tool/>")
    with pytest.raises(InputError, match="no such script"):
        wrappers.write_macros(ROOT / "bin", str(tmp_path), check=True)
