"""A visit to one page of the dashboard without a browser; no test of its own."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def script(name: str) -> None:
    """What Streamlit runs for a page; its own imports, since it is run from its text."""
    import importlib

    importlib.import_module(f"dashboard.views.{name}.page").page()


PATIENCE = 300.0  # seconds for one drawing of a page; generous, since other work may go on beside the tests


def visit(name: str, patience: float = PATIENCE, **address: str) -> AppTest:
    """The page of `dashboard/views/NAME/page.py` once drawn, with this query in its address."""
    at = AppTest.from_function(script, kwargs={"name": name}, default_timeout=patience)
    for key, value in address.items():
        at.query_params[key] = value
    return at.run()
