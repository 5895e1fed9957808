"""A visit that has a run on the stage, without a browser; no test of its own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dashboard import address
from dashboard.serving import visitors
from dashboard.views.lab import painting, screens, settings, stage
from dashboard.visit import reach, run_choice, sent

RING = ["#ffffff"] * 4 + ["#000000"] + ["#ffffff"] * 4
OTHER = ["#000000", *RING[1:]]
OTHER_DATA = "alpha-41-18a9ad1da3"  # a prepared run on CIFAR-10


class Session(dict):
    """A session's state without a session."""

    __getattr__, __setattr__ = dict.__getitem__, dict.__setitem__


class Address(dict):
    """An address's query as Streamlit gives it."""

    to_dict = dict.copy

    def from_dict(self, query):
        self.clear()
        self.update(query)


@pytest.fixture
def visit(home, monkeypatch):
    """A visit that has the prepared run on the stage."""
    context = SimpleNamespace(cookies={}, ip_address=None, url="http://localhost:8501/", is_embedded=False)
    here = SimpleNamespace(session_state=Session(stage_run="signs-ring"), query_params=Address(), context=context)
    for module in (address, stage, settings, painting, run_choice, screens, sent, reach, visitors):
        monkeypatch.setattr(module, "st", here)
    return here


def wish(visit, name, **what):
    visit.session_state.stage = {name: {"seq": 1, "paint": RING, **what}}
    getattr(stage, {"run": "begin", "all": "everything"}.get(name, name))()
