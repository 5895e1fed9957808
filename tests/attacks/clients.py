"""What a browser may send that is none: odd messages of components, odd addresses, and arrivals at the queue."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dashboard.views.lab import settings as state
from dashboard.visit import sent
from mesa_core.probe import questions
from mesa_core.probe.turns import Asked, Budget, Limits, in_turn, refused
from mesa_core.store import StoreError
from tests.attacks.attack import Attack

sys.path.append(str(Path(__file__).resolve().parents[1]))
from walking import ODD, PAGES, Walk, quiet

COMPONENTS = {  # component: (page, address, what it sends)
    "painter": ("lab", {}, "edit"), "gallery": ("lab", {}, "pick"), "classes": ("lab", {}, "pick"),
    "scatter": ("lab", {}, "select"), "codemap": ("landscape", {}, "pick"), "paper_runs": ("paper", {"show": "figure4"}, "pick"),
    "learn_photo": ("learn", {"step": "1"}, "place"), "learn_painter": ("learn", {"step": "2"}, "edit"),
    "learn_tiles_all": ("learn", {"step": "2"}, "pick"),
}  # fmt: skip
NAMES = ("value", "seq", "id", "file", "rows", "place", "row", "column", "selection", "points", "customdata")
SIMPLE: tuple[Any, ...] = (
    None, True, 0, -1, 3, 10**30, -(10**400), 0.5, float("inf"), float("-inf"), float("nan"), 1e308, "", "7", "nan", "9" * 5000,
    "../x", "samples.npz", "#ffffff", "\ud800", "\x00", [], {}, [[]], "x" * 10000,
)  # fmt: skip
ARRIVALS = 300


def attacks(rng: random.Random) -> Iterator[Attack]:
    """Attacks without end, of each sort in turn."""
    while True:
        for what, run, limit in (
            ("messages to the readers", messages, 10),
            ("arrivals at the queue", arrivals, 20),
            ("questions at the budget", budget, 10),
            ("a session with an odd component", session, 60),
            ("a session with an odd address", address, 60),
        ):
            seed = rng.getrandbits(32)
            yield Attack(
                f"{what}, seed {seed}", lambda place, run=run, seed=seed: run(random.Random(seed), place), limit
            )


def odd(rng: random.Random, depth: int = 3) -> Any:
    """Something that JSON can hold, or nearly."""
    kind = rng.random()
    if depth and kind < 0.35:
        return {rng.choice(NAMES): odd(rng, depth - 1) for _ in range(rng.randrange(4))}
    if depth and kind < 0.5:
        return [odd(rng, depth - 1) for _ in range(rng.choice((0, 1, 2, 9, 27)))]
    return rng.choice(SIMPLE)


def messages(rng: random.Random, place: Path) -> None:
    """Each reader gives what it promises or says Odd, and never anything else."""
    for _ in range(3000):
        value = odd(rng)
        for read in (
            sent.whole,
            sent.text,
            sent.colours,
            lambda v: sent.many(v, 100, 99),
            lambda v: sent.part(v, rng.choice(NAMES)),
        ):
            try:
                found = read(value)
            except sent.Odd:
                continue
            if read is sent.whole:
                assert type(found) is int, found
                assert 0 <= found <= sent.MOST, found
            if read is sent.colours:
                assert len(found) == 9, found


def arrivals(rng: random.Random, place: Path) -> None:
    """Arrivals and departures: bounded, nothing lost, no address waits more than one round for another's."""
    limits, waiting, served = Limits.of(rng.randint(3, 60), rng.randint(1, 5)), [], {}
    addresses = [f"a{i}" for i in range(rng.randint(1, 6))]
    for number in range(ARRIVALS):
        greedy = rng.random() < 0.6
        where = addresses[0] if greedy else rng.choice(addresses)
        new = Asked(f"{number}", float(number), f"v{rng.randrange(14)}" if rng.random() < 0.9 else "", where)
        first = not any(one.address == where for one in waiting)
        why = refused(waiting, new, limits)
        if not why:
            waiting.append(new)
        assert not (why and first) or len(waiting) >= limits.all + limits.reserve, (
            "kept out though nothing of its waits"
        )
        assert len(waiting) <= limits.all + limits.reserve
        assert max(Counter(one.address for one in waiting).values(), default=0) <= limits.address
        order = in_turn(waiting, served)
        assert sorted(one.name for one in order) == sorted(one.name for one in waiting)
        seen: dict[str, int] = {}
        for one in order:
            seen[one.address] = seen.get(one.address, 0) + 1
            behind = {other.address for other in waiting if seen.get(other.address, 0) < seen[one.address] - 1}
            done = all(seen.get(a, 0) == sum(other.address == a for other in waiting) for a in behind)
            assert done, "an address was passed over"
        if order and rng.random() < 0.5:
            waiting.remove(order[0])
            served |= {order[0].who: float(number), f"@{order[0].address}": float(number)}


def budget(rng: random.Random, place: Path) -> None:
    """Steps and answers of any length: a run keeps half of the time but for the longest answer."""
    now, run, asked, longest = 0.0, 0.0, 0.0, 0.0
    kept = Budget(1.0, lambda: now)

    def answer() -> bool:
        nonlocal now, asked, longest
        seconds = rng.choice((0.001, 0.05, 0.5, 3.0, 20.0)) * rng.random()
        now, asked, longest = now + seconds, asked + seconds, max(longest, seconds)
        return rng.random() < 0.95

    for _ in range(2000):
        step = rng.choice((0.001, 0.03, 0.4, 5.0)) * rng.random()
        now, run = now + step, run + step
        kept.spend(answer)
        assert asked <= run + longest + 1e-6, (asked, run, longest)
    for _ in range(20):
        asked = questions.Question("signs-1", ((rng.randrange(256),) * 27,))
        try:
            number = questions.ask(place, asked, f"v{rng.randrange(3)}", "a")
        except StoreError:
            assert len(questions.waiting(place)) >= questions.MOST_OWN, "refused though little waits"
            continue
        assert questions.place(place, number)[0] >= 1
        if rng.random() < 0.5:
            questions.take(place, questions.waiting(place)[0])


def session(rng: random.Random, place: Path) -> None:
    """Odd messages of one component: the page is drawn as before."""
    quiet()
    name = rng.choice(sorted(COMPONENTS))
    page, query, what = COMPONENTS[name]
    visit = Walk(page, **query)
    visit.check("opening")
    for _ in range(5):
        value = odd(rng)
        visit.component(name, what, value)
        visit.check(f"{name} sent {ascii(value)[:200]}")
        if visit.at.title[0].value == "MESA Lab" and page != "lab":
            break  # it was a choice after all, and led to the Lab


def address(rng: random.Random, place: Path) -> None:
    """An odd address, and odd controls on what it shows."""
    quiet()
    page = rng.choice(PAGES)
    names = (
        *state.SAID,
        "run",
        "by",
        "show",
        "view",
        "colour",
        "figure",
        "a",
        "b",
        "base",
        "set",
        "step",
        "hide",
        "sign",
        "picture",
    )
    values = (
        *ODD,
        *(str(one)[:2000] for one in SIMPLE if str(one).isprintable()),
        "signs-ring",
        "alpha",
        "figure4",
        "2",
    )
    visit = Walk(page, **{name: rng.choice(values) for name in rng.sample(names, 6)})
    assert not visit.at.exception, [e.value for e in visit.at.exception]
    for _ in range(3):
        controls = visit.controls()
        if controls:
            visit.send(*(visit.changed(one, rng, odd=True) for one in rng.sample(controls, min(3, len(controls)))))
        assert not visit.at.exception, [e.value for e in visit.at.exception]
