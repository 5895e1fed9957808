"""Stored text is shown as text."""

import random
import re

import hostile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from visits import visit

from dashboard import stored


@pytest.mark.parametrize("payload", hostile.PAYLOADS)
def test_no_payload_is_alive_in_markdown_or_html(payload):
    assert not hostile.alive(f"the class *{stored.markdown(payload)}*")
    assert not hostile.alive(f"<td title='{stored.html(payload)}'>{stored.html(payload)}</td>", html=True)


def test_the_looks_can_fail():
    assert sum(bool(hostile.alive(one)) for one in hostile.PAYLOADS) > 20
    assert sum(bool(hostile.alive(one, html=True)) for one in hostile.PAYLOADS) > 3


@settings(derandomize=True, database=None, deadline=None)
@given(words=some.text(max_size=60))
def test_what_is_escaped_reads_as_it_was(words):
    told = stored.markdown(words).replace(stored.JOINER, "")
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", told) == stored.plain(words).replace(stored.JOINER, "")
    stored.markdown(words).encode()
    assert "\n" not in told


@pytest.mark.parametrize(
    "words", ["stop", "30 km/h", "signs-ring", "speed limit 30", "Intel(R) Xeon(R)", "1,200 images, n = 5"]
)
def test_usual_names_stay_as_they_are(words):
    assert stored.markdown(words) == words


@pytest.mark.parametrize(("words", "shown"), [("1. a", r"1\. a"), ("- a", r"\- a"), ("# a", r"\# a"), ("+a", r"\+a")])
def test_no_list_or_heading_begins(words, shown):
    assert stored.markdown(words) == shown


def test_a_store_full_of_hostile_texts_is_shown_as_text(home):
    for page, run in hostile.store(home.root, random.Random(1)):
        at = visit(page, run=run, **({"a": run} if page == "compare" else {}))
        assert not at.exception, (page, run, at.exception)
        assert not hostile.came_through(at), (page, run)
