"""How the whole suite is dealt over processes: what takes long begins first, and nothing is left out or done twice."""

from __future__ import annotations

import pytest
from cores import dealt

TESTS = [(f"tests/{file}", slow) for file, slow in (("a.py", False), ("b.py", True), ("c.py", False)) for _ in range(9)]
TESTS += (
    [("tests/end_to_end/d.py", True)] * 3
    + [("tests/end_to_end/g.py", True)]
    + [("tests/e.py", False), ("tests/e.py", True), ("tests/f.py", True)]
)


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_each_test_is_dealt_once_and_what_is_slow_begins_a_worker_s_share(workers):
    order = dealt(TESTS, workers)
    assert sorted(order) == list(range(len(TESTS)))
    slow = {file for file, long in TESTS if long}
    left, begun = order, []
    for number in range(workers):
        size = len(left) // (workers - number)
        share, left = [TESTS[i][0] for i in left[:size]], left[size:]
        longs = [file in slow for file in share]
        assert longs == sorted(longs, reverse=True), "a slow file after a quick one"
        begun.append(share[0])
    assert set(begun) <= slow
    assert begun[0] == ("tests/end_to_end/d.py" if workers > 1 else "tests/b.py")


def test_a_file_stays_together():
    files = [TESTS[i][0] for i in dealt(TESTS, 3)]
    for file in {"tests/b.py", "tests/e.py", "tests/end_to_end/d.py"}:
        first, last = files.index(file), len(files) - 1 - files[::-1].index(file)
        assert set(files[first : last + 1]) == {file}


def test_few_tests_for_many_workers_are_all_dealt():
    assert sorted(dealt(TESTS[:2], 4)) == [0, 1]
    assert dealt([], 3) == []
