import io
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from mesa_core.victims import devices
from mesa_core.victims.architectures import build
from mesa_core.victims.devices import PIECE, Compute


@pytest.mark.parametrize("count", [1, PIECE, 2 * PIECE + 3])
def test_pieces_give_the_same_logits_and_gradients_as_one_batch(compute, count):
    torch.manual_seed(0)
    model = compute.freeze(build("resnet9-16"))
    images = torch.randn(count, 3, 32, 32)
    ends = []
    for way in (model, lambda x: compute.through(model, x)):
        leaf = images.clone().requires_grad_()
        logits = way(leaf)
        logits.log_softmax(1)[:, 0].sum().backward()
        ends.append((logits.detach(), leaf.grad))
    assert torch.allclose(ends[0][0], ends[1][0], atol=1e-4)
    assert torch.allclose(ends[0][1], ends[1][1], atol=1e-5)


def test_of_many_large_images_no_activations_are_kept(compute, monkeypatch):
    torch.manual_seed(0)
    model = compute.freeze(build("resnet9-16"))
    images = torch.randn(2 * PIECE + 3, 3, 32, 32)

    def gone_through():
        kept = []
        leaf = images.clone().requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
            logits = compute.through(model, leaf)
        logits.log_softmax(1)[:, 0].sum().backward()
        return logits.detach(), leaf.grad, sum(kept)

    usual = gone_through()
    monkeypatch.setattr(devices, "LARGE", images.numel() - 1)
    large = gone_through()
    assert torch.equal(usual[0], large[0])
    assert torch.equal(usual[1], large[1])
    assert large[2] < usual[2] / 10
    with torch.no_grad():
        assert torch.equal(compute.through(model, images), usual[0])


def test_what_is_asked_is_resolved_and_nonsense_is_refused():
    found = devices.resolve("cpu", "fp32", "nchw", 1, "resnet9-16")
    assert (found.device.type, found.precision, found.memory) == ("cpu", "fp32", "nchw")
    assert found.dtype == torch.float32


def test_a_device_that_is_not_there_is_one_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="cuda") as caught:
        devices.pick_device("cuda")
    assert "\n" not in str(caught.value)


def test_a_calibration_is_remembered_and_a_damaged_one_made_again(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(devices, "calibrate", lambda *_: calls.append(1) or ("fp32", "nhwc"))
    for _ in range(2):
        found, _ = devices.remembered(tmp_path, "cpu", "auto", "auto", 0, "resnet9-16")
        assert found == Compute(torch.device("cpu"), "fp32", "nhwc")
    assert len(calls) == 1
    (tmp_path / "calibration.json").write_text("{")
    devices.remembered(tmp_path, "cpu", "auto", "auto", 0, "resnet9-16")
    assert len(calls) == 2


@pytest.mark.parametrize("kept", [["fp99", "nchw"], ["fp32"], "fp32", [1, 2], {}, [["fp32"], "nchw"], None])
def test_a_calibration_that_makes_no_sense_is_made_again(tmp_path, monkeypatch, kept):
    monkeypatch.setattr(devices, "calibrate", lambda *_: ("fp32", "nhwc"))
    devices.remembered(tmp_path, "cpu", "auto", "auto", 0, "resnet9-16")
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(dict.fromkeys(json.loads(path.read_text()), kept)))
    found, said = devices.remembered(tmp_path, "cpu", "auto", "auto", 0, "resnet9-16")
    assert (found.memory, bool(said)) == ("nhwc", True)
    _, said = devices.remembered(tmp_path, "cpu", "auto", "auto", 0, "resnet9-16")
    assert not said


def test_a_folder_in_place_of_the_calibration_stops_no_run(tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "calibrate", lambda *_: ("fp32", "nhwc"))
    (tmp_path / "calibration.json").mkdir()
    found, _ = devices.remembered(tmp_path, "cpu", "auto", "auto", 0, "resnet9-16")
    assert found.memory == "nhwc"


def test_of_many_who_begin_at_once_one_measures_and_all_take_its_choice(tmp_path, monkeypatch):
    calls = []

    def slow(*_):
        calls.append(1)
        time.sleep(0.2)
        return ("bf16", "nhwc") if len(calls) == 1 else ("fp32", "nchw")

    monkeypatch.setattr(devices, "calibrate", slow)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(devices.remembered, tmp_path, "cpu", "auto", "auto", 0, "resnet9-16") for _ in range(4)]
    assert {work.result()[0].precision for work in asked} == {"bf16"}
    assert len(calls) == 1


def test_a_run_s_number_of_threads_does_not_stay_for_the_next():
    other = 2 if devices.THREADS == 1 else 1
    devices.resolve("cpu", "fp32", "nchw", other, "resnet9-16")
    assert torch.get_num_threads() == other
    devices.resolve("cpu", "fp32", "nchw", 0, "resnet9-16")
    assert torch.get_num_threads() == devices.THREADS


def test_where_no_number_of_threads_is_said_it_is_that_of_the_start(monkeypatch):
    monkeypatch.setattr(devices, "THREADS", 3)
    try:
        devices.resolve("cpu", "fp32", "nchw")
        assert torch.get_num_threads() == 3
        devices.resolve("cpu", "fp32", "nchw", 1)
        assert torch.get_num_threads() == 1
    finally:
        monkeypatch.undo()
        torch.set_num_threads(devices.THREADS)


class Notes(nn.Module):
    """Notes what it is given, and whether a gradient came back for it."""

    def __init__(self):
        super().__init__()
        self.conv, self.seen, self.back = nn.Conv2d(3, 2, 3), [], []

    def forward(self, x):
        self.seen.append((self.training, tuple(x.shape)))
        if x.requires_grad:
            x.register_hook(lambda gradient: self.back.append(tuple(gradient.shape)))
        return self.conv(x).mean((2, 3))


def test_what_is_timed_is_a_training_step_and_a_gradient_of_the_input_both_once_more_than_counted(compute, monkeypatch):
    model, still = Notes(), Notes()
    monkeypatch.setattr(Compute, "freeze", lambda self, given: still.eval())
    clock = iter([0.0, 5.0, 10.0, 13.0])
    monkeypatch.setattr(devices.time, "perf_counter", lambda: next(clock))
    assert devices._time_pair(model, compute, 4) == 3, "the faster of two"
    assert model.seen == [(True, (4, 3, 32, 32))] * 3, "the first prepares kernels"
    assert still.seen == [(False, (4, 3, 32, 32))] * 3
    assert still.back == [(4, 3, 32, 32)] * 3
    assert model.conv.weight.grad.any()


def test_the_record_names_processor_settings_and_the_units_that_it_has(monkeypatch):
    flags = "model name\t: Some CPU: 9000\nflags\t\t: sse4 avx512_bf16 avx2\n"
    monkeypatch.setattr(devices, "open", lambda path: io.StringIO(flags), raising=False)
    told = devices.hardware(Compute(torch.device("cpu"), "bf16", "nhwc"))
    assert (told["name"], told["bf16_units"]) == ("Some CPU: 9000", "avx512_bf16")
    assert (told["device"], told["precision"], told["memory"]) == ("cpu", "bf16", "nhwc")
    assert told["threads"] == torch.get_num_threads()
    monkeypatch.setattr(devices, "open", lambda path: io.StringIO("flags: sse4"), raising=False)
    assert devices.hardware(Compute(torch.device("cpu")))["bf16_units"] == "none"

    def closed(path):
        raise OSError

    monkeypatch.setattr(devices, "open", closed, raising=False)
    assert devices.hardware(Compute(torch.device("cpu")))["bf16_units"] == "none"
