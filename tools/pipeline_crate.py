"""Makes ro-crate-metadata.json of the pipeline itself (a Workflow RO-Crate), for WorkflowHub and the like.

usage: python tools/pipeline_crate.py [DATE]    (of publication; today unless given)
"""

import sys
from datetime import date
from pathlib import Path

import utrlm
from utrlm.crate import LANGUAGE, LICENCE, graph

ROOT = Path(__file__).parent.parent
WHOLE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
FILES = {"README.md": "text/markdown", "nextflow.config": "text/plain", "nextflow_schema.json": "application/json"}


def main():
    """Write the file."""
    workflow = {
        "@id": "main.nf",
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "utrlm",
        "description": "From a FASTA of 5' UTRs to mean ribosome load, translation efficiency, expression, "
        "structure and splice sites, offline, on a CPU",
        "version": utrlm.__version__,
        "encodingFormat": "text/plain",
        "programmingLanguage": {"@id": LANGUAGE},
        "license": {"@id": LICENCE},
        "creator": {"@id": "#authors"},
    }
    files = [{"@id": name, "@type": "File", "name": name, "encodingFormat": kind} for name, kind in FILES.items()]
    files[0]["about"] = {"@id": "./"}
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": "utrlm",
        "description": "5' UTR language model: pipeline, command-line tools, Galaxy tools and models",
        "datePublished": sys.argv[1] if len(sys.argv) > 1 else date.today().isoformat(),
        "license": {"@id": LICENCE},
        "conformsTo": {"@id": WHOLE},
        "mainEntity": {"@id": "main.nf"},
        "author": {"@id": "#authors"},
        "hasPart": [{"@id": one["@id"]} for one in [workflow, *files]],
    }
    authors = {"@id": "#authors", "@type": "Organization", "name": "The utrlm authors"}
    (ROOT / "ro-crate-metadata.json").write_text(graph([root, workflow, *files, authors]), encoding="utf-8")


if __name__ == "__main__":
    main()
