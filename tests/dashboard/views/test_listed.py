"""The list of pages: a page is a folder and one line, from outside, too, and is imported when it is first shown."""

import subprocess
import sys
from pathlib import Path

import pytest
from walking import APP, PAGES, Walk

from dashboard.views import listed
from mesa_core.registry import load

OWN = """
import streamlit as st
from dashboard import keys
from dashboard.views import links

@keys.page("own")
def page():
    st.title("A page from elsewhere")
    st.button("To the prepared run", on_click=st.session_state.update, kwargs={"away": True})
    if st.session_state.pop("away", False):
        links.open_run("signs-ring")
"""


@pytest.fixture
def own(home, tmp_path, monkeypatch):
    """A page in a file of its own, and its one line in the list."""
    (tmp_path / "own_page.py").write_text(OWN, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    listed.PAGES.register("own", listed.Listed("own_page:page", "Own"))
    yield
    listed.PAGES.remove("own")
    sys.modules.pop("own_page", None)


def test_a_page_from_a_file_of_its_own_opens_by_its_line_and_leads_to_the_others(own):
    walk = Walk("own")
    assert not walk.at.exception
    assert walk.at.title[0].value == "A page from elsewhere"
    walk.at.button[0].click().run()
    assert not walk.at.exception
    assert walk.at.title[0].value == "MESA Lab"
    assert walk.at.query_params["run"] in ("signs-ring", ["signs-ring"])


def test_without_its_line_there_is_no_such_page(home):
    walk = Walk("own")
    assert [title.value for title in walk.at.title] != ["A page from elsewhere"]


def test_every_listed_page_is_there_and_one_opens_first():
    assert tuple(listed.PAGES) == PAGES
    assert all(callable(load(one.place)) for one in listed.PAGES.values())
    assert [name for name, one in listed.PAGES.items() if one.first] == ["lab"]


def test_a_page_is_imported_when_it_is_first_shown(home):
    look = (
        "import sys; from streamlit.testing.v1 import AppTest; at = AppTest.from_file({app!r}, default_timeout=300).run();"
        " sys.exit(' '.join(m for m in {names!r} if m in sys.modules))"
    )
    names = [one.place.split(":")[0] for one in listed.PAGES.values()]
    code = look.format(app=APP, names=names)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(APP).parents[1], capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().splitlines()[-1] == "dashboard.views.lab.page"
