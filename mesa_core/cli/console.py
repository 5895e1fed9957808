"""What the command line shows of a run: a moving line on a terminal, plain lines in a log. Needs no torch."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from mesa_core import events as ev
from mesa_core.disk.plain import plain
from mesa_core.measures.evaluation import Evaluation
from mesa_core.store.results import Result
from mesa_core.triggers import of_panel, size_of
from mesa_core.words import duration, named, share

RED, PLAIN = "\x1b[31m", "\x1b[0m"
QUIET = 10.0  # seconds between two progress lines in a log


def say(text: str, stream: TextIO | None = None, lines: bool = False) -> None:
    """Print on standard output (or `stream`) what may hold stored texts: no control character goes to a terminal raw.

    What the stream's coding does not have is spelt out. With `lines` the text's own line breaks stay.
    """
    out, shown = stream or sys.stdout, plain(text, lines)
    coding = getattr(out, "encoding", None) or "utf-8"
    print(shown.encode(coding, "backslashreplace").decode(coding), file=out, flush=True)


class Console:
    """Draws events on a stream, by default standard error, so that standard output stays for results."""

    def __init__(self, stream: TextIO | None = None, run: str = "NAME") -> None:
        self.stream, self.run = stream or sys.stderr, run  # `run`: its name, for those who stop it
        self.live = self.stream.isatty()
        self.label, self.last, self.width = "", 0.0, 0

    def line(self, text: str, alarm: bool = False) -> None:
        """A line that stays, on a terminal in red where it is an alarm."""
        self._clear()
        if alarm and self.live:
            self.stream.write(RED)
        say(text, self.stream)
        if alarm and self.live:
            self.stream.write(PLAIN)
            self.stream.flush()

    def moving(self, text: str, due: bool = False) -> None:
        """A line that the next one overwrites; in a log it is written every few seconds only."""
        if self.live:
            self._clear()
            shown = plain(text)[:110]
            self.stream.write(shown)
            self.stream.flush()
            self.width = len(shown)
        elif due or time.monotonic() - self.last >= QUIET:
            self.last = time.monotonic()
            say(text, self.stream)

    def _clear(self) -> None:
        if self.live and self.width:
            self.stream.write("\r" + " " * self.width + "\r")
            self.width = 0

    def progress(self, event: ev.Event) -> None:
        """Show one event of many runs: what moves, and what went wrong."""
        if isinstance(event, ev.Progress):
            self.moving(f"{self.label}  {event.stage}  {event.done}/{event.total}")
        elif isinstance(event, ev.Failed):
            self.line(f"    {event.message}")

    def __call__(self, event: ev.Event) -> None:
        """Show one event."""
        match event:
            case ev.StageBegun():
                self.label = f"[{event.index + 1}/{event.count}] {event.label}"
                self.last = time.monotonic()
                if self.live:
                    self.moving(self.label)
                else:
                    self.line(self.label)
            case ev.Progress():
                figures = "  ".join(f"{k} {v:.3g}" for k, v in list(event.metrics.items())[:4])
                part = f"{event.done}/{event.total}  {duration(event.left)} to go"
                self.moving(f"{self.label}  {part}  {figures}")
            case ev.StageDone():
                how = "found in the store" if event.reused else duration(event.seconds)
                self.line(f"{self.label}: {how}")
            case ev.Evaluated(name=name, value=value):
                e = Evaluation.from_json(value)
                accuracy = e.clean_accuracy.value
                self.line(
                    f"    {named(name)}: ASR {share(e.asr.original or e.asr.sampled)}; clean accuracy {accuracy:.1%}"
                )
            case ev.Note() | ev.Failed():
                self.line(f"    {event.text if isinstance(event, ev.Note) else event.message}")
            case ev.Judged(healed=healed, text=text):
                self.line(f"    {text}", alarm=not healed)
            case ev.Stopped():
                self.line(f"Stopped; finished stages are kept. Go on with: mesa-lab run --resume {self.run}")
            case ev.Finished():
                self.line(f"Finished in {duration(event.seconds)}.")


def table(result: Result) -> str:
    """The figures of a finished run as text."""
    worst = f"worst of {of_panel(size_of(result.config['trigger']))}"
    rows: list[tuple[str, ...]] = [("", "ASR of the original", "effective", worst, "clean accuracy", "target class")]
    entries: list[tuple[str, Evaluation | None]] = [("clean", result.clean), ("before", result.before)]
    entries += [(f"after.{k}", v) for k, v in result.after.items()]
    entries += [(f"after.beta.{k}", v) for k, v in result.after_by_beta.items()]
    for name, e in entries:
        if e is None:
            continue
        cells = (e.asr.original, e.effective_asr.original, e.asr.worst, e.clean_accuracy, e.target_accuracy)
        rows.append((named(name), *("–" if m is None else f"{m.value:.1%}" for m in cells)))
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(w) if not i else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, wide, strict=True)))
        for row in rows
    ]
    known = "Target class known to the defender (step 1 taken as done). " if result.target_known else ""
    n = result.before.clean_accuracy.n
    lines.append(f"{known}Measured on {n} images that no defence has seen; 95 % intervals are in result.json.")
    return "\n".join(lines)
