"""Nothing of a user's is ever deleted or replaced: whoever writes into a folder of choice replaces only what it wrote."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
import torch

from mesa_core.cli import main
from mesa_core.config import ConfigError
from mesa_core.disk import leftovers, owned
from mesa_core.disk.errors import Closed, StoreError
from mesa_core.experiment import train_victim
from mesa_core.pictures import saving
from mesa_core.reference import record
from mesa_core.store import Run, Store, compact
from mesa_core.store.shipped import shipped_runs
from mesa_core.victims import weights

DEAD = 2**22 + 1  # no process has this number: Linux ends at 2^22


@pytest.fixture
def ring(store: Store) -> Run:
    shutil.copytree(shipped_runs() / "signs-ring", store.runs / "ring")
    return Run(store.runs / "ring")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b"/" for p in folder.rglob("*")}


def refused(store: Store, out: Path, capsys, *names: str) -> str:
    """What `collect` says, which must be one sentence, with nothing changed."""
    before = contents(store.root), out.is_dir() and contents(out)
    assert main(["--home", str(store.root), "collect", *(names or ("ring",)), "--out", str(out)]) == 2
    assert (contents(store.root), out.is_dir() and contents(out)) == before
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1
    return said


# -- collect
def test_a_thesis_in_a_folder_of_a_run_s_name_is_not_deleted(ring, store, tmp_path, capsys):
    out = tmp_path / "mine"
    (out / "ring").mkdir(parents=True)
    (out / "ring" / "thesis.tex").write_text("years of work")
    assert "not collected there" in refused(store, out, capsys)
    assert (out / "ring" / "thesis.tex").read_text() == "years of work"


def test_a_thesis_put_into_a_collected_run_is_not_deleted_and_the_run_itself_is_replaced(ring, store, tmp_path, capsys):
    out = tmp_path / "mine"
    compact.collect([ring], out)
    first = contents(out)
    compact.collect([ring], out)
    assert contents(out) == first
    (out / "ring" / "thesis.tex").write_text("years of work")
    assert "not collected there" in refused(store, out, capsys)
    assert (out / "ring" / "thesis.tex").exists()


@pytest.mark.parametrize("where", ["home", "home/runs", "home/runs/ring", "home/new", "link"])
def test_the_store_is_no_place_to_collect_into(ring, store, tmp_path, capsys, where):
    (tmp_path / "link").symlink_to(store.runs)
    assert "lies in the store" in refused(store, tmp_path / where, capsys)
    assert ring.result() is not None


@pytest.mark.parametrize("kind", ["file", "link to nowhere"])
def test_what_is_no_folder_is_refused(ring, store, tmp_path, capsys, kind):
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("text")
    else:
        out.symlink_to(tmp_path / "nowhere")
    assert "is not a folder" in refused(store, out, capsys)
    assert os.path.lexists(out)


def test_when_one_of_several_cannot_be_collected_none_is(ring, store, tmp_path, capsys):
    out = tmp_path / "out"
    compact.collect([ring], out)
    shutil.copytree(ring.path, store.runs / "also")
    shutil.copytree(ring.path, store.runs / "unfinished")
    (store.runs / "unfinished" / "result.json").unlink()
    (out / "note.txt").write_text("mine")
    assert "only finished" in refused(store, out, capsys, "also", "unfinished")


def test_a_failure_while_the_new_is_put_in_place_brings_the_old_back(ring, store, tmp_path, monkeypatch):
    out = tmp_path / "out"
    compact.collect([ring], out)
    before = contents(out)
    shutil.copytree(ring.path, store.runs / "other")
    real, calls = os.rename, []

    def rename(a, b):
        calls.append(b)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        real(a, b)

    monkeypatch.setattr(owned.os, "rename", rename)
    with pytest.raises(Closed, match="input/output"):
        compact.collect([Run(store.runs / "other")], out)
    assert len(calls) > 2, "nothing had been touched yet"
    assert contents(out) == before


def test_a_new_folder_is_not_left_behind_by_a_failure(ring, tmp_path, monkeypatch):
    monkeypatch.setattr(compact, "write_manifest", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        compact.collect([ring], tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()


def test_a_run_on_a_folder_can_be_collected_and_is_done(ring, tmp_path):
    config = {**ring.config(), "data": "folder", "data_dir": "/home/someone/my signs"}
    ring.write_config(config, ring.resolved())
    ring.write_result({**ring.result(), "config": config})
    compact.collect([ring], tmp_path / "out")
    assert compact.manifest(tmp_path / "out")[0]["config"]["data_dir"] == "my signs"
    assert "/home/someone" not in "".join(p.read_text() for p in (tmp_path / "out").rglob("*.json*"))
    assert compact.key(config) in compact.done(tmp_path / "out")


# -- figures
@pytest.fixture
def few(tmp_path, monkeypatch) -> list[str]:
    monkeypatch.setattr(saving, "pictures", lambda: False)
    (tmp_path / "empty").mkdir()
    return ["--home", str(tmp_path / "home"), "figures", "--results", str(tmp_path / "empty"), "--out"]


def test_figures_replace_their_own_files_and_no_other(few, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    assert main([*few, str(out)]) == main([*few, str(out)]) == 0
    (out / "claims.csv").write_text("my own notes")
    before = contents(out)
    capsys.readouterr()
    assert main([*few, str(out)]) == 2
    assert "claims.csv was not written by this program" in capsys.readouterr().err
    assert contents(out) == before
    (tmp_path / "home").mkdir()
    assert main([*few, str(tmp_path / "home" / "x")]) == 2
    assert main([*few, str(out / "mine.txt")]) == 2


def test_figures_whose_writing_was_killed_midway_are_known_as_ours(few, tmp_path):
    out = tmp_path / "out"
    assert main([*few, str(out)]) == 0
    known = json.loads((out / "figures.json").read_text())["files"]["claims.csv"]
    (out / "figures.json").write_text(json.dumps({"files": {"claims.csv": ["0" * 64, *known]}}))
    assert main([*few, str(out)]) == 0
    assert json.loads((out / "figures.json").read_text())["files"]["claims.csv"] == known


# -- single files
def test_a_trained_victim_replaces_another_one_and_nothing_else(tmp_path):
    train_victim.require_weights_of_ours(tmp_path / "absent.safetensors")
    model = torch.nn.Linear(1, 1)
    weights.save(model, tmp_path / "ours.safetensors", half=True, metadata={"victim": "resnet18", "data": "signs"})
    train_victim.require_weights_of_ours(tmp_path / "ours.safetensors")
    weights.save(model, tmp_path / "theirs.safetensors")
    with pytest.raises(ConfigError, match="something else"):
        train_victim.require_weights_of_ours(tmp_path / "theirs.safetensors")
    for name, data in {
        "thesis.txt": b"years of work",
        "empty": b"",
        "deep": (200_000).to_bytes(8, "little") + b"[" * 200_000,
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ConfigError, match="something else"):
            train_victim.require_weights_of_ours(tmp_path / name)


def test_a_reference_is_never_half_old_and_half_new(tmp_path, monkeypatch):
    import numpy as np

    record.write(tmp_path / "r", {"n": 1}, {"triggers": np.zeros(1)})
    real = record.write_json
    monkeypatch.setattr(record, "write_json", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(Closed, match="disk is full"):
        record.write(tmp_path / "r", {"n": 2}, {"triggers": np.ones(1)})
    assert json.loads((tmp_path / "r" / "reference.json").read_text()) == {"n": 1}
    with np.load(tmp_path / "r" / "reference.npz") as arrays:
        assert arrays["triggers"].sum() == 0
    monkeypatch.setattr(record, "write_json", real)
    record.write(tmp_path / "r", {"n": 2}, {"triggers": np.ones(1)})
    assert json.loads((tmp_path / "r" / "reference.json").read_text()) == {"n": 2}
    assert {p.name for p in (tmp_path / "r").iterdir()} == {"reference.json", "reference.npz"}


# -- leftovers
def marked(kind: str, pid: int, rest: str, here: bool = True) -> str:
    return f".{kind}-{leftovers._here() if here else '0' * 8}-{pid}-{rest}"


def test_only_what_a_dead_process_left_is_swept_up(tmp_path):
    stay = [
        marked("tmp", os.getpid(), "abcdefgh"), marked("new", DEAD, "abcdefgh", here=False), ".tmp-abcdefgh",
        ".new-thesis.txt", ".newspaper", "new-abcdefgh", ".tmp-mine", "thesis.txt",
    ]  # fmt: skip
    go = [
        marked("tmp", DEAD, "abcdefgh"),
        marked("new", DEAD, "abcdefgh"),
        ".tmp-zbcdefgh",
        marked("tmp", 7, "z" * 8, here=False),
    ]
    for name in (*stay, *go):
        if ".new-" in name:
            (tmp_path / name).mkdir()
            (tmp_path / name / "x").write_text("x")
        else:
            (tmp_path / name).write_text("x")
    for name in go[2:]:
        os.utime(tmp_path / name, (time.time() - leftovers.OLD - 1,) * 2)
    assert leftovers.sweep_up(tmp_path) == len(go)
    assert {p.name for p in tmp_path.iterdir()} == set(stay)


def test_in_a_folder_of_others_only_names_that_say_whose_they_are_count(tmp_path):
    for name in (".tmp-zbcdefgh", marked("tmp", DEAD, "abcdefgh")):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (1, 1))
    assert leftovers.sweep_up(tmp_path, shared=True) == 1
    assert [p.name for p in tmp_path.iterdir()] == [".tmp-zbcdefgh"]


def test_what_was_set_aside_goes_back_where_nothing_took_its_place(tmp_path):
    for name in ("a", "b"):
        (tmp_path / marked("old", DEAD, name)).mkdir()
        (tmp_path / marked("old", DEAD, name) / "old").write_text(name)
    (tmp_path / "b").mkdir()
    leftovers.sweep_up(tmp_path)
    assert contents(tmp_path) == {"a": b"/", "a/old": b"a", "b": b"/"}


def test_links_are_not_followed_when_sweeping(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "thesis.txt").write_text("x")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / marked("new", DEAD, "abcdefgh")).symlink_to(tmp_path / "there")
    leftovers.sweep_home(tmp_path / "home")
    assert (tmp_path / "there" / "thesis.txt").exists()
    assert not list((tmp_path / "home").iterdir())


def test_a_digest_is_of_plain_files_only(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("x")
    assert len(owned.digest_of(tmp_path / "a")) == 64
    (tmp_path / "a" / "y").symlink_to(tmp_path)
    assert owned.digest_of(tmp_path / "a") is None
    with pytest.raises(StoreError):
        compact.digest(tmp_path / "a")
