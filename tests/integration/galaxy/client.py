"""What the checks ask of Galaxy's API."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

DONE = ("ok", "error", "deleted", "discarded", "failed_metadata", "empty")
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class RefusedError(Exception):
    """Galaxy answered with an error."""


class Client:
    """One user of one server."""

    def __init__(self, url: str, key: str):
        self.url, self.key = url, key

    def ask(self, method: str, path: str, values: Any = None, timeout: float = 60) -> Any:
        """JSON in, JSON out; text where the answer is no JSON."""
        body = None if values is None else json.dumps(values).encode()
        headers = {"x-api-key": self.key, "content-type": "application/json"}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with _OPENER.open(request, timeout=timeout) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            raise RefusedError(f"{method} {path}: {error.code} {error.read().decode()[:2000]}") from None
        try:
            return json.loads(text)
        except ValueError:
            return text

    def new_history(self, name: str) -> str:
        """Its id."""
        return str(self.ask("POST", "/api/histories", {"name": name})["id"])

    def upload(self, history: str, path: Path, ext: str) -> str:
        """A text file; returns the dataset's id once it is there."""
        one = {"src": "pasted", "paste_content": path.read_text(), "name": path.name, "ext": ext}
        target = {"destination": {"type": "hdas"}, "elements": [one]}
        made = self.ask("POST", "/api/tools/fetch", {"history_id": history, "targets": [target]})["outputs"][0]["id"]
        assert self.wait(made)["state"] == "ok"
        return str(made)

    def run(self, history: str, tool: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """Start a tool; returns what Galaxy tells of the job and its outputs."""
        answer: dict[str, Any] = self.ask(
            "POST", "/api/tools", {"history_id": history, "tool_id": tool, "inputs": inputs, "input_format": "21.01"}
        )
        return answer

    def wait(self, dataset: str, seconds: float = 3600) -> dict[str, Any]:
        """A dataset, once it has come to an end."""
        return self._poll(lambda: self.ask("GET", f"/api/datasets/{dataset}"), DONE, seconds)

    def wait_for_job(self, job: str, states: tuple[str, ...], seconds: float = 3600) -> dict[str, Any]:
        """A job, once it is in one of the states."""
        return self._poll(lambda: self.ask("GET", f"/api/jobs/{job}?full=true"), states, seconds)

    @staticmethod
    def _poll(look: Any, states: tuple[str, ...], seconds: float) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while (seen := look())["state"] not in states:
            if time.monotonic() > end:
                raise TimeoutError(f"still {seen['state']} after {seconds:.0f} s")
            time.sleep(1)
        return dict(seen)

    def text(self, dataset: str) -> str:
        """A dataset's content."""
        return str(self.ask("GET", f"/api/datasets/{dataset}/display?raw=true"))
