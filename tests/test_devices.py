"""Where a model is opened: what onnxruntime is asked for, and what is said where there is no GPU."""

import onnxruntime
import pytest

from utrlm import models
from utrlm.errors import InputError

CPU = "CPUExecutionProvider"
PLAIN, WITH_CUDA = [CPU], ["TensorrtExecutionProvider", models.CUDA, CPU]  # what each package offers
TOLD = "no GPU could be opened (see nvidia-smi): on the CPU\n"


@pytest.fixture
def machine(monkeypatch):
    """A stand-in for onnxruntime, of what it offers and whether a GPU opens; gives what its sessions are asked for."""
    real, asked = onnxruntime.InferenceSession, []

    def stand_in(offered, opens):
        class Session(real):
            def __init__(self, path, options, providers):
                super().__init__(path, options, providers=[CPU])
                asked.append(providers)

            def get_providers(self):
                return [one for one in asked[-1] if opens or one == CPU]

        monkeypatch.setattr(models.onnxruntime, "get_available_providers", lambda: offered)
        monkeypatch.setattr(models.onnxruntime, "InferenceSession", Session)
        monkeypatch.setattr(models, "_load_cuda", lambda: None)
        models._tell_of_cpu.cache_clear()
        return asked

    return stand_in


@pytest.mark.parametrize(
    ("offered", "opens", "device", "wanted", "told"),
    [
        (WITH_CUDA, True, "auto", [models.CUDA, CPU], ""),
        (WITH_CUDA, True, "cuda", [models.CUDA, CPU], ""),
        (WITH_CUDA, True, "cpu", [CPU], ""),
        (WITH_CUDA, False, "auto", [models.CUDA, CPU], TOLD),  # onnxruntime-gpu without a driver
        (WITH_CUDA, False, "cpu", [CPU], ""),
        (PLAIN, False, "auto", [CPU], ""),
        (PLAIN, False, "cpu", [CPU], ""),
    ],
)
def test_a_gpu_comes_first_where_it_opens_and_is_not_forbidden(machine, capfd, offered, opens, device, wanted, told):
    """That there is none is said once, and not where none was expected."""
    asked = machine(offered, opens)
    models.open_models(["mrl", "te"], [], device)
    assert asked == [wanted, wanted]
    assert capfd.readouterr().err == told


@pytest.mark.parametrize(
    ("offered", "message"),
    [
        (PLAIN, "^--device cuda: this onnxruntime has no CUDA; install onnxruntime-gpu or use --device cpu$"),
        (WITH_CUDA, "^--device cuda: no GPU could be opened"),
    ],
)
def test_cuda_that_was_asked_for_is_an_error_where_there_is_none(machine, offered, message):
    machine(offered, False)
    with pytest.raises(InputError, match=message):
        models.open_models(["mrl"], [], "cuda")


def test_a_model_that_there_is_no_memory_for_is_not_said_to_be_damaged(monkeypatch):
    def too_large(*_, **__):
        raise RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc")

    monkeypatch.setattr(models.onnxruntime, "InferenceSession", too_large)
    with pytest.raises(MemoryError):
        models.open_models(["mrl"], [], "cpu")
