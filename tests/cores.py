"""How the suite shares the cores. Imported by conftest.py before torch, which reads its number of threads once."""

from __future__ import annotations

import os
from collections.abc import Sequence

CORES = os.cpu_count() or 1
MOST_WORKERS = 4  # a browser and a server each
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if WORKERS > 1:  # torch would take all cores for each of them, and for each process that it starts
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, CORES // WORKERS)))
WAITING = "/end_to_end/"  # in the path of files whose tests wait for a browser more than they compute


def dealt(tests: Sequence[tuple[str, bool]], workers: int) -> list[int]:
    """The order in which tests, given as (file, whether slow), are to stand: the indices of `tests`.

    xdist hands each worker one piece of the list, as many tests to each, and whoever is done early takes the end of
    another's. So each piece begins with whole files of slow tests and ends with quick ones, which even out the ends.
    The files that wait for a browser go to the first half of the workers, so that the others have the cores meanwhile.
    """
    slow = {file for file, long in tests if long}
    files: dict[str, list[int]] = {}
    for i, (file, _) in enumerate(tests):
        files.setdefault(file, []).append(i)
    pieces: list[list[int]] = [[] for _ in range(workers)]
    waiting, computing = pieces[: max(1, workers // 2)], pieces[workers // 2 :]
    for file, own in files.items():
        if file in slow:
            row = waiting if WAITING in file else computing
            row.sort(key=len)
            row[0] += own
    quick = [i for file, own in files.items() if file not in slow for i in own]
    left = len(tests)
    for number, piece in enumerate(pieces):
        size = left // (workers - number)  # as xdist divides them
        room = max(0, size - len(piece))
        piece += quick[:room]
        del quick[:room]
        left -= size
    return [i for piece in pieces for i in piece] + quick
