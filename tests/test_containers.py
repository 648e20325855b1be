"""What the images are built from agrees with the rest; building and running them is `make test-integration`."""

import re

import pytest

from .conftest import ROOT

VERSION = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE).group(1)
PINNED = {line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}


def test_configurations_name_this_version():
    found = re.findall(r"ghcr\.io/utrlm/(\w+):([\w.]+)", "".join(p.read_text() for p in (ROOT / "conf").iterdir()))
    assert sorted(found) == [("gpu", VERSION), ("predict", VERSION)]


@pytest.mark.parametrize("image", ["predict", "gpu", "train", "build"])
def test_every_package_is_pinned(image):
    lines = (ROOT / f"containers/{image}.txt").read_text().splitlines()
    names = [line for line in lines if not line.startswith("#")]
    assert names
    assert all("==" in name or name.lower() in PINNED for name in names)


def test_prediction_needs_no_torch():
    assert "torch" not in (ROOT / "containers/predict.txt").read_text()
