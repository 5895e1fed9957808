"""What the adaptive search for the worst of 512 saves, and what it misses: python benchmarks/worst.py RUN:WHICH ...

A network is named by a run of the store and `attacked` or `repaired`, its state before or after MESA's repair. For
each, all 512 black-and-white triggers are measured on every image of the half that selects (the full count), and
beside it the worst is searched as the product does it, once for each number in --first, which is `worst_images`: the
first search with the run's own draws, each further one with others. Every trigger that was picked is then measured on
the other half, all on the same images and places, so that picks are compared with each other and not with their luck.

A search holds where it picks the same trigger as the full count, or one whose ASR on the measuring half is no lower
than the 95 % interval of the full count's pick. How much that asks is told by `alike`, the share of all 512 whose rate
in the full count is no lower than that: where it is high, any trigger is as bad as the worst. The full count is no
oracle, either: it is a maximum over 512 noisy figures.

Each network's figures are one line of JSON; with --out they are appended to a file, and networks that are in it are
not measured again. A Markdown table follows. Where `mesa_core.victims.windows` serves, only what a stamp can change is computed,
and `differing` says how many answers that changed; with --plain all is. The images lie where the run says, or in
--data-dir.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mesa_core import triggers
from mesa_core.config import make_config
from mesa_core.data import load_data, split
from mesa_core.keys import seed_of
from mesa_core.measures.bench import MEMORY, Bench, Plain, finish
from mesa_core.measures.intervals import paired_difference, proportion
from mesa_core.store import Run, Store, home
from mesa_core.victims import devices, weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

FIRST = (16, 16, 16, 8, 32)  # the default `worst_images` three times, half of it, and that of the measure "full"


def differing(bench: Bench, victim: Victim, each: int = 4) -> str:
    """How many answers differ from those of a bench that computes everything, on `each` images a code."""
    whole, ours = copy.copy(bench), copy.copy(bench)
    whole.memory, whole._local = 0, None
    drawn = bench._draw(bench.selects, triggers.CODES, triggers.SIZE, each, 99)
    stamps = torch.from_numpy(triggers.all_codes()).repeat_interleave(drawn.image.shape[1], 0)
    image, place = drawn.image.flatten(), drawn.place.flatten(0, 1)
    one, other = (finish(way._predict(victim, image, stamps, place)) for way in (ours, whole))
    return f"{int((one != other).sum())} of {len(image)}"


def hits(bench: Bench, victim: Victim, code: int) -> Tensor:
    """Whether each image of the measuring half goes to the target, at the places that `Bench.worst` would use."""
    drawn = bench._draw(bench.measures, 1, triggers.SIZE, len(bench.measures), 20)
    return finish(bench._hits(victim, torch.from_numpy(triggers.from_code(code))[None], drawn))[0].cpu()


def compare(bench: Bench, victim: Victim, first: Sequence[int] = FIRST) -> dict[str, Any]:
    """The full count and the adaptive searches on one frozen victim, as JSON."""
    passed: list[int] = []
    rates = finish(bench.landscape(victim, len(bench.selects)), passed.append).asr
    picked, images = int(rates.argmax()), sum(passed)
    seen = {picked: hits(bench, victim, picked)}
    whole = proportion(int(seen[picked].sum()), len(seen[picked]))
    nothing = Plain(torch.full((len(bench.images),), -1, device=bench.images.device))  # for the effective ASR, unused
    searches = []
    for number, few in enumerate(first):
        own = copy.copy(bench)  # the same halves
        own.seed = bench.seed + number  # other draws from them
        passed = []
        _, _, code = finish(own.worst(victim, nothing, few), passed.append)
        if code not in seen:
            seen[code] = hits(bench, victim, code)
        asr = proportion(int(seen[code].sum()), len(seen[code]))
        cost = sum(passed) - len(bench.measures)  # the selection alone, as for the full count
        searches.append(
            {
                "first": few,
                "images": cost,
                "cheaper": round(images / cost, 2),
                "code": code,
                "asr": asr.to_json(),
                "rank": int((rates > rates[code]).sum()) + 1,
                "same": code == picked,
                "holds": code == picked or asr.value >= whole.low,
                "minus_full": paired_difference(seen[picked].numpy(), seen[code].numpy()).to_json(),
            }
        )
    full = {"images": images, "code": picked, "asr": whole.to_json(), "while_selecting": round(float(rates.max()), 6)}
    full["alike"] = round(float((rates >= whole.low).mean()), 4)
    return {"selects": len(bench.selects), "measures": len(bench.measures), "full": full, "searches": searches}


def load(run: Run, which: str, store: Store, folder: str = "", plain: bool = False) -> tuple[Bench, Victim]:
    """The bench of a run, as its own figures were measured, and one of its networks, frozen."""
    config, known = make_config(run.config()), run.resolved() or {}
    if config.size != triggers.SIZE:
        sys.exit(f"{run.path.name} has larger triggers; the full count here is of the 512 of 3x3.")
    compute = devices.Compute(torch.device("cpu"), known.get("precision", "fp32"), known.get("memory", "nchw"))
    dataset = load_data(config.data, folder or config.data_dir, cache=store.cache)
    model = build(config.victim, len(dataset.classes))
    weights.load_into(model, weights.read(run.path / "weights" / f"{which}.safetensors"), which)
    images, normalise = split(dataset, config.seed).evaluation, Normalise(dataset.mean, dataset.std)
    seed, memory = seed_of(config.seed, "bench"), 0 if plain else MEMORY
    bench = Bench(images, config.target, seed, config.eval_images, memory=memory)
    return bench, Victim(model, normalise, compute).freeze()


def table(found: Sequence[dict[str, Any]]) -> str:
    """One row a network, by the first search with each number of images, and how many of all its searches hold."""
    share = lambda m: f"{100 * m['value']:.1f} ({100 * m['low']:.1f}–{100 * m['high']:.1f})"
    head = (
        "network",
        "n selecting, measuring",
        "full count: images",
        "picks",
        "ASR",
        "alike, of 512",
        "images a code at first",
        "images",
        "times cheaper",
        "picks",
        "ASR",
        "minus the full count's, points",
        "searches that hold",
    )
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for one in found:
        full, told = one["full"], one["searches"]
        for few in dict.fromkeys(s["first"] for s in told):
            same = [s for s in told if s["first"] == few]
            s = same[0]
            cells = (
                one["network"],
                f"{one['selects']}, {one['measures']}",
                f"{full['images']:,}",
                full["code"],
                share(full["asr"]),
                round(512 * full["alike"]),
                few,
                f"{s['images']:,}",
                f"{s['cheaper']:.1f}",
                s["code"],
                share(s["asr"]),
                share(s["minus_full"]),
                f"{sum(t['holds'] for t in same)} of {len(same)}",
            )
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", metavar="RUN:WHICH")
    parser.add_argument("--first", type=int, nargs="+", default=FIRST, help="images a code in the first round")
    parser.add_argument("--out", type=Path, help="a file of lines, which is gone on with")
    parser.add_argument("--plain", action="store_true", help="compute all of every image")
    parser.add_argument("--data-dir", default="", help="where the images lie, if not where the run says")
    chosen = parser.parse_args()
    store = Store(home())
    lines = chosen.out.read_text().splitlines() if chosen.out and chosen.out.is_file() else []
    done = {one["network"]: one for one in map(json.loads, lines)}
    for name in chosen.networks:
        run, _, which = name.partition(":")
        if which not in ("attacked", "repaired"):
            sys.exit(f"{name}: name a network as RUN:attacked or RUN:repaired.")
        if name in done:
            continue
        bench, model = load(store.open(run), which, store, chosen.data_dir, chosen.plain)
        began, busy = time.perf_counter(), time.process_time()
        done[name] = {"network": name, **compare(bench, model, chosen.first)}
        done[name] |= {
            "seconds": round(time.perf_counter() - began, 1),
            "cpu_seconds": round(time.process_time() - busy, 1),
            "differing": differing(bench, model) if bench.memory else None,
            "hardware": devices.hardware(model.compute),
        }
        print(json.dumps(done[name]), flush=True)
        if chosen.out:
            with chosen.out.open("a") as file:
                file.write(json.dumps(done[name]) + "\n")
    print(table([done[name] for name in chosen.networks]))


if __name__ == "__main__":
    main()
