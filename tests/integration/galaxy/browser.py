"""A person at the server, in headless Chromium: upload, fill in the form, run, look. Runs in planemo's environment.

As a module of `check` it starts itself there, since playwright is installed beside planemo.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server import EMAIL, PASSWORD, ROOT, Server

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]
SECONDS = 180_000  # ms; a loaded machine takes its time
# How much of a form has to be scrolled to, in pixels.
HIDDEN = """Math.max(...[...document.querySelectorAll("#center, #center *")]
    .filter(one => ["auto", "scroll"].includes(getComputedStyle(one).overflowY))
    .map(one => one.scrollHeight - one.clientHeight), 0)"""


def in_chromium(what: str) -> Callable[[Server], None]:
    """The check that runs one function of this module where playwright is."""

    def check(server: Server) -> None:
        assert shutil.which("chromium"), "no chromium on the PATH; Debian's package chromium has it"
        given = {"what": what, "url": server.url, "key": server.client.key, "shots": str(server.run / "shots")}
        program = server.home / "planemo/bin/python"
        done = subprocess.run([program, __file__], input=json.dumps(given), capture_output=True, text=True)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]

    return check


def open_page(play: Any, url: str) -> Any:
    """A page, logged in."""
    browser = play.chromium.launch(executable_path=shutil.which("chromium"), headless=True, args=FLAGS)
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(SECONDS)
    page.goto(f"{url}/login/start", wait_until="domcontentloaded")
    page.locator("input[name=login]").fill(EMAIL)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("button[name=login]").click()
    page.wait_for_url(lambda address: "login" not in address)
    return page


def use_history(page: Any, url: str, history: str) -> None:
    """Make a history the one that the page shows."""
    answer = page.context.request.get(f"{url}/history/set_as_current?id={history}", timeout=SECONDS)
    assert answer.ok, answer.text()[:300]


def upload_run_view(play: Any, client: Any, url: str, shots: Path) -> None:
    """Upload by the page's own dialog, run utrlm predict with a number that is refused first; view table and report."""
    page = open_page(play, url)
    history = client.new_history("A person")
    use_history(page, url, history)
    page.goto(f"{url}/?tool_id=upload1", wait_until="domcontentloaded")
    page.locator("#btn-local:visible").wait_for()
    page.locator("input#upload-file").first.set_input_files(str(ROOT / "galaxy/test-data/utrs.fa"))
    page.locator("#btn-start:visible:not(.g-disabled)").click()
    page.locator("div.content-item[data-hid='1'][data-state='ok']").wait_for()
    page.goto(f"{url}/?tool_id=utrlm_predict&version=latest", wait_until="domcontentloaded")
    button = page.locator("button:has-text('Run Tool')").first
    button.wait_for()
    page.get_by_text("1: utrs.fa").first.wait_for()
    batch = page.locator("[id='form-element-options|batch_tokens'] input").first
    batch.fill("0")
    batch.press("Tab")
    page.wait_for_timeout(1500)
    page.screenshot(path=str(shots / "refused.png"))
    assert batch.input_value() == "1", "a batch of no letters was taken"
    batch.fill("2048")
    button.click()
    display(page, 2)
    page.get_by_text("ENST00000529008.5").first.wait_for()
    page.wait_for_timeout(2000)
    page.screenshot(path=str(shots / "predictions.png"))
    table = next(one for one in client.ask("GET", f"/api/histories/{history}/contents") if one["hid"] == 2)
    client.run(history, "utrlm_report", {"tables": [{"src": "hda", "id": table["id"]}]})
    display(page, 3)
    for _ in range(SECONDS // 1000):
        page.wait_for_timeout(1000)
        if any(frame.locator(".js-plotly-plot .main-svg").count() for frame in page.frames):
            break
    else:
        raise AssertionError("no curves: Galaxy shows the page's source, or nothing")
    page.wait_for_timeout(2000)
    page.screenshot(path=str(shots / "page.png"))


def display(page: Any, number: int) -> None:
    """Look at a dataset of the history, once it is there."""
    done = page.locator(f"div.content-item[data-hid='{number}'][data-state='ok']")
    done.wait_for()
    done.locator(".content-title, .name").first.click()
    page.wait_for_timeout(1000)
    done.locator("[title*='isplay'], .display-btn").first.click()


def forms(play: Any, client: Any, url: str, shots: Path) -> None:
    """Every tool's form, with data to choose from, as a picture from its title to the end of its help."""
    history = client.new_history("Forms")
    data = ROOT / "galaxy/test-data"
    for name, ext in (("genome.fa", "fasta"), ("genes.gtf", "gtf"), ("variants.vcf", "vcf"), ("halflife.toml", "toml")):
        client.upload(history, data / name, ext)
    client.upload(history, data / "utrs.fa", "fasta")  # a form takes the last file of a format
    rows = [line.split(",") for line in (data / "halflife.csv").read_text().splitlines()]
    table = shots / "halflife.csv"  # what most tables look like: sequences, then what was measured
    table.write_text("".join(f"{utr},{hours}\n" for _, utr, hours, _ in rows))
    client.upload(history, table, "csv")
    page = open_page(play, url)
    use_history(page, url, history)
    for tool in sorted(path.stem for path in (ROOT / "galaxy").glob("utrlm_*.xml")):  # as an administrator: all of them
        page.set_viewport_size({"width": 1280, "height": 600})
        page.goto(f"{url}/?tool_id={tool}&version=latest", wait_until="domcontentloaded")
        page.locator("button:has-text('Run Tool')").first.wait_for()
        page.wait_for_timeout(2500)
        page.set_viewport_size({"width": 1280, "height": 600 + page.evaluate(HIDDEN)})
        page.wait_for_timeout(500)
        form = page.locator(".tool-form, #center .center-panel, #center").first
        assert page.locator(".alert-danger").count() == 0, f"{tool}: {page.locator('.alert-danger').first.inner_text()}"
        form.screenshot(path=str(shots / f"{tool}.png"))


CHECKS = {
    "browser: upload, run, view": in_chromium("upload_run_view"),
    "browser: every form": in_chromium("forms"),
}

if __name__ == "__main__":
    from client import Client
    from playwright.sync_api import sync_playwright

    given = json.load(sys.stdin)
    folder = Path(given["shots"])
    folder.mkdir(exist_ok=True)
    with sync_playwright() as play:
        globals()[given["what"]](play, Client(given["url"], given["key"]), given["url"], folder)
