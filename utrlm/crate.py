"""A Workflow Run RO-Crate: what was run on what, with digests of everything that came in and went out.

https://w3id.org/ro/wfrun/workflow/0.5. What lies outside the crate (inputs, models) is named by its content
(`ni:///sha-256;...`, RFC 6920), not by a path of somebody's machine.
"""

import base64
import hashlib
import json
import mimetypes
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import utrlm
from utrlm.errors import InputError
from utrlm.files import written
from utrlm.models import models_of_table

CONTEXT = ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"]
PROFILES = [
    ("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    ("https://w3id.org/workflowhub/workflow-ro-crate/1.0", "Workflow RO-Crate", "1.0"),
]
LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#nextflow"
LICENCE = "https://spdx.org/licenses/Apache-2.0"
Entity = dict[str, Any]


def write_crate(
    workflow: str, inputs: tuple[str, ...], models: tuple[str, ...], results: tuple[str, ...],
    parameters: tuple[str, ...], software: tuple[str, ...], output: str,
) -> None:  # fmt: skip
    """Write `ro-crate-metadata.json` of one run.

    `workflow` and `results`: files that lie in the crate, as paths within it, read from there; the columns of tables
    among them (.tsv) tell the models, with those of one's own (`models`). `inputs`: files from anywhere. `parameters`
    and `software`: "name=value" each.

    Raises:
        InputError: a file cannot be read.
    """
    now = datetime.now(timezone.utc).replace(microsecond=0).isoformat()
    used = dict.fromkeys(m for one in results if one.endswith(".tsv") for m in models_of_table(one, models))
    given = [described(path, inside=False) for path in [*inputs, *map(str, used)]]
    made = [described(path, inside=True) for path in results]
    values = [_value(one) for one in parameters]
    tools = [_tool(one) for one in software]
    main = described(workflow, inside=True) | {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "utrlm",
        "version": utrlm.__version__,
        "programmingLanguage": {"@id": LANGUAGE},
        "license": {"@id": LICENCE},
        "softwareRequirements": _ids(tools),
    }
    action = _action(now, main, [*given, *values], made)
    root = _root(now, main, [*given, *made])
    profiles = [{"@id": at, "@type": "CreativeWork", "name": name, "version": v} for at, name, v in PROFILES]
    with written(output) as beside:
        entities = [root, main, *given, *made, *values, *tools, action, *profiles]
        Path(beside).write_text(graph(entities), encoding="utf-8")


def _root(now: str, main: Entity, files: list[Entity]) -> Entity:
    """The crate itself, which holds the workflow and these files."""
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": "Results of utrlm",
        "description": "What utrlm made, from which files and by which models.",
        "datePublished": now,
        "license": "Results and inputs are their owner's; the workflow is under Apache-2.0.",
        "conformsTo": [{"@id": address} for address, _, _ in PROFILES],
        "mainEntity": {"@id": main["@id"]},
        "hasPart": _ids([main, *files]),
        "mentions": {"@id": "#run"},
    }


def _action(now: str, main: Entity, given: list[Entity], made: list[Entity]) -> Entity:
    """The run, which made files of what it was given."""
    return {
        "@id": "#run",
        "@type": "CreateAction",
        "name": "A run of utrlm",
        "endTime": now,
        "actionStatus": "http://schema.org/CompletedActionStatus",
        "description": "A run of the pipeline that ended with its results whole.",
        "instrument": {"@id": main["@id"]},
        "object": _ids(given),
        "result": _ids(made),
    }


def graph(entities: list[Entity]) -> str:
    """The text of a crate's metadata, with what each needs."""
    about = {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": [
            {"@id": "https://w3id.org/ro/crate/1.1"},
            {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
        ],
    }
    language = {
        "@id": LANGUAGE,
        "@type": "ComputerLanguage",
        "name": "Nextflow",
        "identifier": {"@id": "https://www.nextflow.io/"},
        "url": {"@id": "https://www.nextflow.io/"},
    }
    licence = {"@id": LICENCE, "@type": "CreativeWork", "name": "Apache License 2.0"}
    once = {one["@id"]: one for one in [about, *entities, language, licence]}
    return json.dumps({"@context": CONTEXT, "@graph": list(once.values())}, indent=1) + "\n"


def described(path: str, inside: bool) -> Entity:
    """A file with its size and digest; named by its place in the crate or by its content."""
    digest, size = hashlib.sha256(), 0
    try:
        with open(path, "rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    content = "ni:///sha-256;" + base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")
    entity = {"@id": path if inside else content, "@type": "File", "name": Path(path).name}
    kind = mimetypes.guess_type(path)[0] or ("text/plain" if inside else "application/octet-stream")
    return entity | {"contentSize": size, "sha256": digest.hexdigest(), "encodingFormat": kind}


def _value(parameter: str) -> Entity:
    name, _, value = parameter.partition("=")
    return {"@id": f"#parameter-{name}", "@type": "PropertyValue", "name": name, "value": value}


def _tool(software: str) -> Entity:
    name, _, version = software.partition("=")
    name_id = name.replace(" ", "-")
    return {"@id": f"#software-{name_id}", "@type": "SoftwareApplication", "name": name, "softwareVersion": version}


def _ids(entities: Iterable[Entity]) -> list[Entity]:
    return [{"@id": one["@id"]} for one in entities]
