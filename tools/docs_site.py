"""Pages of the site that are made of the code, for mkdocs.yml: commands of Click, tasks of TASKS, and the README."""

import re
import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the site is that of this checkout

from utrlm import wrappers  # noqa: E402
from utrlm.tasks import TASKS  # noqa: E402

KINDS = {
    "scalar": "a number a sequence, with its 90 % interval",
    "site": "a probability, of the two letters in the middle of a sequence",
    "pairs": "base pairs",
}


def generated(root: Path) -> dict[str, str]:
    """Markdown by the page's name."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    return {
        "index.md": readme.replace("](docs/", "]("),
        "commands.md": commands(root / "bin"),
        "trainable.md": tasks(),
        "changelog.md": (root / "CHANGELOG.md").read_text(encoding="utf-8"),
        "contributing.md": (root / "CONTRIBUTING.md").read_text(encoding="utf-8"),
    }


def commands(scripts: Path) -> str:
    """A section a script: what its --help says."""
    lines = [
        "# Commands",
        "",
        "Made of the commands themselves; `--help` says the same. `-h`, `--help` and `--version` are",
    ]
    lines += ["options of each.", ""]
    for path in sorted(scripts.iterdir()):
        lines += command(path.name, wrappers.load_command(scripts, path.name))
    return "\n".join(lines) + "\n"


def command(name: str, one: click.Command) -> list[str]:
    """Usage, text, options and examples of a command."""
    told = (one.help or "").split("\n\n")
    examples = (one.epilog or "").replace("\b\n", "").splitlines()
    context = click.Context(one, info_name=name)
    lines = [f"## {name}", "", *(escape(" ".join(part.split())) + "\n" for part in told)]
    arguments = [part.make_metavar(context) for part in one.params if isinstance(part, click.Argument)]
    lines += ["| option | value | default | what |", "| --- | --- | --- | --- |"]
    lines += [option_row(part, context) for part in one.params if isinstance(part, click.Option)]
    lines += ["", f"Arguments: {', '.join(f'`{argument}`' for argument in arguments)}", ""] if arguments else [""]
    return [*lines, "```text", *(line.strip() for line in examples if line.startswith(" ")), "```", ""]


def option_row(option: click.Option, context: click.Context) -> str:
    """One row of the table of options."""
    flags = ", ".join(f"`{flag}`" for flag in [*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else f"`{option.make_metavar(context)}`"
    plain = isinstance(option.default, str | int | float) and not option.is_flag and option.default != ""
    default = "required" if option.required else f"`{option.default}`" if plain else ""
    return f"| {flags} | {escape(value)} | {default} | {escape(option.help or '')} |"


def tasks() -> str:
    """A section an entry of TASKS."""
    lines = ["# What can be trained", "", "Made of `utrlm/tasks.py`; an entry there is all that a task needs"]
    lines += [
        "([architecture](architecture.md)). What shipped models are worth: [tasks](tasks.md), [limits](limits.md).",
        "",
    ]
    for task in TASKS.values():
        lines += [f"## {task.name}", "", f"Predicts {KINDS[task.kind]}.", ""]
        lines += ["| column | unit | what |", "| --- | --- | --- |"]
        lines += [
            f"| `{task.name}_{one.name}` | {escape(one.unit)} | {escape(one.description)} |" for one in task.targets
        ]
        lines.append("")
    return "\n".join(lines)


def escape(text: str) -> str:
    """Text for a cell of a table or a paragraph, where HTML and pipes outside of code would be read as such."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;").replace("|", "\\|") for part in parts)


def on_files(files, config):  # type: ignore[no-untyped-def]
    """MkDocs: add the generated pages."""
    from mkdocs.structure.files import File

    for name, text in generated(ROOT).items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown, page, config, files):  # type: ignore[no-untyped-def]
    """MkDocs: the README is the site's first page."""
    return markdown.replace("](../README.md)", "](index.md)")
