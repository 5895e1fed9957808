"""One server for all tests that leave nothing behind in its home, one browser for a file, and a visitor of one's own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import browsing, new_page, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, drawn_signs: Path) -> Iterator[str]:
    """The address of the page over a home without runs; whoever runs or brings something there starts a server of his own."""
    with serving(tmp_path_factory.mktemp("server"), drawn=drawn_signs) as (url, _):
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = new_page(browser)
    yield page
    page.context.close()


@pytest.fixture
def still(browser: Any) -> Iterator[Any]:
    """A visitor who asked his system for less motion: for tests that look at no motion, since drawing it takes a third of a core."""
    page = new_page(browser, reduced_motion="reduce")
    yield page
    page.context.close()
