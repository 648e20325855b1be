"""Prints what an image holds, Debian's and Python's packages with versions and licences, as CycloneDX JSON."""

import json
import re
import subprocess
from importlib import metadata
from pathlib import Path


def debian():
    """Packages that dpkg knows."""
    form = "${Package}\t${Version}\t${Architecture}\n"
    listed = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True, check=True).stdout
    for name, version, architecture in (line.split("\t") for line in listed.splitlines()):
        purl = f"pkg:deb/debian/{name}@{version}?arch={architecture}"
        yield component(name, version, purl, debian_licences(name))


def debian_licences(name):
    """Names in a package's machine-readable copyright file; empty where it is only prose."""
    try:
        text = Path(f"/usr/share/doc/{name}/copyright").read_text(errors="replace")
    except OSError:
        return []
    return sorted(set(re.findall(r"^License: *(\S.*)", text, re.MULTILINE)))


def python():
    """Packages of the virtual environment."""
    for one in metadata.distributions():
        name, version = one.metadata["Name"], one.version
        yield component(name, version, f"pkg:pypi/{name.lower()}@{version}", python_licences(one.metadata))


def python_licences(fields):
    """The expression, else the classifiers, else the first line of the field."""
    if fields.get("License-Expression"):
        return [fields["License-Expression"]]
    classifiers = [c.split(" :: ")[-1] for c in fields.get_all("Classifier", []) if c.startswith("License ::")]
    return classifiers or [line for line in (fields.get("License") or "").splitlines()[:1] if line]


def component(name, version, purl, licences):
    """One entry of the list."""
    named = [{"license": {"name": one}} for one in licences or ["see the package"]]
    return {"type": "library", "name": name, "version": version, "purl": purl, "licenses": named}


if __name__ == "__main__":
    found = sorted([*debian(), *python()], key=lambda one: one["purl"])
    print(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": found}, indent=1))
