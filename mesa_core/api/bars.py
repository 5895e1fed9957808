"""A bar of progress on a terminal or in a notebook, for those who call the engine from a program of their own."""

from __future__ import annotations

import sys
from typing import TextIO

from mesa_core.events import Progress
from mesa_core.words import duration

WIDTH = 28


class Bar:
    """Draws each report over the last one."""

    def __init__(self, what: str, out: TextIO) -> None:
        self.what, self.out, self.drawn = what, out, False

    def __call__(self, report: Progress) -> None:
        share = report.done / report.total if report.total else 1.0
        filled = "█" * round(WIDTH * share)
        told = f"{share:4.0%}, {duration(report.left)} to go" if report.done < report.total else "done"
        self.out.write(f"\r{self.what:<8} {filled:<{WIDTH}} {told:<24}")
        self.out.flush()
        self.drawn = True

    def close(self) -> None:
        """End the line."""
        if self.drawn:
            self.out.write("\n")


def automatic(what: str) -> Bar | None:
    """A bar where somebody sees it: on a terminal, or in a notebook; else None."""
    if "ipykernel" in sys.modules:
        return Bar(what, sys.stdout)
    return Bar(what, sys.stderr) if sys.stderr.isatty() else None
