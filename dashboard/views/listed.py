"""The pages, in the order of the menu. A page is a folder of its own, with a function that draws it, and one line here.

Its name is its path in the address and the name that `keys.page` marks it with. Its module is imported when it is first
shown, so that a page that nobody opens costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from mesa_core.registry import Registry, load


@dataclass(frozen=True)
class Listed:
    """One page: the place `package.module:function` of what draws it, its title, and whether it opens first."""

    place: str
    title: str
    first: bool = False

    def draw(self) -> None:
        """Draw it."""
        load(self.place)()


PAGES: Registry[Listed] = Registry(
    "page",
    {
        "lab": Listed("dashboard.views.lab.page:page", "Lab", first=True),
        "landscape": Listed("dashboard.views.landscape.page:page", "Landscape"),
        "compare": Listed("dashboard.views.compare.page:page", "Compare"),
        "paper": Listed("dashboard.views.paper.page:page", "Paper"),
        "detect": Listed("dashboard.views.detect.page:page", "Detect"),
        "learn": Listed("dashboard.views.learn.page:page", "Learn"),
    },
)


def page(name: str) -> st.Page:
    """A page as Streamlit's navigation and `st.switch_page` take it. KeyError for one that is not listed."""
    one = PAGES[name]
    return st.Page(one.draw, title=one.title, url_path=name, default=one.first)


def pages() -> list[st.Page]:
    """All of them."""
    return [page(name) for name in PAGES]
