"""Who is here: the same name of a machine whatever else is short."""

from __future__ import annotations

import contextlib
import os
import resource
from pathlib import Path

import pytest

from mesa_core.disk import leftovers, processes


@pytest.fixture(autouse=True)
def _unknown():
    """Nobody has asked yet which machine this is."""
    processes.machine.cache_clear(), leftovers._here.cache_clear()
    yield
    processes.machine.cache_clear(), leftovers._here.cache_clear()


@pytest.mark.skipif(
    not Path("/proc/sys/kernel/random/boot_id").exists(), reason="this system has no number of its start"
)
def test_a_machine_keeps_its_name_where_no_more_files_may_be_open(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            processes.machine()
        with pytest.raises(OSError, match="Too many open files"):
            leftovers.new_folder(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert processes.BOOT.read_text().strip() in processes.machine()
    assert not list(tmp_path.iterdir())


def test_what_was_begun_before_files_ran_out_is_swept_up_after_its_maker_died(tmp_path):
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        with contextlib.suppress(OSError):
            leftovers.new_folder(tmp_path)
        os._exit(0)
    os.waitpid(pid, 0)
    leftovers.sweep_up(tmp_path)
    assert not list(tmp_path.iterdir())
