"""From the Click commands of bin/ to the macros that the Galaxy tools are made of.

A tool's XML holds its inputs, outputs, help and tests. What the command line says already is generated: a section of
parameters and the piece of command line that hands them on, both of every wrapped script, and what the shipped models
say of themselves.
"""

import difflib
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import click

import utrlm
from utrlm.errors import InputError
from utrlm.files import written
from utrlm.models import WEIGHTS, backbones, describe

NAME = "generated.xml"
GRANTED = {"--device", "--cpus"}  # the destination says, never the user
ELSEWHERE = {"--init", "--settings", "--resume", "--tensorboard", "--shard", "--if-any"}  # not for forms
ELSEWHERE |= {"--speed", "--speeds-dir"}
BY_HAND = {  # flags whose place in a tool's form the form alone knows; files and folders need not be named here
    "--task",
    "--tasks",
    *(f"--{one}-column" for one in ("sequence", "group", "split")),
    "--fold",
    "--ct",
    "--pseudoknots",
    "--plot-format",
    "--plot-records",
    "--any-length",
    "--no-uaug",
    "--sample",
    "--seeds",
    "--species",
}
LABELS = {  # where the flag's own words would say little above a field of a form
    "--batch-tokens": "Size of a batch",
    "--caution": "Price of doubt",
    "--children": "Predictions a round",
    "--ct": "Connectivity table",
    "--fold": "Thermodynamics",
    "--format": "Format of the table",
    "--least": "Smallest probability",
    "--min-distance": "Distance between designs",
    "--name": "Name of the model",
    "--no-uaug": "No upstream AUG",
    "--number": "Number of designs",
    "--per": "A row for each",
    "--plot-format": "Format of the drawings",
    "--plot-records": "Records to draw",
    "--preset": "Size",
    "--prior": "Sites to expect",
    "--random": "Random UTRs",
    "--select": "Transcripts",
    "--task": "Kind of measurement",
    "--uorf": "Upstream AUGs",
}
QUOTE = {'"': "&quot;"}


def write_macros(scripts: Path, galaxy_dir: str, check: bool) -> str:
    """Write the macros of the tools in a folder or, to `check`, only compare; returns the file's name.

    Raises:
        InputError: what is there is not what would be written, or a tool without its script.
    """
    folder = Path(galaxy_dir)
    path = folder / NAME
    text = macros({tool.stem: load_command(scripts, tool.stem) for tool in sorted(folder.glob("utrlm_*.xml"))})
    if check:
        there = path.read_text(encoding="utf-8") if path.is_file() else ""
        if there != text:
            lines = list(difflib.unified_diff(there.splitlines(), text.splitlines(), n=0, lineterm=""))
            raise InputError(f"{path}: not fresh, run utrlm-wrappers ({len(lines)} lines of difference: {lines[2:4]})")
        return str(path)
    with written(str(path)) as beside:
        Path(beside).write_text(text, encoding="utf-8")
    return str(path)


def load_command(scripts: Path, tool: str) -> click.Command:
    """The Click command of the script that a tool calls: utrlm_predict calls utrlm-predict.

    Raises:
        InputError: no such script.
    """
    path = scripts / tool.replace("_", "-")
    if not path.is_file():
        raise InputError(f"{path}: no such script, but there is a {tool}.xml")
    loader = SourceFileLoader(tool, str(path))
    spec = spec_from_loader(tool, loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    command: click.Command = module.main
    return command


def macros(commands: dict[str, click.Command]) -> str:
    """The whole file, from commands by tool."""
    lines = [
        "<macros>",
        "    <!-- Made by utrlm-wrappers from the Click options and the models' cards; not to be edited. -->",
    ]
    lines.append(f'    <token name="@VERSION@">{utrlm.__version__}</token>')
    for tool, command in commands.items():
        lines += tool_macros(tool.removeprefix("utrlm_"), command)
    lines += model_macros([one for one in describe([]) if one["columns"]])
    lines += name_macro("shipped_backbones", [one.stem for one in sorted(WEIGHTS.glob("*.safetensors"), reverse=True)])
    lines += name_macro("shipped_embedders", list(backbones()))
    return "\n".join([*lines, "</macros>"]) + "\n"


def flag(option: click.Parameter) -> str:
    """Such as --batch-tokens."""
    return option.opts[0]


def variable(option: click.Parameter) -> str:
    """The parameter's name in Galaxy, which it makes of the flag itself."""
    return flag(option).lstrip("-").replace("-", "_")


def values(command: click.Command) -> list[click.Option]:
    """Options that hold a value: no file, folder, column or sequence, and not what the destination grants."""
    options = [option for option in command.params if isinstance(option, click.Option) and not option.is_eager]
    return [option for option in options if not option.metavar and flag(option) not in GRANTED | ELSEWHERE]


def tool_macros(verb: str, command: click.Command) -> Iterator[str]:
    """One tool's section `<verb>_options`, its piece of command line, and the parameters that are placed by hand.

    Of the latter not those of free text: a form has something better there, such as a column to choose.
    """
    generated = [option for option in values(command) if flag(option) not in BY_HAND]
    for option in values(command):
        if flag(option) in BY_HAND and (option.is_flag or not_text(option)):
            yield f'    <xml name="{verb}_{variable(option)}">'
            yield from (f"        {line}" for line in parameter(option))
            yield "    </xml>"
    if not generated:
        return
    yield f'    <xml name="{verb}_options">'
    yield '        <section name="options" title="Options" expanded="true">'
    for option in generated:
        yield from (f"            {line}" for line in parameter(option))
    yield "        </section>"
    yield "    </xml>"
    yield f'    <token name="@{verb.upper()}_OPTIONS@"><![CDATA[{" ".join(map(argument, generated))}]]></token>'


def argument(option: click.Option) -> str:
    """What hands an option on. A flag's value is the flag or nothing."""
    value = f"$options.{variable(option)}"
    return value if option.is_flag else f"{flag(option)} '{value}'"


def parameter(option: click.Option) -> Iterator[str]:
    """The lines of one <param>."""
    words = variable(option).replace("_", " ")
    label = LABELS.get(flag(option), words[0].upper() + words[1:])
    told = "" if option.help == f"{label}." else option.help or ""
    shared: dict[str, Any] = {"argument": flag(option), "label": label, "help": told}
    default: Any = option.default if isinstance(option.default, str | int | float) else ""
    inside: list[str] = []
    if option.is_flag:
        shared |= {"type": "boolean", "truevalue": flag(option), "falsevalue": "", "checked": "false"}
    elif isinstance(option.type, click.Choice):
        shared["type"] = "select"
        inside += [] if default else ['<option value="" selected="true">none of these</option>']
        for choice in option.type.choices:
            chosen = {"selected": "true"} if choice == default else {}
            inside.append(element("option", {"value": choice} | chosen, escape(choice)))
    elif not_text(option):
        shared |= limits(option.type) | {"value": f"{default:g}"}
        inside += positive(option.type)
    else:
        shared |= {"type": "text", "value": default}
        inside.append(element("expand", {"macro": "plain_name" if default else "plain_text"}))
    start = element("param", shared)
    yield from [start[:-2] + ">", *(f"    {line}" for line in inside), "</param>"] if inside else [start]


def not_text(option: click.Option) -> bool:
    """Whether its value is one of a few, or a number."""
    return isinstance(option.type, click.Choice | type(click.INT) | type(click.FLOAT))


def limits(kind: click.ParamType) -> dict[str, str]:
    """Type and ends of a number."""
    ends = {"min": getattr(kind, "min", None), "max": getattr(kind, "max", None)}
    told = {"type": "integer" if isinstance(kind, type(click.INT)) else "float"}
    return told | {name: f"{end:g}" for name, end in ends.items() if end is not None}


def positive(kind: click.ParamType) -> list[str]:
    """The check that a number is more than its lower end, where that end is open."""
    if not getattr(kind, "min_open", False):
        return []
    least = limits(kind)["min"]
    ends = {"min": least, "exclude_min": "true"}
    return [element("validator", {"type": "in_range", **ends, "message": f"must be more than {least}"})]


def element(tag: str, attributes: dict[str, Any], text: str = "") -> str:
    """One XML element with escaped text, or none."""
    told = "".join(f' {name}="{escape(str(value), QUOTE)}"' for name, value in attributes.items())
    return f"<{tag}{told}>{text}</{tag}>" if text else f"<{tag}{told}/>"


def name_macro(macro: str, names: list[str]) -> Iterator[str]:
    """Names as choices."""
    yield f'    <xml name="{macro}">'
    for name in names:
        yield f"        {element('option', {'value': name}, escape(name))}"
    yield "    </xml>"


def model_macros(models: list[dict[str, Any]]) -> Iterator[str]:
    """Choices of shipped models and of what they predict, and what their cards say, for the help."""
    yield '    <xml name="shipped_models">'
    for model in models:
        chosen = {"selected": "true"} if model["default"] else {}
        label = escape(f"{model['name']}: {model['description']}")
        yield f"        {element('option', {'value': model['name']} | chosen, label)}"
    yield "    </xml>"
    scalar = [target for model in models if model["kind"] == "scalar" for target in model["targets"]]
    yield from name_macro("shipped_targets", [target["column"] for target in scalar])
    yield f'    <token name="@SHIPPED_HELP@"><![CDATA[{model_help(models)}]]></token>'


def model_help(models: list[dict[str, Any]]) -> str:
    """What every shipped model's columns mean and how well they are predicted, as reStructuredText."""
    lines: list[str] = []
    for model in models:
        lines += ["", f"**{model['name']}**: {model['description']} Trained on {model['domain']}.", ""]
        for target in model["targets"]:
            scores = ", ".join(
                f"{name} {value}" for name, value in target["test"].items() if isinstance(value, int | float)
            )
            lines.append(f"- ``{target['column']}`` ({target['unit']}): {target['description']}.")
            lines.append(f"  Held-out test: {scores or 'not measured'}.")
    return "\n".join(lines)
