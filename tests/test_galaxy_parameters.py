"""Every parameter of a Galaxy tool, and every choice of it, is set in a test of that tool whose job succeeds."""

import re
import xml.etree.ElementTree as ElementTree
from copy import deepcopy

import pytest

from .conftest import ROOT

GALAXY = ROOT / "galaxy"
TOOLS = sorted(GALAXY.glob("utrlm_*.xml"))
SHARED = [ElementTree.parse(GALAXY / name).getroot() for name in ("macros.xml", "generated.xml")]
MACROS = {macro.get("name"): macro for root in SHARED for macro in root.findall("xml")}
TRAINING = "a training of a minute or more, whose way another choice goes"
NO_NUMBERS = "it predicts no numbers that could be compared"
EXCEPTIONS = {  # tool and parameter: what no test sets, and why
    ("utrlm_finetune", "how|task"): ({"mrl", "te", "splice"}, TRAINING),
    ("utrlm_finetune", "how|start|shipped"): ({"backbone-nano", "backbone-tiny"}, TRAINING),
    ("utrlm_pretrain", "embedder"): ({"false"}, TRAINING),
    ("utrlm_pretrain", "options|preset"): ({"nano", "micro", "mega", "giga"}, TRAINING),
    ("utrlm_evaluate", "options|split"): ({"valid"}, "in the small table no row is of that split"),
    ("utrlm_design", "models|tasks"): ({"splice"}, NO_NUMBERS),
    ("utrlm_mutagenesis", "models|tasks"): ({"splice"}, NO_NUMBERS),
    ("utrlm_variants", "models|tasks"): ({"splice"}, NO_NUMBERS),
}


def expanded(element):
    """A copy with every <expand> replaced by what its macro holds, but for what that is given."""
    copied = deepcopy(element)
    copied[:] = [inner for child in element for inner in unfolded(child)]
    return copied


def unfolded(child):
    """What stands for one child."""
    if child.tag != "expand":
        return [expanded(child)]
    return [inner for one in MACROS[child.get("macro")] for inner in unfolded(one)]


def called(param):
    """The name that Galaxy gives it."""
    return param.get("name") or param.get("argument").lstrip("-").replace("-", "_")


def asked(parent, before=""):
    """What tests have to set, by the parameter's path; a default value is none."""
    found = {}
    for child in parent:
        if child.tag == "param":
            found[before + called(child)] = worth_setting(child)
        elif child.tag in ("conditional", "section", "repeat"):
            found |= asked(child, f"{before}{child.get('name')}|")
        elif child.tag == "when":
            found |= {path: wanted | found.get(path, set()) for path, wanted in asked(child, before).items()}
    return found


def worth_setting(param):
    """Values that a test should give; {None} stands for any other than the default."""
    options = param.findall("option")
    if param.get("type") == "select" and options:
        marked = [one for one in options if one.get("selected") == "true"]
        taken = marked or options[: param.get("multiple") != "true"]  # without a mark Galaxy takes the first
        return {one.get("value") for one in options if one not in taken and one.get("value")}
    return {"true" if param.get("checked") == "false" else "false"} if param.get("type") == "boolean" else {None}


def given(test, before=""):
    """Path and value of everything that a test sets."""
    for child in test:
        if child.tag == "param":
            yield from ((before + child.get("name"), value) for value in child.get("value").split(","))
        elif child.tag in ("conditional", "section", "repeat"):
            yield from given(child, f"{before}{child.get('name')}|")


def untested(path):
    """What no successful test of a tool sets."""
    root = ElementTree.parse(path).getroot()
    tests = [test for test in root.find("tests") if test.get("expect_failure") != "true"]
    there = {one for test in tests for one in given(test)} | {(name, None) for test in tests for name, _ in given(test)}
    wanted = asked(expanded(root.find("inputs")))
    missing = {name: {value for value in values if (name, value) not in there} for name, values in wanted.items()}
    return {name: values for name, values in missing.items() if values}


@pytest.mark.parametrize("path", TOOLS, ids=lambda path: path.stem)
def test_every_parameter_is_set_in_a_test_that_succeeds(path):
    excepted = {name: values for (tool, name), (values, _) in EXCEPTIONS.items() if tool == path.stem}
    assert untested(path) == excepted


def test_every_failure_is_told_in_words():
    for path in TOOLS:
        for told in ElementTree.parse(path).getroot().iterfind("tests/test/assert_stderr/has_text"):
            assert len(re.findall(r"\w+", told.get("text"))) > 3, f"{path.name}: {told.get('text')!r} tells nothing"


def test_a_parameter_that_no_test_sets(tmp_path):
    path = tmp_path / "tool.xml"
    path.write_text(
        '<tool><inputs><param argument="--one-more" type="integer" value="0"/><param name="yes" type="boolean" '
        'checked="false"/><expand macro="uorf_options"/></inputs><tests><test><param name="yes" value="false"/></test>'
        '<test expect_failure="true"><param name="one_more" value="1"/></test></tests></tool>'
    )
    assert untested(path) == {"one_more": {None}, "yes": {"true"}, "options|per": {"record"}}
