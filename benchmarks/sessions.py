"""Many sessions on one server while one run trains: exceptions, how soon it answers, its memory.

    python benchmarks/sessions.py --clients 28 --minutes 10

Light clients speak the page's own protocol over a websocket: they draw the page of the running run, answer its timers
as a browser does, and at random moments draw the whole page anew, as a change of a control does; that is the timed
interaction. Two real browsers come on top: one watches the run, one walks through Learn. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from frames import training  # noqa: E402
from serving import browsing, serving, settle  # noqa: E402
from streamlit.proto.BackMsg_pb2 import BackMsg  # noqa: E402
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402
from websockets.exceptions import WebSocketException  # noqa: E402
from websockets.typing import Subprotocol  # noqa: E402

RUN = "benchmark"
PAUSE = (4.0, 9.0)  # seconds between two interactions of one visitor
PATIENCE = 30.0  # seconds after which an interaction counts as unanswered
OPENING = 120.0  # seconds that a page or a run may take to begin, on a slow machine
SAMPLING = 2.0  # seconds between two looks at the server's memory


@dataclass
class Seen:
    """What all visitors saw together."""

    answers: list[float] = field(default_factory=list)  # seconds, light clients
    browsed: list[float] = field(default_factory=list)  # seconds, a real browser
    unanswered: int = 0
    dropped: int = 0
    messages: int = 0
    timers: int = 0
    exceptions: Counter[str] = field(default_factory=Counter)
    fallen: Counter[str] = field(default_factory=Counter)  # real browsers that had to begin anew, and why


class Visitor:
    """One light client."""

    def __init__(self, url: str, query: str, seen: Seen, until: float, seed: int) -> None:
        self.address = url.replace("http", "ws", 1) + "/_stcore/stream"
        self.query, self.seen, self.until, self.random = query, seen, until, random.Random(seed)
        self.timers: dict[str, tuple[float, float]] = {}  # fragment: (interval, next time)
        self.finished = asyncio.Event()
        self.busy = False

    async def stay(self) -> None:
        """Visit until the end; a connection that is lost is made again."""
        while time.monotonic() < self.until:
            try:
                async with connect(
                    self.address,
                    subprotocols=[Subprotocol("streamlit")],
                    max_size=None,
                    open_timeout=OPENING,
                    ping_timeout=None,
                ) as socket:
                    listening = asyncio.create_task(self.listen(socket))
                    try:
                        await self.live(socket)
                    finally:
                        listening.cancel()
            except (OSError, WebSocketException) as error:
                self.seen.dropped += 1
                self.seen.exceptions[f"connection: {type(error).__name__}"] += 1
                await asyncio.sleep(1)

    async def live(self, socket: Any) -> None:
        """Draw the page, answer timers, interact now and then."""
        await self.draw(socket)
        due = time.monotonic() + self.random.uniform(*PAUSE)
        while time.monotonic() < self.until:
            now = time.monotonic()
            if now >= due:
                await self.draw(socket)
                due = time.monotonic() + self.random.uniform(*PAUSE)
            elif not self.busy:
                for fragment, (interval, when) in list(self.timers.items()):
                    if now >= when:
                        self.timers[fragment] = (interval, now + interval)
                        self.seen.timers += 1
                        await socket.send(self.message(fragment))
            await asyncio.sleep(0.05)

    async def draw(self, socket: Any) -> None:
        """Ask for the whole page and time it."""
        self.finished.clear()
        self.busy, began = True, time.monotonic()
        self.timers.clear()
        await socket.send(self.message())
        try:
            await asyncio.wait_for(self.finished.wait(), PATIENCE)
            self.seen.answers.append(time.monotonic() - began)
        except TimeoutError:
            self.seen.unanswered += 1
        self.busy = False

    def message(self, fragment: str = "") -> bytes:
        """A request for the page, or for one fragment by its timer."""
        back = BackMsg()
        back.rerun_script.query_string = self.query
        if fragment:
            back.rerun_script.fragment_id = fragment
            back.rerun_script.is_auto_rerun = True
        return back.SerializeToString()

    async def listen(self, socket: Any) -> None:
        """Note what the server says, until the connection ends."""
        with contextlib.suppress(OSError, WebSocketException):
            await self.note(socket)

    async def note(self, socket: Any) -> None:
        """Note each message."""
        async for raw in socket:
            if isinstance(raw, str):
                continue
            said = ForwardMsg()
            said.ParseFromString(raw)
            self.seen.messages += 1
            kind = said.WhichOneof("type")
            if kind == "auto_rerun":
                interval = said.auto_rerun.interval
                self.timers[said.auto_rerun.fragment_id] = (interval, time.monotonic() + interval)
            elif kind == "stop_auto_rerun":
                self.timers.clear()
            elif kind == "script_finished" and said.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self.finished.set()
            elif kind == "delta" and said.delta.new_element.WhichOneof("type") == "exception":
                found = said.delta.new_element.exception
                self.seen.exceptions[f"{found.type}: {found.message[:120]}"] += 1


def browse(url: str, seen: Seen, until: float) -> None:
    """Two real browsers: one watches the run, one walks through Learn and back; begun anew where they fall over."""
    from playwright.sync_api import Error

    while time.monotonic() < until:
        try:
            walk(url, seen, until)
        except Error as error:  # too slow, or crashed
            seen.fallen[str(error).splitlines()[0][:120]] += 1
            time.sleep(1)


def walk(url: str, seen: Seen, until: float) -> None:
    """The same, until something takes too long."""
    with browsing() as browser:
        watching, walking = browser.new_page(), browser.new_page()
        watching.goto(f"{url}/?run={RUN}", timeout=1000 * OPENING)
        walking.goto(f"{url}/learn", timeout=1000 * OPENING)
        settle(watching, 1000 * OPENING), settle(walking, 1000 * OPENING)
        step = 1
        while time.monotonic() < until:
            label, step = ("Next", step + 1) if step < 6 else ("Back", step - 1)
            if label == "Back":
                walking.goto(f"{url}/learn?step=1", timeout=1000 * OPENING)
                settle(walking, 1000 * OPENING)
                step = 1
                continue
            began = time.monotonic()
            walking.get_by_role("button", name=label).click(timeout=1000 * PATIENCE)
            walking.locator("h1", has_text=f"{step} ·").wait_for(timeout=1000 * PATIENCE)
            seen.browsed.append(time.monotonic() - began)
            for page, name in ((watching, "watching"), (walking, "walking")):
                if count := page.get_by_test_id("stException").count():
                    seen.exceptions[f"{name} browser"] += count
            walking.wait_for_timeout(1000 * random.uniform(*PAUSE))


def memory(pid: int) -> float:
    """Resident memory of a process, MiB; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    for line in lines:
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def summary(values: list[float]) -> dict[str, Any]:
    """Median, 95th percentile and number of times, in milliseconds."""
    ranked = sorted(values)
    if not ranked:
        return {"n": 0}
    return {
        "n": len(ranked),
        "median_ms": round(1000 * statistics.median(ranked)),
        "p95_ms": round(1000 * ranked[int(0.95 * (len(ranked) - 1))]),
        "longest_ms": round(1000 * ranked[-1]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=28, help="light clients; two real browsers come on top")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--no-browsers", action="store_true", help="light clients only")
    words = parser.parse_args()
    seen, sizes = Seen(), []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with serving(home) as (url, pid), training(True, home) as process:
            begun = time.monotonic()
            while not (home / "runs" / RUN / "config.json").is_file():
                if time.monotonic() - begun > OPENING or process is None or process.poll() is not None:
                    raise SystemExit("The run that all watch did not begin.")
                time.sleep(0.2)
            began = time.monotonic()
            until = began + 60 * words.minutes
            others = [] if words.no_browsers else [threading.Thread(target=browse, args=(url, seen, until))]

            def look() -> None:
                while time.monotonic() < until:
                    sizes.append((round(time.monotonic() - began), round(memory(pid), 1)))
                    time.sleep(SAMPLING)

            others.append(threading.Thread(target=look))
            for thread in others:
                thread.start()

            async def visit() -> None:
                visitors = [Visitor(url, f"run={RUN}", seen, until, i) for i in range(words.clients)]
                await asyncio.gather(*(v.stay() for v in visitors))

            asyncio.run(visit())
            for thread in others:
                thread.join()
            trained = process is not None and process.poll() is None
    sizes = sizes or [(0, 0.0)]  # nothing was seen of the server
    quarter = max(1, len(sizes) // 4)
    print(
        json.dumps(
            {
                "cores": os.cpu_count(),
                "clients": words.clients,
                "browsers": 0 if words.no_browsers else 2,
                "minutes": words.minutes,
                "trained_throughout": trained,
                "exceptions": dict(seen.exceptions),
                "browsers_begun_anew": dict(seen.fallen),
                "light_clients": summary(seen.answers) | {"unanswered": seen.unanswered, "dropped": seen.dropped},
                "browser_walking_learn": summary(seen.browsed),
                "timer_ticks": seen.timers,
                "messages": seen.messages,
                "memory_mib": {
                    "second_quarter_mean": round(
                        statistics.mean(m for _, m in sizes[quarter : 2 * quarter] or sizes), 1
                    ),
                    "third_quarter_mean": round(
                        statistics.mean(m for _, m in sizes[2 * quarter : 3 * quarter] or sizes), 1
                    ),
                    "last_quarter_mean": round(statistics.mean(m for _, m in sizes[-quarter:]), 1),
                    "highest": max(m for _, m in sizes),
                    "seconds: MiB": ", ".join(f"{at}: {m:.0f}" for at, m in sizes[:: max(1, len(sizes) // 30)]),
                },
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
