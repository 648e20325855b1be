"""The page of a run as a reader's browser shows it: headless Chromium, without a network."""

import html
import json
import re
import shutil
import subprocess

import pytest

from .conftest import EXAMPLE

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium on the PATH; Debian's package has it"),
]
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
# What a browser makes of the page, five seconds after it was loaded, as JSON in an attribute. MultiQC's tool box
# lies outside the screen until it is asked for, and a wide table scrolls in a box of its own.
PROBE = """<script>
const faults = [];
window.addEventListener("error", event => faults.push(event.message));
window.addEventListener("load", () => setTimeout(() => {
  const page = document.documentElement;
  const inside = element => element.closest(".offcanvas, .mqc-toolbox-buttons, .table-responsive");
  const wide = [...document.querySelectorAll("body *")].filter(
    element => element.getBoundingClientRect().right > page.clientWidth + 1 && !inside(element)
  );
  page.dataset.told = JSON.stringify({
    faults,
    wide: wide.map(element => `${element.tagName} ${element.id} ${element.className}`),
    drawn: document.querySelectorAll(".js-plotly-plot").length,
    titles: [...document.querySelectorAll("h2, h3")].map(element => element.innerText.trim()),
  });
}, 5000));
</script>"""


@pytest.fixture(scope="module")
def page(nextflow):
    """report.html of a plain run."""
    done = nextflow("--fasta", EXAMPLE, "--uorf", "--outdir", "page", report=True)
    assert done.returncode == 0, done.stdout
    return (done.folder / "page/report.html").read_text()


@pytest.mark.parametrize("width", [1280, 500])  # 500: the narrowest window that Chromium has
def test_the_page_is_whole_on_any_screen(page, tmp_path, width):
    (tmp_path / "page.html").write_text(page.replace("<head>", f"<head>{PROBE}", 1))
    shown = [f"--window-size={width},900", "--virtual-time-budget=20000", f"--user-data-dir={tmp_path}/profile"]
    command = ["chromium", *FLAGS, *shown, "--dump-dom", f"file://{tmp_path}/page.html"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    found = re.search(r'data-told="([^"]*)"', done.stdout)
    assert found, done.stderr[-2000:]
    told = json.loads(html.unescape(found[1]))
    assert told["faults"] == [] and told["wide"] == []
    assert told["drawn"] > 10
    for title in ("Records", "Upstream AUGs", "Model mrl", "Model te", "Model el", "Model structure", "This run"):
        assert title in told["titles"]
