"""PNG and SVG in a process of its own, since a browser that does not answer would otherwise hold up whoever asked.

`python -m mesa_core.pictures.drawing` is that process: it draws what it is told a line at a time, and ends with its standard
input. `Painter` is the side of whoever asks, with a limit on the time; it ends the process, and the browser with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from mesa_core.disk.errors import StoreError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

LIMIT = 30.0  # seconds for one picture, the browser's start included; it takes three
LARGEST = 1 << 28  # bytes of one picture
ROOT = Path(__file__).resolve().parent.parent


class NoPicture(StoreError):
    """No picture could be made here; the message says why in one sentence."""


class Painter:
    """A browser that makes pictures, started with the first; used as a context."""

    def __init__(self, limit: float = LIMIT) -> None:
        self.limit = limit
        self.process: subprocess.Popen[bytes] | None = None
        self.answers: queue.Queue[bytes | None] = queue.Queue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def paint(self, figure: Figure, kind: str, width: int, scale: int) -> bytes:
        """'png' or 'svg'. Raises NoPicture once the browser fails or does not answer in time; it is ended then."""
        asked = {"figure": json.loads(figure.to_json()), "kind": kind, "width": width, "scale": scale}
        try:
            process = self.process or self._start()
            assert process.stdin is not None, "it was started with a pipe"
            process.stdin.write(json.dumps(asked).encode() + b"\n")
            process.stdin.flush()
            data = self.answers.get(timeout=self.limit)
        except queue.Empty:
            self.end()
            raise NoPicture(f"No usable Chromium: it did not answer within {self.limit:g} s.") from None
        except OSError:
            data = None
        if data is None:
            self.end()
            raise NoPicture("No usable Chromium: it ended before it had drawn anything.")
        if data[:1] != b"+":
            raise NoPicture(f"No usable Chromium: {data[1:].decode('utf-8', 'replace')[:200]}.")
        return data[1:]

    def _start(self) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        process = subprocess.Popen(
            [sys.executable, "-m", "mesa_core.pictures.drawing"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path}, start_new_session=True,
        )  # fmt: skip
        self.process, self.answers = process, queue.Queue()
        threading.Thread(target=_listen, args=(process.stdout, self.answers), daemon=True).start()
        return process

    def end(self) -> None:
        """End the process and all that it started."""
        process, self.process = self.process, None
        if process is None:
            return
        below = _below(process.pid)
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self.answers.empty() and process.poll() is None:
                process.wait(0.05 if self.limit < 1 else 2)  # it closes its browser in peace
        for pid in [*below, process.pid]:
            with contextlib.suppress(OSError):
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()


def _listen(stream: IO[bytes], answers: queue.Queue[bytes | None]) -> None:
    """Hand on every answer: its length on a line, then itself; None at the end."""
    with contextlib.suppress(OSError, ValueError):
        while line := stream.readline(32):
            answers.put(stream.read(min(int(line), LARGEST)))
    answers.put(None)


def _below(pid: int) -> list[int]:
    """Every process that one has started, and those that these have; [] where the system does not tell."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int(entry.read_text("utf-8", "replace").rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(entry.parent.name))
    found, left = [], [pid]
    while left:
        more = children.get(left.pop(), [])
        found += more
        left += more
    return found


def _keep_orphans() -> None:
    """Have what a lost child leaves behind count as ours, so that it is found and ended; on Linux alone."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def main() -> None:
    """The process that draws."""
    _keep_orphans()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
    import kaleido
    import plotly.graph_objects as go

    kaleido.start_sync_server(silence_warnings=True)
    try:
        for line in sys.stdin.buffer:
            asked = json.loads(line)
            try:
                drawn = go.Figure(asked["figure"], skip_invalid=True)
                data = b"+" + drawn.to_image(format=asked["kind"], width=asked["width"], scale=asked["scale"])
            except Exception as error:  # of the browser, of many types
                data = b"-" + type(error).__name__.encode()
            answers.write(b"%d\n" % len(data) + data)
            answers.flush()
    finally:
        kaleido.stop_sync_server(silence_warnings=True)


if __name__ == "__main__":
    main()
