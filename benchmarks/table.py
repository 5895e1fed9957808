"""Markdown table of finished runs: python benchmarks/table.py RUN... (names in the store; see `mesa-lab runs`).

One row a run, then mean and highest. Figures in percent; effective ASR of the original and ASR of the worst of 512
after each defence; accuracy lost in points, from before the repair to after it.
"""

from __future__ import annotations

import sys
from typing import Any

from mesa_core import triggers
from mesa_core.store import Store, home

DEFENCES = ("mesa", "point", "random", "ideal", "control")


def percent(measured: dict[str, Any]) -> float:
    return 100 * measured["value"]


def row(result: dict[str, Any]) -> dict[str, float | str]:
    """The figures of one run."""
    clean, before, after = result["clean"], result["before"], result["after"] or {}
    found: dict[str, float | str] = {
        "trigger": triggers.describe(triggers.from_hex(result["config"]["trigger"])),
        "target": str(result["config"]["target"]),
        "seed": str(result["config"]["seed"]),
        "ASR before": percent(before["asr"]["original"]),
        "attack's cost": percent(clean["clean_accuracy"]) - percent(before["clean_accuracy"]),
        "clean victim's worst": percent(clean["asr"]["worst"]),
    }
    for name in DEFENCES:
        if name in after:
            found[name] = percent(after[name]["effective_asr"]["original"])
    if "mesa" in after:
        e = after["mesa"]
        found["worst after MESA"] = percent(e["asr"]["worst"])
        found["accuracy lost"] = percent(before["clean_accuracy"]) - percent(e["clean_accuracy"])
        found["target class lost"] = percent(before["target_accuracy"]) - percent(e["target_accuracy"])
    return found


def main() -> None:
    opened = [Store(home()).open(name).result() for name in sys.argv[1:]]
    results = [result for result in opened if result]
    rows = [row(result) for result in results]
    if not rows:
        sys.exit(__doc__)
    names = list(rows[0])
    print("| " + " | ".join(names) + " |\n|" + " --- |" * len(names))
    for one in rows:
        print("| " + " | ".join(v if isinstance(v := one.get(n, "–"), str) else f"{v:.1f}" for n in names) + " |")
    for word, take in (("mean", lambda vs: sum(vs) / len(vs)), ("highest", max)):
        cells = [[one[n] for one in rows if not isinstance(one.get(n, "–"), str)] for n in names]
        shown = [f"{take(own):.2f}" if own else "" for own in cells[1:]]
        print(f"| {word} | " + " | ".join(shown) + " |")
    print(f"\n{results[0]['hardware']}")


if __name__ == "__main__":
    main()
