"""One way to the page's address, and controls that stay in step with it whatever changes in which order."""

import re
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest
from visits import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("a", "b", "c", "", "A", "a,b", "🔥", "None", "0 · stop")


def drawn():
    import streamlit as st

    from dashboard import address, keys
    from dashboard.visit import controls

    @keys.page("test")
    def page():
        one = controls.segmented("One", "one", {"a": "Ah", "b": "Bee", "c": "Sea"}, "a")
        many = controls.several("Many", "many", [0.5, 0.8], "β", "")
        st.text(f"{one} {many} {sorted(address.besides(('one', 'many')).items())}")

    page()


def visit(**query):
    at = AppTest.from_function(drawn, default_timeout=PATIENCE)
    for name, word in query.items():
        at.query_params[name] = word
    return at.run()


def query(at):
    return {name: value[0] if isinstance(value, list) else value for name, value in at.query_params.items()}


def test_nothing_else_reads_or_writes_the_query():
    own = ROOT / "dashboard" / "address.py"
    found = [
        p for p in (ROOT / "dashboard").rglob("*.py") if re.search(r"st\.query_params", p.read_text()) and p != own
    ]
    assert found == []
    assert "st.query_params" in own.read_text()  # or the search above would find nothing whatever stands there


def test_a_link_sets_the_controls_and_nonsense_means_the_defaults():
    assert visit(one="b", many="0.8").text[0].value == "b [0.8] []"
    assert visit(one="nonsense", many="7,x").text[0].value == "a [] []"


def test_a_change_is_written_and_the_default_leaves_the_address():
    at = visit(other="kept")
    at.segmented_control[0].set_value("c").run()
    assert (at.text[0].value, query(at)) == ("c [] [('other', 'kept')]", {"other": "kept", "one": "c"})
    at.segmented_control[0].set_value("a").run()
    assert query(at) == {"other": "kept"}


def test_a_new_link_wins_over_what_was_chosen_and_the_same_does_not():
    at = visit(one="b")
    at.segmented_control[0].set_value("c").run()
    at.run()
    assert at.text[0].value == "c [] []"
    at.query_params["one"] = "b"  # the browser's Back
    at.run()
    assert at.text[0].value == "b [] []"


STEP = st.one_of(
    st.tuples(st.just("link"), st.sampled_from(("one", "many", "other")), st.sampled_from(WORDS)),
    st.tuples(st.just("choose"), st.just("one"), st.sampled_from("abc")),
    st.tuples(st.just("choose"), st.just("many"), st.sampled_from(((), (0.5,), (0.5, 0.8)))),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, min_size=1, max_size=8))
def test_whatever_is_linked_and_chosen_in_whatever_order_the_page_and_its_address_agree(steps):
    at, other = visit(), ""
    for what, name, value in steps:
        if what == "choose":
            control = at.segmented_control[0] if name == "one" else at.pills[0]
            control.set_value(list(value) if name == "many" else value).run()
        else:
            at.query_params[name] = value
            other = value if name == "other" else other
            at.run()
        assert not at.exception
        one, rest = at.text[0].value.split(" ", 1)
        assert one in "abc"
        assert query(at).get("other", "") == other
        again = visit(**query(at)).text[0].value  # who opens this address sees the same
        assert again == f"{one} {rest}"
