"""The command line in processes that have torch already, for tests that start it again and again; no test of its own.

Python's fork server imports the engine once and has never trained, since a process that has cannot be forked to train.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from types import ModuleType
from unittest.mock import patch


def carried_out(words: Sequence[str]) -> None:
    """What `python -m mesa_core WORDS` does; it ends the process with the command's exit status."""
    from mesa_core.cli import main

    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        status = main(list(words))
    raise SystemExit(status)


class Command:
    """A command that was begun, to be asked, waited for and killed as a `subprocess.Popen`."""

    def __init__(self, words: Sequence[str]) -> None:
        server = multiprocessing.get_context("forkserver")
        server.set_forkserver_preload(["mesa_core.experiment", "mesa_core.sweeps.grid", "mesa_core.cli.commands"])
        self._process: BaseProcess = server.Process(target=carried_out, args=(list(words),), daemon=True)
        # The new process would run the main module's file, and a page that was tested before has left its own in that place.
        with patch.dict(sys.modules, {"__main__": ModuleType("__main__")}):
            self._process.start()
        self.pid = self._process.pid or 0

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self) -> int:
        """Wait for its end, and tell the exit status."""
        self._process.join()
        return self._process.exitcode or 0

    def kill(self) -> None:
        """End it at once, by SIGKILL."""
        self._process.kill()
