"""Several processes that train one model, as `torchrun` starts them; one process where it did not.

Every process assembles the same global batch and computes its part of it. Gradients are summed by
DistributedDataParallel, which keeps the whole model in each process, or by FSDP2 (`shard`), which
keeps a part of every weight in each. gloo on CPUs, NCCL on GPUs.
"""

import atexit
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

PATIENCE = timedelta(hours=2)  # of processes that wait for the first one, which may ask teachers


def join() -> torch.device:
    """Join the processes that torchrun started, if it did; the device of this process."""
    if dist.is_torchelastic_launched() and not dist.is_initialized():
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
        atexit.register(dist.destroy_process_group)
    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", dist.get_node_local_rank(0))
    torch.cuda.set_device(device)
    return device


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def count() -> int:
    """Number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


@contextmanager
def first_alone() -> Iterator[None]:
    """The first process runs the body before the others do, who then find what it has kept in a file."""
    if rank():
        dist.barrier()
    yield
    if count() > 1 and not rank():
        dist.barrier()


def added(values: list[float], device: torch.device) -> list[float]:
    """Sums over all processes."""
    if count() == 1:
        return values
    sums = torch.tensor(values, dtype=torch.float64, device=device)
    dist.all_reduce(sums)
    result: list[float] = sums.tolist()
    return result


def settle() -> None:
    """Wait until all are here, and gloo's threads have let go of the last tensors they carried.

    A thread that does so while the interpreter ends aborts the process, and nothing ends these threads earlier:
    FSDP2's caches hold the process group after it was destroyed.
    """
    if count() > 1:
        for _ in range(2):  # gloo has two threads
            dist.barrier()


def agreed(value: float, device: torch.device) -> float:
    """The first process's value, so that all decide alike."""
    return added([0.0 if rank() else value], device)[0]


class Standardised(nn.Module):
    """A model whose forward is `standardised`, for DistributedDataParallel knows no other method."""

    def __init__(self, model: Any, function: Callable[..., Tensor]):
        super().__init__()
        self.model, self.function = model, function

    def forward(self, *inputs: Any) -> Tensor:
        """What the model's `standardised` gives."""
        return self.function(*inputs)


def callable_of(model: Any) -> Any:
    """`model.standardised` compiled where that pays, and with its gradients summed over processes."""
    compiled = model.compiled and not isinstance(model, FSDPModule)
    function = torch.compile(model.standardised, dynamic=False) if compiled else model.standardised
    if count() == 1 or isinstance(model, FSDPModule):
        return function
    return DistributedDataParallel(Standardised(model, function), forward_sync_buffers=False)


def summing(model: Any, forward: Any, last: bool) -> AbstractContextManager[Any]:
    """Around the parts of a batch: gradients travel with the last one alone."""
    if isinstance(model, FSDPModule):
        model.set_requires_gradient_sync(last)
    elif isinstance(forward, DistributedDataParallel) and not last:
        return forward.no_sync()
    return nullcontext()


def shard(model: Any, method: str) -> None:
    """FSDP2: keep a part of every weight in each process; `method` is what will be called of the model."""
    for block in model.backbone.blocks:
        fully_shard(block)
    fully_shard(model, reshard_after_forward=True)  # else the average's would stay whole after its scores
    register_fsdp_forward_method(model, method)


def whole(state: Any) -> Any:
    """A state with every tensor whole, on the CPU. All processes must ask."""
    if isinstance(state, dict):
        return {key: whole(value) for key, value in state.items()}
    if isinstance(state, list):
        return [whole(value) for value in state]
    if isinstance(state, Tensor):
        return (state.full_tensor() if isinstance(state, DTensor) else state).detach().cpu()
    return state


def like(value: Any, model: Any) -> Any:
    """A whole tensor, divided among processes as the tensor `model` of the same shape is."""
    if isinstance(model, DTensor) and isinstance(value, Tensor) and value.shape == model.shape:
        return distribute_tensor(value.to(model.device), model.device_mesh, model.placements)
    return value
