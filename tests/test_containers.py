"""What the images are built from agrees with the rest; building and running them is `make test-integration`."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from .conftest import ROOT
from .test_packaging import CONDA, PROJECT, requirements

VERSION = PROJECT["version"]
PINS = dict(line.lower().split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
EXTRAS = {  # what an image holds beside the core
    "predict": "genome",
    "full": "design evaluate fold genome parquet plots",
    "gpu": "design evaluate fold genome parquet plots",
    "train": "fold genome parquet train",
}
BUILT = re.search(r"usage: containers/build (\S+)", (ROOT / "containers/build").read_text())[1].split("|")


def packages(image):
    """Lower-case names in an image's list, to the versions that stand there."""
    lines = (ROOT / f"containers/{image}.txt").read_text().lower().splitlines()
    return dict(re.fullmatch(r"([a-z-]+)(?:\[.*\])?(?:==(.*))?", line).groups() for line in lines if line[0] != "#")


def wanted(extras):
    """Lower-case names of packages, as conda has them, that the core and some extras need."""
    names = {name.lower() for extra in ["", *extras.split()] for name in requirements(extra)}
    return names - {"tomli"}  # Debian's Python has it


def test_images_are_named_in_one_way_and_can_be_built():
    configured = "".join(path.read_text() for path in (ROOT / "conf").iterdir())
    found = re.findall(r"ghcr\.io/utrlm/([^:]+):([\w.]+)", configured)
    assert {version for _, version in found} == {VERSION}
    shown = re.findall(
        r"<container type=\"docker\">ghcr.io/utrlm/(.+):@VERSION@<", (ROOT / "galaxy/macros.xml").read_text()
    )
    assert len(shown) == 3
    chosen = re.findall(r"\? '(\w+)' : '(\w+)'", configured)
    assert {name for name, _ in found if "$" not in name} | {*shown, *chosen[0]} == set(BUILT)


@pytest.mark.parametrize("image", EXTRAS)
def test_an_image_holds_what_its_extras_need(image):
    held = {CONDA.get(name, name) for name in packages(image)}
    assert {name.removesuffix("-gpu") for name in held} == wanted(EXTRAS[image])


@pytest.mark.parametrize("image", [*EXTRAS, "build"])
def test_every_package_is_pinned(image):
    assert packages(image)
    assert all(version or name in PINS for name, version in packages(image).items())


def test_the_image_and_the_extra_ask_for_the_same_runtime_of_a_gpu():
    (asked,) = PROJECT["optional-dependencies"]["gpu"]
    lines = (ROOT / "containers/gpu.txt").read_text().splitlines()
    assert [line.split("==")[0] for line in lines if line.startswith("onnxruntime")] == [asked.split(">=")[0]]


def test_drawing_writes_its_list_of_fonts_into_the_work_directory(tmp_path):
    (told,) = re.findall(r" (MPLCONFIGDIR=\S+)", (ROOT / "containers/Dockerfile").read_text())
    code = "import matplotlib; print(matplotlib.get_cachedir())"
    bare = ["env", "-u", "HOME", told, sys.executable, "-c", code]
    done = subprocess.run(bare, cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{tmp_path}/.matplotlib\n", "")


def test_prediction_needs_no_torch():
    assert "torch" not in packages("predict") and "torch" not in packages("full")


@pytest.mark.parametrize("name", ["predict", "full", "train"])
def test_galaxy_asks_conda_for_what_the_image_holds(name):
    """Bioconda's utrlm brings the core, and what reads genomes."""
    macros = ElementTree.parse(ROOT / "galaxy/macros.xml").findall("xml")
    (asked,) = (one for one in macros if one.get("name") == f"{name}_requirements")
    own, *others = asked.iter("requirement")
    assert (own.text, own.get("version")) == ("utrlm", "@VERSION@")
    assert {one.text for one in others} == wanted(EXTRAS[name]) - wanted("genome")
    pins = {CONDA.get(package, package): version for package, version in PINS.items()}
    assert all(one.get("version") == pins[one.text] for one in others)
