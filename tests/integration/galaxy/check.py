"""Every check of the Galaxy tools against a real server: `make test-galaxy`. A line a check, and a count at the end."""

import argparse
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import behaviour
import browser
import tool_tests
from server import ROOT, Server

NETWORK = "BioToolsValid"  # the only lint that asks another server


def planemo(server: Server, *arguments: str) -> subprocess.CompletedProcess:
    """Run planemo, its own files beside the server's."""
    command = [str(server.home / "planemo/bin/planemo"), "--directory", str(server.run / "planemo"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def lint(server: Server, *arguments: str) -> None:
    """Raise AssertionError if one of planemo's lints fails or warns."""
    done = planemo(server, *arguments)
    said = done.stdout + done.stderr
    wrong = [line for line in said.splitlines() if "WARNING" in line or "ERROR" in line]
    assert done.returncode == 0 and not wrong, f"planemo {arguments[0]}: {wrong or said[-2000:]}"


def lint_tools(server: Server) -> None:
    """Tools."""
    tools = sorted(str(path) for path in (ROOT / "galaxy").glob("utrlm_*.xml"))
    lint(server, "lint", "--skip", NETWORK, *tools)


def lint_workflows(server: Server) -> None:
    """Workflows and their tests."""
    lint(server, "workflow_lint", str(ROOT / "galaxy/workflows"))


def workflow(name: str) -> Callable[[Server], None]:
    """The check of one workflow by its own tests."""

    def check(server: Server) -> None:
        key, report = server.client.key, server.run / f"{name}.json"
        options = ["--engine", "external_galaxy", "--no_shed_install", "--galaxy_url", server.url]
        options += ["--galaxy_admin_key", key, "--galaxy_user_key", key, "--test_output", str(server.run / "w.html")]
        options += ["--test_output_json", str(report), str(server.tools / f"workflows/{name}.gxwf.yml")]
        tool_tests.no_skips(planemo(server, "test", *options), report, 1)

    return check


def checks() -> dict[str, Callable[[Server], None]]:
    """All of them, by name, in the order in which they run."""
    named: dict[str, Callable[[Server], None]] = {"lint of tools": lint_tools, "lint of workflows": lint_workflows}
    named |= browser.CHECKS | behaviour.CHECKS
    named |= {f"workflow {path.name}": workflow(path.name.removesuffix(".gxwf.yml")) for path in workflows()}
    return named | {f"tests of {tool}": tool_tests.tool(tool) for tool in tool_tests.tools()} | behaviour.LAST


def workflows() -> list[Path]:
    """Their files."""
    return sorted((ROOT / "galaxy/workflows").glob("*.gxwf.yml"))


def main() -> int:
    """Run the checks whose names hold one of the given words; all of them without a word."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--home", type=Path, required=True, help="where install put Galaxy")
    parser.add_argument("--job-path", default=f"{ROOT}/.venv/bin", help="folders that hold utrlm's scripts")
    parser.add_argument("--no-celery", action="store_true", help="Galaxy's default path; slower")
    given = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # so that a run that is ended takes its server along
        signal.signal(number, lambda *_: sys.exit(1))
    wanted = {n: c for n, c in checks().items() if not given.words or any(word in n for word in given.words)}
    failed = 0
    with Server(given.home.resolve(), given.job_path, not given.no_celery) as server:
        print(f"Galaxy is up at {server.url}", flush=True)
        for name, check in wanted.items():
            started = time.monotonic()
            try:
                check(server)
                told = "ok"
            except Exception:
                failed += 1
                told = f"FAILED\n{traceback.format_exc()}"
            print(f"{name}: {told} ({time.monotonic() - started:.0f} s)", flush=True)
    print(f"{len(wanted) - failed} passed, {failed} failed")
    return 1 if failed or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
