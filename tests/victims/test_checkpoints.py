"""What others' checkpoints may hold: read where it is weights, one sentence where it is harm."""

import argparse
import os
import struct
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from bad_checkpoints import Pickle, legacy, object_field, zipped
from hostile import no_file

from mesa_core.victims import pickles, weights

ROOT = Path(__file__).resolve().parents[2]
READ = """
import sys
from pathlib import Path
from mesa_core.victims.weights import read
for path in sys.argv[1:]:
    print(*read(Path(path)))
"""


def one(shape, strides, count, **more) -> bytes:
    """A state dict of one tensor `w`."""
    return Pickle()(b"}").text("w").tensor("0", count, shape, strides, **more)(b"s").end()


def refused(path: Path) -> str:
    with pytest.raises(weights.WeightsError) as caught:
        weights.read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_object_field_at_any_offset_is_never_built(tmp_path):
    offsets = (0, 3, 1000, 10**9, -8)
    paths = [zipped(tmp_path / f"{at}.pt", object_field(at), {"0": bytes(16)}) for at in offsets]
    done = subprocess.run([sys.executable, "-c", READ, *paths], cwd=ROOT, capture_output=True, text=True, check=False)
    # Built as numpy's, such an array raises while it is let go, or ends the process.
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "w\n" * len(offsets))


@pytest.mark.parametrize("old", [False, True])
def test_every_kind_of_dense_tensor_comes_back(tmp_path, old):
    draw = torch.Generator().manual_seed(0)
    base = torch.randn(6, 8, generator=draw)
    state = {
        "float": base, "view": base[1:4, ::2], "turned": base.T, "half": base.half(), "brain": base.bfloat16(),
        "double": base.double(), "whole": torch.arange(5), "byte": torch.arange(5, dtype=torch.uint8),
        "flag": torch.tensor([True, False]), "scalar": torch.tensor(3.0), "empty": torch.zeros(0, 3),
        "last": torch.randn(2, 3, 4, 5, generator=draw).to(memory_format=torch.channels_last),
        "spread": torch.ones(1).expand(7), "parameter": torch.nn.Parameter(base),
    }  # fmt: skip
    torch.save(OrderedDict(state), tmp_path / "a.pt", _use_new_zipfile_serialization=not old)
    read = weights.read(tmp_path / "a.pt")
    assert read.keys() == state.keys()
    for name, tensor in state.items():
        want = tensor.detach().float() if tensor.is_floating_point() else tensor
        assert read[name].dtype == want.dtype, name
        assert torch.equal(read[name], want), name


@pytest.mark.parametrize("old", [False, True])
def test_what_toolkits_keep_beside_the_weights_is_passed_over(tmp_path, old):
    net = torch.nn.DataParallel(torch.nn.Linear(3, 2))
    optimiser = torch.optim.AdamW(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    beside = {
        "args": argparse.Namespace(lr=0.1, out=Path("here")), "seed": np.int64(3), "accuracy": np.float32(0.5),
        "index": np.arange(2000), "names": np.array(["a", "b"]), "objects": np.array([{"a": 1}], object),
        "optimizer": optimiser.state_dict(), "rng": torch.get_rng_state(), "complex": torch.ones(2) * 1j,
        "many": {i: (f"picture {i}.png", i % 10) for i in range(5000)}, ("a", 1): {1, 2},
    }  # fmt: skip
    torch.save({**beside, "state_dict": net.state_dict()}, tmp_path / "a.pt", _use_new_zipfile_serialization=not old)
    read = weights.read(tmp_path / "a.pt")
    assert torch.equal(read["weight"], net.module.weight)
    assert read.keys() == {"weight", "bias"}


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_newer_pickles_are_read(tmp_path, protocol):
    torch.save({"model": {"w": torch.arange(4.0)}, "n": 2**40, "b": b"x"}, tmp_path / "a.pt", pickle_protocol=protocol)
    assert weights.read(tmp_path / "a.pt")["w"].tolist() == [0, 1, 2, 3]


def test_a_few_bytes_cannot_ask_for_gigabytes(tmp_path):
    wide = zipped(tmp_path / "wide.pt", one((2**16, 2**16), (0, 0), 1), {"0": bytes(4)})
    assert wide.stat().st_size < 1000
    assert "more than 256 MiB" in refused(wide)
    few = zipped(tmp_path / "few.pt", one((2**10, 2**10), (0, 0), 1), {"0": struct.pack("<f", 2.5)})
    assert torch.equal(weights.read(few)["w"], torch.full((2**10, 2**10), 2.5))


@pytest.mark.parametrize(
    "made", [one((4,), (1,), 1000), one((1000,), (1,), 4), one((4,), (2**39,), 4), one((4,), (-1,), 4, offset=3),
             one((4,), (1,), 4, offset=1), one((4,), (1, 1), 4), one((-4,), (1,), 4), one((4,), (1,), -4),
             one((4,), (1,), 4, rebuild="_rebuild_sparse_tensor"), one((1,) * 50, (1,) * 50, 4)],
)  # fmt: skip
@pytest.mark.parametrize("write", [zipped, legacy])
def test_a_tensor_beyond_its_numbers_is_refused(tmp_path, made, write):
    assert refused(write(tmp_path / "a.pt", made, {"0": bytes(16)}))
    assert list(weights.read(write(tmp_path / "good.pt", one((4,), (1,), 4), {"0": bytes(16)}))) == ["w"]


def test_a_packed_zip_is_refused(tmp_path):
    path = zipped(tmp_path / "a.pt", one((2**20,), (1,), 2**20), {"0": bytes(2**22)}, packed=True)
    assert "packed" in refused(path)


@pytest.mark.parametrize(
    "name", ["os.system", "builtins.eval", "builtins.getattr", "numpy.load", "numpy.testing.run", "torch.load",
             "torch._utils.x.y", "torch.hub.load", "collections.abc.x", "pathlib.os", "torch._utils._import_dotted_name"],
)  # fmt: skip
def test_a_name_that_could_run_code_is_refused(tmp_path, name):
    module, word = name.rsplit(".", 1)
    made = Pickle()(b"}").text("a").named(module, word)(b"(").text("x")(b"tRs").end()
    assert "could run code" in refused(zipped(tmp_path / "a.pt", made, {}))


def test_a_pickle_without_end_is_given_up(tmp_path):
    made = Pickle()(b"}" * (pickles.MOST_STEPS + 10)).end()
    assert "too much beside" in refused(zipped(tmp_path / "a.pt", made, {}))
    keys = b"".join(b"\x8a\x0a" + (i * (2**61 - 1)).to_bytes(10, "little") + b"N" for i in range(100_000))
    # Keys that all have the same hash cost the square of their number; the limit on time ends that.
    assert "too much beside" in refused(zipped(tmp_path / "b.pt", Pickle()(b"}(", keys, b"u").end(), {}))


@pytest.mark.parametrize(
    "made", [b"", b".", b"\x80\x02.", b"(" * 1000 + b"t" * 1001, b"(" * 1000, b"h\x00.", b"}h\x07s.", b"\x8a\xff.", b"X\xff\xff\xff\xff.",
             b"(lp0\n.", b"}}s.", b"]" + b"\x85" * 100_000 + b".", b"Q.", b")Q.", b"R.", b"cos", b"\x93."],
)  # fmt: skip
@pytest.mark.parametrize("write", [zipped, legacy])
def test_broken_pickles_are_one_sentence(tmp_path, made, write):
    assert refused(write(tmp_path / "a.pt", made, {}))


@pytest.mark.skipif(os.name == "nt", reason="made with POSIX calls")
@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "sparse"])
def test_only_a_file_of_a_stated_size_is_opened(tmp_path, kind, suffix):
    path = tmp_path / f"a.{suffix}"
    no_file(path, kind)
    assert ("larger than" if kind == "sparse" else kind) in refused(path)


def header(path: Path, text: str, size: int = 16) -> Path:
    path.write_bytes(struct.pack("<Q", len(text)) + text.encode() + bytes(size))
    return path


GOOD = '{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'


def test_a_value_that_would_be_endless_once_written_out_is_no_word(tmp_path):
    doubling = b"".join(b"(h%sh%stq%s0" % (bytes([i]), bytes([i]), bytes([i + 1])) for i in range(60))
    made = Pickle()(b"}").tensor("0", 4, (4,), (1,)).end().replace(b"X\1\0\0\x000", b"]q\x000" + doubling + b"h\x3c")
    assert doubling in made
    assert "not a checkpoint" in refused(zipped(tmp_path / "a.pt", made, {"0": bytes(16)}))


def test_a_header_of_very_many_tensors_is_refused_before_it_is_read(tmp_path):
    entry = b',"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    many = b"{" + b"".join(entry % i for i in range(30_000))[1:] + b"}"
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(many)) + many)
    assert "not a whole safetensors file" in refused(tmp_path / "a.safetensors")
    few = b"{" + b"".join(entry % i for i in range(1000))[1:] + b"}"
    (tmp_path / "b.safetensors").write_bytes(struct.pack("<Q", len(few)) + few)
    assert len(weights.read(tmp_path / "b.safetensors")) == 1000


@pytest.mark.parametrize(
    ("this", "by"), [("F32", "F4"), ("[4]", "[-4]"), ("[4]", "[1e999]"), ("[4]", f"[{9**50}]"), ("[0,16]", "[0,17]"), ("[0,16]", "[4,20]"),
                     ("[4]", "[" * 3000 + "]" * 3000), ("[4]", "null"), ('"F32"', "[]"), ("[4]", "[2,4]"), (GOOD, "[]"), (GOOD, "{"),
                     ("[4]", "[65536,65536,65536,65536]"), ("[4]", '[4],"strides":[0]')],
)  # fmt: skip
def test_odd_safetensors_are_one_sentence(tmp_path, this, by):
    assert refused(header(tmp_path / "a.safetensors", GOOD.replace(this, by)))
    assert weights.read(header(tmp_path / "b.safetensors", GOOD))["w"].shape == (4,)
