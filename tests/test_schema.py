"""nextflow_schema.json says what nextflow.config and the commands have."""

import csv
import json
import re

import click
import jsonschema
import pytest

import utrlm
from utrlm import options, training_options

from .conftest import ROOT

SCHEMA = json.loads((ROOT / "nextflow_schema.json").read_text())
PROPERTIES = {name: one for group in SCHEMA["$defs"].values() for name, one in group["properties"].items()}
VALUES = {"null": None, "true": True, "false": False}


def config_defaults():
    """Parameters of nextflow.config with their values."""
    text = (ROOT / "nextflow.config").read_text()
    block = re.search(r"^params \{\n(.*?)^\}", text, re.M | re.S)[1]
    found = re.findall(r"^ +(\w+) += (.+)$", block, re.M)
    return {name: VALUES[value] if value in VALUES else json.loads(value.replace("'", '"')) for name, value in found}


def test_every_parameter_and_its_default():
    assert {name: one.get("default") for name, one in PROPERTIES.items()} == config_defaults()
    assert all(one["description"] for one in PROPERTIES.values())
    assert [one["$ref"] for one in SCHEMA["allOf"]] == [f"#/$defs/{name}" for name in SCHEMA["$defs"]]


def test_the_schema_is_one_and_takes_its_own_defaults():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate({name: value for name, value in config_defaults().items() if value is not None}, SCHEMA)


def test_the_sheet_of_samples_has_its_schema():
    schema = json.loads((ROOT / PROPERTIES["input"]["schema"]).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    with (ROOT / "assets/samplesheet.csv").open() as sheet:
        rows = list(csv.DictReader(sheet))
    jsonschema.validate(rows, schema)
    assert all((ROOT / "assets" / row["fasta"]).is_file() for row in rows)
    read = (ROOT / "subworkflows/local/inputs/main.nf").read_text()
    assert f"- [{', '.join(map(repr, schema['items']['properties']))}]" in read
    pattern = schema["items"]["properties"]["sample"]["pattern"]
    assert f"==~ /{pattern[1:-1]}/" in read
    assert [name for name in ("a", "7.b-c", "", ".a", "-a", "a b") if re.match(pattern, name)] == ["a", "7.b-c"]


@pytest.mark.parametrize(
    ("parameter", "right", "wrong"),
    [
        ("max_memory", ["16 GB", "4.GB", "4.5 GB", "500MB", "4G"], ["4", "lots", "GB", "true", "4 gb"]),
        ("max_time", ["12 h", "1d 6h", "2 days", "90min", "4.5 h"], ["4", "soon", "h", "true"]),
        ("name", ["own", "7.b-c"], ["", ".a", "a/b"]),
    ],
)
def test_patterns_and_what_to_say(parameter, right, wrong):
    described = PROPERTIES[parameter]
    assert [text for text in right + wrong if re.match(described["pattern"], text)] == right
    assert described["errorMessage"]


@pytest.mark.parametrize(
    ("parameter", "option"),
    [
        ("select", options.select),
        ("task", training_options.own_task),
        ("preset", training_options.preset),
        ("split", training_options.split),
        ("batch_tokens", options.batch_tokens),
        ("shard_residues", options.shard_residues),
        ("name", training_options.name),
        ("sequence_column", training_options.sequence_column),
        ("epochs", training_options.epochs),
        ("seeds", training_options.seeds),
        ("pretrain_seed", options.seed),
    ],
)
def test_choices_and_defaults_are_those_of_the_commands(parameter, option):
    (known,) = option(lambda: None).__click_params__
    described = PROPERTIES[parameter]
    if isinstance(known.type, click.Choice):
        assert described["enum"] == list(known.type.choices)
    if "default" in described:
        assert described["default"] == known.default


def test_the_version_is_one():
    assert f"version: {utrlm.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"version         = '{utrlm.__version__}'" in (ROOT / "nextflow.config").read_text()
