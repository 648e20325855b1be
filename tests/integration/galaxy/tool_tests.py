"""The tests that stand in the tools' XML, run by Galaxy's own runner, and counted: it skips without a word."""

import json
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

from server import ROOT, Server


def tools() -> list[str]:
    """Ids of all tools, the data manager's among them."""
    return sorted(path.stem for path in (ROOT / "galaxy").glob("utrlm_*.xml"))


def tool(name: str) -> Callable[[Server], None]:
    """The check that all tests of a tool pass."""
    wanted = len(ElementTree.parse(ROOT / f"galaxy/{name}.xml").findall("tests/test"))

    def check(server: Server) -> None:
        report = server.run / f"{name}.json"
        command = [str(server.home / "server/bin/galaxy-tool-test"), "-u", server.url, "-k", server.client.key]
        command += ["-a", server.client.key, "-t", name, "--test-data", str(server.tools / "test-data")]
        command += ["--with-reference-data", "--parallel-tests", "2", "-o", str(server.run / "outputs")]
        done = subprocess.run([*command, "--output-json", str(report)], capture_output=True, text=True, cwd=server.run)
        no_skips(done, report, wanted)

    return check


def no_skips(done: subprocess.CompletedProcess, report: Path, wanted: int) -> None:
    """Raise AssertionError unless exactly `wanted` tests ran, and all passed."""
    said = (done.stdout + done.stderr)[-3000:]
    assert report.is_file(), said
    told = json.loads(report.read_text())
    results = told.get("results") or summary(told)
    wrong = [one for one in told["tests"] if one["data"]["status"] != "success"]
    reasons = "\n".join(f"{one['id']}: {reason(one['data'])}" for one in wrong)
    assert not wrong and results["total"] == wanted, f"{wanted} tests wanted; {results}\n{reasons or said}"


def summary(told: dict) -> dict[str, int]:
    """What planemo counts."""
    counts = told["summary"]
    return {"total": counts["num_tests"], "skips": counts["num_skips"]}


def reason(data: dict) -> str:
    """Why a test did not pass, and what its job wrote."""
    problems = data.get("output_problems") or data.get("execution_problem") or data.get("status")
    job = data.get("job") or {}
    return f"{problems} stderr: {(job.get('stderr') or '')[-600:]}"
