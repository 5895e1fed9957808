"""What components send: anything may come, and nothing of it raises."""

import pytest
from walking import Walk

from dashboard.visit import sent

INFINITE = (
    float("inf"),
    float("-inf"),
    float("nan"),
    1e400,
    10**400,
    -1,
    0.5,
    True,
    None,
    "x",
    "9" * 5000,
    [],
    {},
    "\ud800",
)


@pytest.mark.parametrize("value", INFINITE)
def test_what_is_no_whole_number_is_odd(value):
    with pytest.raises(sent.Odd):
        sent.whole(value)


@pytest.mark.parametrize(("value", "read"), [(3, 3), ("3", 3), (3.0, 3), (0, 0), (sent.MOST, sent.MOST)])
def test_whole_numbers_are_read_however_they_are_sent(value, read):
    assert sent.whole(value) == read


def test_nine_colours_are_read_and_other_things_are_not():
    assert sent.colours(["#ff0000"] * 9) == ["#ff0000"] * 9
    for bad in (
        ["#ff0000"] * 8,
        ["ff0000 00ff00"] + ["#000000"] * 7,
        ["x"] * 9,
        "#ffffff" * 9,
        None,
        [None] * 9,
        [["#fff"]] * 9,
    ):
        with pytest.raises(sent.Odd):
            sent.colours(bad)


def test_lists_are_bounded():
    assert sent.many([3, 1, 3, "2"], 10, 9) == [1, 2, 3]
    for bad in ([10], range(3), [1] * 11, [float("nan")], None, {"a": 1}):
        with pytest.raises(sent.Odd):
            sent.many(bad, 10, 9)


@pytest.mark.parametrize(
    ("page", "query", "key", "event", "good"),
    [
        ("lab", {}, "painter", "edit", {"value": ["#ff0000"] * 9, "seq": 1}),
        ("lab", {}, "gallery", "pick", {"id": "1"}),
        ("learn", {"step": "1"}, "learn_photo", "place", {"row": 1, "column": 2, "seq": 1}),
    ],
)
def test_infinite_numbers_do_not_raise_in_the_senders_session(home, page, query, key, event, good):
    walk = Walk(page, **query)
    spoiled = [{**good, name: odd} for name in good for odd in INFINITE]
    for value in (*INFINITE, *spoiled):
        assert walk.component(key, event, value)
        walk.check(f"{value!r:.60}")
    name = "learn_place" if page == "learn" else "trigger"
    before = walk.at.session_state[name]
    assert walk.component(key, event, good)  # the control: what makes sense is taken
    walk.check("a good message")
    assert walk.at.session_state[name] != before
