"""The long attack: `python -m tests.attacks --minutes 60 --seed 1`, from the root of the repository.

Kinds take turns, so that each has had its share whenever the time ends. The end is a table: kind, tried, failed.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
import warnings

from tests.attacks.attack import Outcome, carry_out, draw, kinds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="how long to go on (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="the attacks that are drawn follow from it")
    parser.add_argument("--kinds", nargs="+", help="only these kinds")
    given = parser.parse_args()
    every = kinds()
    if unknown := [kind for kind in given.kinds or () if kind not in every]:
        parser.error(f"there is no kind {unknown[0]!r}; choose from {', '.join(every)}")
    chosen = {kind: draw(every[kind], given.seed, kind) for kind in given.kinds or every}
    outcomes: dict[str, list[Outcome]] = {kind: [] for kind in chosen}
    spent = dict.fromkeys(chosen, 0.0)
    # A page that is drawn without a server says so line by line, and odd pictures make Pillow warn.
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    end = time.monotonic() + 60 * given.minutes
    while chosen and time.monotonic() < end:
        kind = min(chosen, key=spent.__getitem__)  # the one that has had the least time
        attack = next(chosen[kind], None)
        if attack is None:
            del chosen[kind]
            continue
        outcome = carry_out(attack)
        outcomes[kind].append(outcome)
        spent[kind] += outcome.seconds
        if outcome.failure:
            print(f"FAILED {kind}: {outcome.name}\n{outcome.failure}", flush=True)
    print(f"{'kind':<20} {'tried':>7} {'failed':>7} {'seconds':>9} {'longest':>8}   seed {given.seed}")
    for kind, ended in outcomes.items():
        longest = max((one.seconds for one in ended), default=0.0)
        failed = sum(bool(one.failure) for one in ended)
        print(f"{kind:<20} {len(ended):>7} {failed:>7} {spent[kind]:>9.1f} {longest:>8.2f}")
    return int(any(one.failure for ended in outcomes.values() for one in ended))


if __name__ == "__main__":
    sys.exit(main())
