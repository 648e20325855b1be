"""What a Galaxy form lets through, where its job finds the data, and the columns' names that it tells Galaxy."""

import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from utrlm.constraints import parse_range
from utrlm.errors import InputError

from .test_galaxy_parameters import MACROS, called, expanded
from .test_wrappers import GALAXY, TOKENS, by_tool, command_line


def params(tool):
    """The parameters of a form, by name."""
    root = ElementTree.parse(GALAXY / f"{tool}.xml").getroot()
    return {called(one): one for one in root.find("inputs").iter("param")}


def lets_through(param, text):
    """Whether the validators of a range take a text."""
    (use,) = param.findall("expand")
    told = {name: MACROS["range"].get(f"token_{name}") for name in ("number", "least", "most")} | use.attrib
    for validator in MACROS["range"]:
        wanted = validator.text
        for name, value in told.items():
            wanted = wanted.replace(f"@{name.upper()}@", value)
        if validator.get("type") == "regex" and not re.match(wanted, text):
            return False
        if validator.get("type") == "expression" and not eval(wanted, {"value": text}):
            return False
    return True


def command_takes(text, option, most, least=0.0):
    """Whether utrlm-design would take it; an empty text is not handed on."""
    try:
        return not text or parse_range(text, option, most)[0] >= least
    except InputError:
        return False


@pytest.mark.parametrize(
    "text", ["", "0-1", ".4-.6", "0.4-0.60", "0.5", "1", "-", ".6-.4", "1.5-1.9", "1-", "-1", "1.5", ".", "a", "0-1-1"]
)
def test_a_share_is_taken_where_the_command_takes_it(text):
    """But for `1-`, which the command reads as `1`."""
    wanted = command_takes(text, "--gc", 1.0) and not text.endswith("-")
    assert lets_through(params("utrlm_design")["gc"], text) == wanted


@pytest.mark.parametrize("text", ["", "50", "40-60", "10000", "60-40", "0", "0-10", "99999999", "20000", "5-", "5.5"])
def test_a_length_is_taken_where_the_command_takes_it(text):
    wanted = command_takes(text, "--length", 10_000.0, 1) and not re.search(r"-$|\.", text)
    assert lets_through(params("utrlm_design")["length"], text) == wanted


def test_what_may_not_be_empty():
    assert MACROS["plain_name"].find("validator").get("type") == "empty_field"
    options = {called(one): one for one in expanded(MACROS["finetune_options"]).iter("param")}
    kinds = {name: [one.get("type") for one in param.findall("validator")] for name, param in options.items()}
    assert (kinds["name"], kinds["unit"]) == (["regex", "empty_field"], ["regex"])


def test_species_are_chosen_where_they_are_known():
    root = ElementTree.parse(GALAXY / "utrlm_scan.xml").getroot()
    whens = {when.get("value"): when for when in root.iter("when")}
    species = {source: next(one for one in when if called(one) == "species") for source, when in whens.items()}
    assert [one.get("value") for one in species["shipped"]] == ["human", "arabidopsis"]
    assert species["history"].get("type") == "text"


def test_seeds_are_asked_for_with_a_recipe_too():
    root = ElementTree.parse(GALAXY / "utrlm_finetune.xml").getroot()
    assert "finetune_seeds" in {one.get("macro") for one in root.find("inputs").findall("expand")}


@by_tool
def test_data_under_their_own_names_lie_in_folders(path):
    """So that no name is that of an output, of a folder or of another input."""
    text = command_line(path)
    for target in re.findall(r"ln -s '[^']+' '?([^'\s]+)", text):
        if name := re.fullmatch(r"\$(\w+)", target):
            assert re.search(rf"#set \${name[1]} = .*/' \+ re\.sub|#set \${name[1]} = 'results/", text), target
            continue
        assert "/" in target or re.match(r"model\$\{number\}_|[a-z]+\.\w+$|\$\{own", target), target


def test_columns_names_are_those_of_the_first_line(tmp_path):
    (tmp_path / "a table.tsv").write_text('id\town_half "life" (h)\tflags\n1\t2\t3\n')
    told = TOKENS["@NAMED_TABLE@"].replace("$table", "a table.tsv").replace("\\$", "$")  # as Galaxy fills it in
    done = subprocess.run(
        ["bash", "-c", f'echo "{{{told}}}"'], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    names = ["id", 'own_half "life" (h)', "flags"]
    assert json.loads(done.stdout) == {"table": {"metadata": {"column_names": names}}}
