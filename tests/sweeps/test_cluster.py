"""A sweep on two local nodes of Ray: one is lost, both have stores of their own, and the figures stay the same."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from small_sweep import figures, said

from mesa_core import events as ev
from mesa_core.config import ConfigError
from mesa_core.store import Store, StoreError
from mesa_core.sweeps import cluster, grid

ROOT = Path(__file__).resolve().parents[2]


# -- small parts, without Ray
def made(store, name="one"):
    run = store.create({"seed": 3}, name)
    run.append(ev.Note("begun"))
    run.write_arrays("snapshot-1.npz", {})
    (run.path / "weights").mkdir()
    (run.path / "weights" / "attacked.safetensors").write_bytes(b"large")
    run.write_result({"seed": 3})
    return run


def test_a_run_s_small_files_travel_and_weights_do_not(store, tmp_path):
    files = cluster.small_files(made(store))
    assert set(files) == {"config.json", "events.jsonl", "result.json", "snapshots/snapshot-1.npz"}
    other = Store(tmp_path / "other")
    cluster.place(other, "one", files)
    run = other.open("one")
    assert (run.config(), run.result()) == ({"seed": 3}, {"seed": 3})
    assert [event.text for _, event in run.events()] == ["begun"]
    assert [path.name for path in other.runs.iterdir()] == ["one"]


@pytest.mark.parametrize("name", ["../evil", "snapshots/../../evil", "weights/x.safetensors", "/evil", "lease.json"])
def test_what_is_no_file_of_a_run_is_refused(store, name):
    with pytest.raises(StoreError, match="no file of a run"):
        cluster.place(store, "one", {"config.json": b"{}", name: b"x"})
    assert not (store.runs / "one").exists()


class Resources:
    def __init__(self, **there):
        self.there = there

    def cluster_resources(self):
        return self.there


def test_a_piece_s_share_of_a_gpu(store):
    pieces = grid.expand({"data": "signs"}, {"seed": [0]}, "s", store.cache)
    for there, asked, share in [({"GPU": 2}, None, 1.0), ({}, None, 0.0), ({"GPU": 1}, 0.25, 0.25), ({"GPU": 1}, 0, 0)]:
        assert cluster.share_of(Resources(**there), pieces, asked) == share
    for there, asked in [({}, 0.5), ({"GPU": 1}, -1), ({"GPU": 4}, 1.5)]:
        with pytest.raises(ConfigError):
            cluster.share_of(Resources(**there), pieces, asked)


def test_without_ray_it_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="python -m pip install ray"):
        cluster.join("local")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:no", "ray://localhost:1", "localhost:999999"])
def test_a_cluster_that_is_not_there_is_one_sentence(address):
    pytest.importorskip("ray")
    with pytest.raises(ConfigError, match="Nothing answers") as caught:
        cluster.join(address)
    assert "\n" not in str(caught.value)


def test_a_node_with_another_program_does_nothing(store):
    told = {"gpus": 0.0, "program": "another"}
    assert [word["state"] for word in cluster.carry_out(told)] == ["foreign"]


# -- with Ray
@pytest.mark.slow
def test_ray_reports_to_nobody_and_opens_no_page(monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # or a token is written into the home of whoever tests
    ray = cluster.join("local")
    try:
        log = Path(ray._private.worker._global_node.get_logs_dir_path()) / "dashboard.log"
        until, said = time.monotonic() + 300, ""
        while "Usage reporting" not in said and time.monotonic() < until:
            time.sleep(0.1)
            said = log.read_text() if log.is_file() else ""
    finally:
        ray.shutdown()
    assert "Usage reporting is disabled" in said
    assert "http server disabled" in said


@pytest.fixture
def nodes(tmp_path, monkeypatch):
    """A cluster of two local nodes, one core each, each with a home of its own."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # else 15: behind every other test
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    of = lambda name: {"num_cpus": 1, "env_vars": {"MESA_LAB_HOME": str(tmp_path / name)}}
    both = Cluster(initialize_head=True, head_node_args={**of("head"), "include_dashboard": False})
    both.second = both.add_node(**of("second"))
    yield both
    both.shutdown()


@pytest.fixture(scope="module")
def alone(tmp_path_factory, sign_folder):
    """The pieces, and their figures by a single process."""
    store = Store(tmp_path_factory.mktemp("alone"))
    pieces = grid.expand(said(sign_folder), {"seed": [0, 1, 2]}, "s", store.cache)
    from mesa_core.experiment import execute

    assert [*grid.work(store, pieces, execute, lambda *_: None)][-1].finished == 3
    return pieces, {piece.name: figures(store.open(piece.name).result()) for piece in pieces}


@pytest.mark.slow
def test_a_lost_node_s_piece_is_done_by_the_other_with_the_same_figures(store, nodes, alone):
    pieces, expected = alone
    told, lost = [], False
    for now in cluster.work(store, pieces, nodes.address, tell=told.append, wait=0.2):
        runs = [store.runs / piece.name for piece in pieces]
        if not lost and now.running == 2 and all((run / "snapshots").is_dir() for run in runs if run.is_dir()):
            nodes.remove_node(nodes.second, allow_graceful=False)
            lost = True
    assert lost
    assert now == grid.Standing(3, 3, 0, ())
    assert any("lost its node" in text for text in told)
    found = {piece.name: figures(store.open(piece.name).result()) for piece in pieces}
    assert found == expected
    assert found[pieces[0].name] != found[pieces[1].name], "figures that cannot differ say nothing"
    assert not list((store.root / "sweeps").glob(".seen-*"))


@pytest.mark.slow
def test_nodes_that_do_not_see_the_store_send_their_small_files(store, nodes, alone, tmp_path):
    pieces, expected = alone
    assert [*cluster.work(store, pieces[:2], nodes.address, apart=True, wait=0.2)][-1] == grid.Standing(2, 2, 0, ())
    for piece in pieces[:2]:
        run = store.open(piece.name)
        assert figures(run.result()) == expected[piece.name]
        assert run.read_arrays("samples.npz")["triggers"].shape[1] == 27
        assert not (run.path / "weights").exists()
    assert not store.stages.exists(), "nothing was computed here"
    assert {path.name for path in (tmp_path / "head" / "runs").iterdir()} | {
        path.name for path in (tmp_path / "second" / "runs").iterdir()
    } == {piece.name for piece in pieces[:2]}


@pytest.mark.slow
def test_a_run_that_fails_on_every_node_is_tried_twice_and_listed(store, nodes, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    pieces = grid.expand(said(empty), {"seed": [0]}, "s", store.cache)
    assert [*cluster.work(store, pieces, nodes.address, apart=True, wait=0.2)][-1] == grid.Standing(
        1, 0, 0, (pieces[0].name,)
    )
    failures = [event for _, event in store.open(pieces[0].name).events() if isinstance(event, ev.Failed)]
    assert len(failures) == grid.TRIES
    assert "sub-folders" in grid.why(store, pieces[0].name)
