"""What a run says of itself: `log.jsonl`, a progress bar on a terminal, TensorBoard where it is asked for."""

import copy
import json
import platform
import time
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from utrlm.training import parallel

NAME = "log.jsonl"
BACKWARD = 3  # a step costs three forward passes, the backward one being twice the forward one
PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12}  # dense bfloat16 FLOP/s, as published
MATMUL = {"cpu": 512, "cuda": 8192}  # rows and columns
MATMUL_SECONDS = 0.2


class Flops:
    """Floating-point operations of a step, counted on a copy of the model that has shapes only."""

    def __init__(self, model: Any):
        self._model = copy.deepcopy(model).to("meta")
        self._known: dict[Any, int] = {}

    def of(self, batch: Any) -> int:
        """Forward and backward, recomputation not counted."""
        key = batch.codes.shape
        if key not in self._known:
            counter = FlopCounterMode(display=False)
            with torch.no_grad(), counter:
                self._model.standardised(*self._model.inputs(batch))
            self._known[key] = BACKWARD * counter.get_total_flops()
        return self._known[key]


def matmul_rate(device: torch.device) -> float:
    """FLOP/s of one large bfloat16 matrix product on this device, with the threads that training has."""
    size = MATMUL[device.type]
    one = torch.ones(size, size, dtype=torch.bfloat16, device=device)
    one @ one  # the first one is slower
    done, start = 0, time.monotonic()
    while time.monotonic() - start < MATMUL_SECONDS:
        float((one @ one)[0, 0])  # waits for a GPU
        done += 1
    return done * 2 * size**3 / (time.monotonic() - start)


def device_name(device: torch.device) -> str:
    """What made the weights."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU ({platform.machine()}), {torch.get_num_threads()} threads"


class Log:
    """`log.jsonl`: a line for the start, one a step, one a validation. Only the first of several processes writes."""

    def __init__(self, folder: Path, model: Any, device: torch.device, first: int, steps: int, tensorboard: bool):
        """`first`: steps done before; lines of later ones, which a killed run left, are dropped."""
        self._silent = parallel.rank() > 0
        self._steps, self._sequences = steps, 0
        self._board: Any = None
        self._bar = tqdm(total=steps, initial=first, unit="step", disable=True if self._silent else None)
        if self._silent:
            return
        self._flops = Flops(model)
        self._matmul = matmul_rate(device) * parallel.count()
        name = device_name(device)
        self._peak = next((peak * parallel.count() for known, peak in PEAKS.items() if known in name), None)
        path = folder / NAME
        kept = [json.dumps(line) for line in read_log(path) if first and line.get("step", 0) <= first]
        path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        self._file = path.open("a", encoding="utf-8", buffering=1)  # every line at once, so that it can be followed
        if tensorboard:
            from tensorboardX import SummaryWriter

            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=first or None)
        self.write(
            {
                "step": first,
                "steps": steps,
                "device": name,
                "processes": parallel.count(),
                "parameters": sum(p.numel() for p in model.parameters()),
                "matmul_tflops": round(self._matmul / 1e12, 4),
            }
        )
        self._started = self._last = time.monotonic()

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: Any) -> None:
        self._bar.close()
        if not self._silent:
            self._file.close()
        if self._board:
            self._board.close()

    def step(self, step: int, batch: Any, loss: float, rate: float) -> None:
        """A step is done: its loss, its rate as a share of the peak, and how fast it went."""
        if self._silent:
            return
        now = time.monotonic()
        seconds = now - self._last
        self._sequences += len(batch.codes)
        speed = self._flops.of(batch) / seconds
        values = {
            "step": step,
            "steps": self._steps,
            "loss": round(loss, 6),
            "rate": round(rate, 6),
            "seconds": round(seconds, 4),
            "sequences_per_second": round(self._sequences / (now - self._started), 1),
            "tflops": round(speed / 1e12, 4),
            "matmul_share": round(speed / self._matmul, 4),
        }
        self.write(values | ({"mfu": round(speed / self._peak, 4)} if self._peak else {}))
        self._bar.update()
        self._bar.set_postfix(loss=values["loss"], refresh=False)
        self._draw(step, {name: values[name] for name in ("loss", "rate", "matmul_share")})
        self._last = time.monotonic()

    def validation(self, step: int, scores: dict[str, float]) -> None:
        """What the validation rows say; its time is none of the next step's."""
        if self._silent:
            return
        self.write({"step": step, "valid": scores})
        self._draw(step, {f"valid/{name}": value for name, value in scores.items()})
        self._last = time.monotonic()

    def write(self, values: dict[str, Any]) -> None:
        """One line."""
        self._file.write(json.dumps(values) + "\n")

    def _draw(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items() if self._board else ():
            self._board.add_scalar(name, value, step)


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log, but for one that was cut off."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue
    return lines
