"""What the tools' own tests cannot tell: models as reference data, refusals, and jobs that are disturbed."""

import hashlib
import os
import subprocess
from pathlib import Path

from client import RefusedError
from server import ROOT, Server

DATA = ROOT / "galaxy/test-data"
LOST = ("error", "deleted", "discarded")  # states of a dataset that nobody takes for a result


def installs_models(server: Server) -> None:
    """The data manager fills the table, the file is whole, and predicts what the command line predicts."""
    client, history = server.client, server.client.new_history("models")
    made = client.run(history, "utrlm_install", {"which": {"models_of": "shipped"}})
    assert client.wait(made["outputs"][0]["id"])["state"] == "ok"
    there = table(server)["fields"]
    again = client.run(history, "utrlm_install", {"which": {"models_of": "shipped"}})
    assert client.wait(again["outputs"][0]["id"])["state"] == "ok" and table(server)["fields"] == there
    rows = [dict(zip(columns(server), row, strict=True)) for row in there]
    (row,) = [row for row in rows if row["value"].startswith("mrl-")]
    assert Path(row["path"]).is_relative_to(server.run / "installed")
    assert hashlib.sha256(Path(row["path"]).read_bytes()).hexdigest() == row["sha256"]
    assert f"{row['sha256']}  mrl.onnx" in (ROOT / "utrlm/weights/SHA256SUMS").read_text()
    fasta = client.upload(history, DATA / "utrs.fa", "fasta")
    models = {"source": "installed", "installed": [row["value"]]}
    told = client.run(history, "utrlm_predict", {"fasta": dataset(fasta), "models": models})["outputs"][0]["id"]
    assert client.wait(told)["state"] == "ok"
    command = ["utrlm-predict", "--fasta", str(DATA / "utrs.fa"), "--tasks", "mrl", "--output", "-"]
    path = f"{server.job_path}:{os.environ['PATH']}"
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PATH": path})
    assert client.text(told) == done.stdout, done.stderr


def table(server: Server) -> dict:
    """The data table as Galaxy holds it."""
    return dict(server.client.ask("GET", "/api/tool_data/utrlm_models"))


def columns(server: Server) -> list[str]:
    """Names of its columns."""
    return list(table(server)["columns"])


def dataset(identifier: str) -> dict[str, str]:
    """How a tool's input names a dataset."""
    return {"src": "hda", "id": identifier}


def refuses_bad_numbers(server: Server) -> None:
    """A number out of range never becomes a job."""
    client, history = server.client, server.client.new_history("bad numbers")
    fasta = client.upload(history, DATA / "utrs.fa", "fasta")
    bad = {"utrlm_predict": {"batch_tokens": 0}, "utrlm_pretrain": {"epochs": 0}}
    for tool, options in bad.items():
        try:
            client.run(history, tool, {"fasta": dataset(fasta), "options": options})
        except RefusedError as error:
            assert all(word in str(error) for word in (*options, "must")), error
        else:
            raise AssertionError(f"{tool} took {options}")


def start_long_job(server: Server, history: str) -> tuple[str, list[str], str]:
    """A training that would take hours; returns the job, its outputs and its input once it runs."""
    client = server.client
    corpus = client.upload(history, DATA / "corpus.fa", "fasta")
    options = {"epochs": 100000, "preset": "tiny", "random": 0}
    made = client.run(history, "utrlm_pretrain", {"fasta": [dataset(corpus)], "options": options})
    job = made["jobs"][0]["id"]
    client.wait_for_job(job, ("running",))
    outputs = [one["id"] for one in made["outputs"]]
    assert len(outputs) > 2, outputs  # the backbone, its scores and its log
    return job, outputs, corpus


def two_jobs_and_a_cancelled_one(server: Server) -> None:
    """Beside a running job another one finishes; the running one is cancelled and leaves no result nor process."""
    client, history = server.client, server.client.new_history("two jobs")
    job, outputs, _ = start_long_job(server, history)
    fasta = client.upload(history, DATA / "utrs.fa", "fasta")
    told = client.run(history, "utrlm_uorf", {"fasta": dataset(fasta)})["outputs"][0]["id"]
    assert client.wait(told)["state"] == "ok" and client.text(told).startswith("id\tuaug\t")
    assert client.ask("GET", f"/api/jobs/{job}")["state"] == "running"
    client.ask("DELETE", f"/api/jobs/{job}")
    client.wait_for_job(job, ("deleted", "deleted_new", "error"))
    assert all(client.wait(one)["state"] in LOST for one in outputs)
    server.no_jobs_left()


def server_restarts(server: Server) -> None:
    """The server goes down in the middle of a job: afterwards it is an error, and what was there is still there."""
    client, history = server.client, server.client.new_history("restart")
    job, outputs, corpus = start_long_job(server, history)
    server.stop()
    server.no_jobs_left()
    server.start()
    assert client.wait_for_job(job, ("error", "deleted", "ok"))["state"] == "error"
    assert all(client.wait(one)["state"] in LOST for one in outputs)
    assert client.wait(corpus)["state"] == "ok"
    again = client.run(history, "utrlm_uorf", {"fasta": dataset(corpus)})["outputs"][0]["id"]
    assert client.wait(again)["state"] == "ok"


LAST = {"data manager installs models": installs_models}  # its own tests want an empty table
CHECKS = {
    "numbers out of range": refuses_bad_numbers,
    "two jobs, one cancelled": two_jobs_and_a_cancelled_one,
    "server restarts during a job": server_restarts,
}
