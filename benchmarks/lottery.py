"""When is a defence of one point a lottery? python benchmarks/lottery.py --data signs --codes 27 495 16 --seeds 0 1

Ten reversed points, each repaired on its own, beside MESA (generators, particles), random triggers, the original (an
oracle) and clean images alone, at the paper's repair (rate 0.001, constant, ten passes, batches of 128), while one thing
is varied: the share of stamped images; the length and rate of the search for a point; how many other triggers were
planted in the network before (the paper's public notebook plants trigger after trigger in one network); and, as a last
row of the share, the budget that the product takes by itself.

Every cell is a run of the store under MESA_LAB_HOME, so that stages are shared, a second start goes on, and two
processes share the work. --out writes what is finished into one JSON file, which the Paper page draws; cells that stand
in it already stay, so that several machines can fill it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mesa_core import triggers
from mesa_core.config.settle import settle
from mesa_core.disk.files import write_json
from mesa_core.disk.leases import Busy
from mesa_core.disk.untrusted import parse_json
from mesa_core.experiment import execute
from mesa_core.store import Run, Store, home
from mesa_core.store.results import Result

PAPERS = {"repair_lr": 0.001, "repair_decay": False, "repair_epochs": 10.0, "repair_batch": 128}
SHARES = (0.005, 0.01, 0.02, 0.05, 0.3)
SHARE = 0.01  # the paper's, where the share is not what is varied
SEARCHES = {"notebook": (45, 0.004), "short": (45, 0.1), "ours": (100, 0.1), "paper": (313, 0.1), "long": (1000, 0.1)}
BEFORE = (0, 1, 3, 7)
EARLIER = (84, 113, 19, 99, 341, 56, 238)  # codes that are planted first, in this order
POINTS = 10
BESIDE = ("point", "random", "uniform", "ideal", "control")
ARMS = ("share", "search", "network")


@dataclass(frozen=True)
class Cell:
    """One run: what is varied, how, and its settings. `after` are runs whose attacked network it begins with, in turn."""

    arm: str
    setting: str
    kind: str
    config: dict[str, Any]
    earlier: int = 0

    @property
    def name(self) -> str:
        """The run's."""
        code = triggers.code_of(triggers.from_hex(self.config["trigger"]))
        words = f"{self.config['data']}-{code}-{self.arm}-{self.setting}-{self.kind}-{self.config['seed']}"
        return "lottery-" + words.replace(".", "_")


def cells(data: str, victim: str, code: int, seed: int, arms: list[str]) -> Iterator[Cell]:
    """Every cell of one trigger and seed, those of one network together."""
    own = {
        "data": data,
        "victim": victim,
        "trigger": triggers.code_to_hex(code),
        "seed": seed,
        "target": 0,
        "point_seeds": POINTS,
    }
    kinds = (("mine", BESIDE), ("particles", ()))
    for kind, beside in kinds:
        base = {**own, "kind": kind, "baselines": beside, **PAPERS, "repair_ratio": SHARE}
        if "share" in arms:
            for share in SHARES:
                yield Cell("share", f"{share:g}", kind, {**base, "repair_ratio": share})
            yield Cell("share", "ours", kind, {**own, "kind": kind, "baselines": beside})
        if "search" in arms and kind == "mine":
            for words, (steps, rate) in SEARCHES.items():
                yield Cell("search", words, kind, {**base, "point_steps": steps, "point_lr": rate})
        if "network" in arms:
            for count in BEFORE:
                yield Cell("network", str(count), kind, base, count)


def planted(cell: Cell, store: Store, directory: str) -> str:
    """The file of a network in which as many other triggers were planted in turn; '' for none. Raises Busy."""
    path, wanted = "", triggers.code_of(triggers.from_hex(cell.config["trigger"]))
    codes = [code for code in EARLIER if code != wanted][: cell.earlier]
    for count, code in enumerate(codes, 1):
        config = {
            **{name: cell.config[name] for name in ("data", "victim", "seed")}, "target": 0, "trigger": triggers.code_to_hex(code),
            "weights": path, "mesa_steps": 1, "baselines": (), "measure": "tiny", "repair_epochs": 0.01,
        }  # fmt: skip
        run = carry_out(f"lottery-{config['data']}-chain-{count}-{code}-{config['seed']}", config, store, directory)
        path = str(run.path / "weights" / "attacked.safetensors")
    return path


def carry_out(name: str, config: dict[str, Any], store: Store, directory: str) -> Run:
    """The finished run of this name. Raises Busy while another process is at it, RuntimeError where it fails."""
    if not (store.runs / name).exists():
        store.create(settle({**config, "data_dir": directory, "threads": 1}, store.cache).to_dict(), name)
    run = store.open(name)
    if run.state() != "finished" and execute(run, store) != "finished":
        raise RuntimeError(f"{name} did not finish; see its events.")
    return run


def told(cell: Cell, run: Run) -> dict[str, Any]:
    """What a finished cell says: the original's ASR after each defence, plain and effective, and the accuracies."""
    result = Result.from_json(run.result())
    rows = {
        name: {
            "asr": one.asr.original.to_json(),
            "effective": one.effective_asr.original.to_json() if one.effective_asr.original else None,
            "accuracy": one.clean_accuracy.to_json(),
        }
        for name, one in {"before": result.before, **result.after}.items()
        if one.asr.original is not None
    }
    c = cell.config
    code = triggers.code_of(triggers.from_hex(c["trigger"]))
    return {
        "data": c["data"], "code": code, "seed": c["seed"], "arm": cell.arm, "setting": cell.setting, "kind": cell.kind,
        "run": run.name, "after": rows,
    }  # fmt: skip


def main() -> None:
    """Carry out what is missing, then write what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="signs")
    parser.add_argument("--data-dir", default="")
    parser.add_argument("--victim", default="resnet9-16")
    parser.add_argument("--codes", type=int, nargs="+", default=[27, 495, 16])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--settings", nargs="+", help="of an arm, for instance 0.01 ours; all by default")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--read", action="store_true", help="carry out nothing, write what is finished")
    asked = parser.parse_args()
    store = Store(home())
    found = (
        {one["run"]: one for one in parse_json(asked.out.read_bytes())["cells"]}
        if asked.out and asked.out.exists()
        else {}
    )
    for seed in asked.seeds:
        for code in asked.codes:
            for cell in cells(asked.data, asked.victim, code, seed, asked.arms):
                if asked.settings and cell.setting not in asked.settings:
                    continue
                try:
                    if asked.read and not (store.runs / cell.name).exists():
                        continue
                    if asked.read:
                        run = store.open(cell.name)
                    else:
                        config = {**cell.config, "weights": planted(cell, store, asked.data_dir)}
                        run = carry_out(cell.name, config, store, asked.data_dir)
                except Busy:
                    continue
                if run.state() == "finished":
                    found[run.name] = told(cell, run)
                    points = [v["asr"]["value"] for k, v in found[run.name]["after"].items() if k.startswith("point")]
                    print(json.dumps({"cell": cell.name, "points": points}), flush=True)
                    if asked.out:
                        write_json(asked.out, {"cells": list(found.values())})


if __name__ == "__main__":
    main()
