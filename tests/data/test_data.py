import hashlib
import io
import pickle
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from conftest import CIFAR10
from PIL import Image

from mesa_core.data import DataError, load_data, split
from mesa_core.data import cifar10 as c10
from mesa_core.data.locate import FOLDER, find_cifar10, find_data


def test_signs_are_deterministic_balanced_and_all_different(tiny_signs):
    from mesa_core.data import signs

    again = signs.load(lambda *_: None, train=400, test=300)
    assert again.fingerprint == tiny_signs.fingerprint
    assert tiny_signs.train.labels.bincount().tolist() == [40] * 10
    assert len(tiny_signs.train.images.flatten(1).unique(dim=0)) == 400


def test_splits_share_no_image(tiny_signs):
    parts = split(tiny_signs, 3)
    assert len(parts.defender) == 240
    seen = {image.numpy().tobytes() for image in parts.defender.images}
    assert not seen & {image.numpy().tobytes() for image in parts.evaluation.images}
    assert not torch.equal(split(tiny_signs, 4).defender.labels, parts.defender.labels)


def test_a_folder_of_images(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "in" / name).mkdir(parents=True)
        for i in range(150):
            Image.fromarray(np.full((40, 40, 3), i, np.uint8)).save(tmp_path / "in" / name / f"{i}.png")
    found = load_data("folder", tmp_path / "in", cache=tmp_path / "cache")
    assert found.classes == ("cat", "dog")
    assert found.train.images.shape[1:] == (3, 32, 32)


@pytest.mark.parametrize("name", ["nothing", "empty", "text"])
def test_a_bad_folder_is_one_sentence(tmp_path, name):
    if name == "empty":
        (tmp_path / name).mkdir()
    if name == "text":
        (tmp_path / name / "a").mkdir(parents=True)
        (tmp_path / name / "b").mkdir(parents=True)
        (tmp_path / name / "a" / "x.png").write_text("no image")
        (tmp_path / name / "b" / "x.png").write_text("no image")
    with pytest.raises(DataError) as caught:
        load_data("folder", tmp_path / name, cache=tmp_path / "cache")
    assert "\n" not in str(caught.value)


def test_a_damaged_cache_is_made_again(tmp_path, monkeypatch, tiny_signs):
    from mesa_core.data import signs

    monkeypatch.setattr(signs, "load", lambda tell: tiny_signs)
    load_data("signs", cache=tmp_path)
    file = next(tmp_path.glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-100])
    assert load_data("signs", cache=tmp_path).fingerprint == tiny_signs.fingerprint


def test_where_nothing_is_auto_takes_the_signs(tmp_path, monkeypatch):
    monkeypatch.delenv("MESA_LAB_DATA", raising=False)
    assert find_data(tmp_path, tmp_path) == "signs"
    with pytest.raises(DataError, match="--download"):
        load_data("cifar10", tmp_path / "none", cache=tmp_path)


def batch(value: object) -> bytes:
    return pickle.dumps(value, protocol=2)


def small_archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(f"{FOLDER}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def members(evil: bytes | None = None):
    rng = np.random.default_rng(0)
    made = {}
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        made[name] = batch({b"data": rng.integers(0, 256, (20, 3072), dtype=np.uint8), b"labels": list(range(10)) * 2})
    if evil:
        made["data_batch_3"] = evil
    return made


def test_the_archive_is_read_and_checked(tmp_path):
    good = members()
    small_archive(tmp_path / "cifar-10-python.tar.gz", good)
    found = find_cifar10(tmp_path)
    sums = {name: hashlib.md5(data).hexdigest() for name, data in good.items()}
    assert len(c10.load(found, lambda *_: None, sums).train) == 100
    with pytest.raises(DataError, match="checksum"):
        c10.load(found, lambda *_: None, {**sums, "data_batch_2": "0" * 32})


class Evil:
    def __reduce__(self):
        return (exec, ("raise SystemExit('ran')",))


def test_a_batch_that_would_run_code_is_refused(tmp_path):
    bad = members(batch(Evil()))
    small_archive(tmp_path / "cifar-10-python.tar.gz", bad)
    sums = {name: hashlib.md5(data).hexdigest() for name, data in bad.items()}
    with pytest.raises(DataError):
        c10.load(find_cifar10(tmp_path), lambda *_: None, sums)


def test_a_truncated_archive_is_one_sentence(tmp_path):
    small_archive(tmp_path / "cifar-10-python.tar.gz", members())
    data = (tmp_path / "cifar-10-python.tar.gz").read_bytes()
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError):
        c10.load(find_cifar10(tmp_path), lambda *_: None)


@pytest.mark.slow
@pytest.mark.skipif(
    not CIFAR10.is_dir(), reason="CIFAR-10 is not here; it is only read where it lies beside the project"
)
def test_the_shipped_victims_reach_their_accuracy(decoded_cifar10):
    from mesa_core.experiment.train_victim import accuracy
    from mesa_core.store.shipped import shipped_weights
    from mesa_core.victims.clean import load
    from mesa_core.victims.devices import Compute
    from mesa_core.victims.images import Normalise
    from mesa_core.victims.victim import Victim

    data = load_data("cifar10", CIFAR10, cache=decoded_cifar10)
    assert (len(data.train), len(data.test)) == (50_000, 10_000)
    part = data.test.take(torch.arange(2000))
    for victim, least in (("resnet9-16", 0.895), ("resnet9-32", 0.92)):
        model = load(shipped_weights("cifar10", victim), victim, 10)
        asked = Victim(model, Normalise(data.mean, data.std), Compute(torch.device("cpu")))
        assert accuracy(asked, part).high > least, victim


def write_parquet(path, count):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(buffer, "PNG")
    table = {"img": [{"bytes": buffer.getvalue(), "path": None}] * count, "label": [i % 10 for i in range(count)]}
    pq.write_table(pa.table(table), path)


def test_parquet_files_that_are_not_all_there_are_refused(tmp_path):
    write_parquet(tmp_path / "train-00000-of-00002.parquet", 60)
    write_parquet(tmp_path / "test-00000-of-00001.parquet", 30)
    found = find_cifar10(tmp_path)
    with pytest.raises(DataError, match="60 of CIFAR-10's 50,000"):
        c10.load(found, lambda *_: None)
    whole = c10.load(found, lambda *_: None, counts={"train": 60, "test": 30})
    assert len(whole.train) == 60


def test_an_archive_with_flipped_bytes_is_one_sentence(tmp_path):
    small_archive(tmp_path / "cifar-10-python.tar.gz", members())
    data = (tmp_path / "cifar-10-python.tar.gz").read_bytes()
    for at in range(100, len(data), len(data) // 7):
        (tmp_path / "cifar-10-python.tar.gz").write_bytes(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :])
        with pytest.raises(DataError):
            c10.load(find_cifar10(tmp_path), lambda *_: None)
