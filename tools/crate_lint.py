"""The official validator of RO-Crates on crates in folders, without a network: prints what is wrong, and fails at
anything that a profile requires.

usage: python tools/crate_lint.py FOLDER ...    (needs roc-validator)

The terms of a crate are defined by two files of the network. In their place stand here those that ours use; a term that
is not among them is an error.
"""

import json
import sys
from pathlib import Path

from rocrate_validator.services import validate

SCHEMA = """
ComputerLanguage CreateAction CreativeWork Dataset Organization PropertyValue SoftwareApplication SoftwareSourceCode
about actionStatus author contentSize creator datePublished description encodingFormat endTime hasPart identifier
instrument license mainEntity mentions name object programmingLanguage result softwareRequirements softwareVersion
url value version
"""
TERMS = {name: f"http://schema.org/{name}" for name in SCHEMA.split()} | {
    "File": "http://schema.org/MediaObject",
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "conformsTo": "http://purl.org/dc/terms/conformsTo",
    "sha256": "https://w3id.org/ro/terms/workflow-run#sha256",
}
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"]


def check(folder):
    """Print what a folder's crate lacks, a line each; returns whether it has all that its profile requires."""
    crate = json.loads((folder / "ro-crate-metadata.json").read_text())
    assert crate.pop("@context") == CONTEXT
    profile = "workflow-run-crate-0.5" if "#run" in {one["@id"] for one in crate["@graph"]} else "workflow-ro-crate-1.0"
    settings = {
        "rocrate_uri": str(folder),
        "metadata_dict": {"@context": TERMS, **crate},
        "package_root": folder,
        "profile_identifier": profile,
        "skip_availability_check": True,
        "offline": True,
    }
    result = validate(settings)
    for issue in result.get_issues():
        print(f"{folder}: {issue.check.identifier}: {issue.message}")
    print(f"{folder}: {len(result.executed_checks)} checks of {profile}")
    return result.passed()


if __name__ == "__main__":
    passed = [check(Path(folder)) for folder in sys.argv[1:]]
    sys.exit(0 if all(passed) else 1)
