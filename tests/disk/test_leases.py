"""Leases between processes: who holds one, who may take it, and how a holder that slept learns that it was replaced."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mesa_core import events as ev
from mesa_core.disk import leases
from mesa_core.disk.leases import Busy


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "thing").mkdir()
    return tmp_path / "thing" / "lease.json"


def written(path: Path, age: float = 0.0, **told) -> Path:
    path.write_text(json.dumps({"pid": os.getpid(), "where": leases.machine(), "id": "x", **told}))
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_a_dead_holder_of_this_machine_counts_at_once_and_one_elsewhere_only_when_silent(path):
    assert leases.held(written(path))
    assert not leases.held(written(path, pid=999999999))
    assert leases.held(written(path, pid=999999999, where="another machine"))  # its numbers say nothing here
    assert not leases.held(written(path, leases.STALE + 1, where="another machine"))


def test_whether_a_lease_is_fresh_is_told_by_the_file_system_s_clock(path, monkeypatch):
    written(path, where="another machine")
    ahead = time.time() + 3600
    monkeypatch.setattr(leases.time, "time", lambda: ahead)  # this machine's clock is wrong
    assert not leases.held(path), "the check can fail"
    with pytest.raises(Busy), leases.hold(path, "thing"):
        pass


def test_a_holder_that_was_replaced_writes_no_further_and_leaves_the_new_lease(store, monkeypatch):
    run = store.create({}, "one")
    monkeypatch.setattr(leases, "HEARTBEAT", 0.02)
    with run.lease() as writer:
        writer.append(ev.Note("mine"))
        written(run.path / "lease.json", id="another's")
        time.sleep(0.3)
        with pytest.raises(Busy, match="taken over"):
            writer.append(ev.Note("too late"))
    assert [event.text for _, event in run.events()] == ["mine"]
    assert json.loads((run.path / "lease.json").read_text())["id"] == "another's"


def test_a_holder_that_slept_looks_before_it_writes(store, monkeypatch):
    run = store.create({}, "one")
    with run.lease() as writer:
        written(run.path / "lease.json", id="another's")
        now = time.time() + leases.STALE
        monkeypatch.setattr(leases.time, "time", lambda: now)  # no beat since
        with pytest.raises(Busy, match="taken over"):
            writer.append(ev.Note("too late"))
    assert run.events() == []


def test_what_is_not_wanted_any_more_is_not_taken(path):
    with pytest.raises(Busy), leases.hold(path, "thing", lambda: False):
        pass
    assert not path.exists()
    with leases.hold(path, "thing", lambda: True):
        assert path.exists()
    assert not path.exists()


HOLDS = """
import sys, time
from pathlib import Path
from mesa_core.disk import leases
with leases.moment(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_of_a_moment_falls_with_its_holder(path):
    lock = path.with_name(".taking")
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, str(lock)], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(Busy), leases.moment(lock, 0.1):
        pass
    holder.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    holder.wait()
    with leases.moment(lock, 5):
        pass
    holder.stdout.close()


def test_a_deleted_run_is_not_brought_back(store):
    run = store.create({}, "one")
    shutil.rmtree(run.path)
    with pytest.raises(ValueError, match="deleted"), run.lease():
        pass
    assert not run.path.exists()
