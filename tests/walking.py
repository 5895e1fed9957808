"""A visit that walks from page to page and sets controls to anything a browser could send; no test of its own."""

from __future__ import annotations

import json
import logging
import random
from pathlib import Path
from typing import Any

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash
from visits import PATIENCE

from dashboard.serving import queue as jobs

APP = str(Path(__file__).resolve().parents[1] / "dashboard" / "app.py")
PAGES = ("lab", "landscape", "compare", "paper", "detect", "learn")
DEFAULT = "lab"  # its address has no name
KINDS = ("string_value", "string_array_value", "int_value", "double_value", "bool_value", "double_array_value")
ODD = (
    "",
    "None",
    "null",
    "nan",
    "0 · stop",
    "3 · cat",
    "class 7",
    "α",
    "🔥",
    "x" * 3000,
    "-1",
    "1e400",
    "**b**",
    "pca",
)
NUMBERS = (0.0, -1.0, 0.5, 1.0, 3.0, 1e9, -1e300, 2.0**53)


def quiet() -> None:
    """In a process of its own: no worker is started for a visit, and Streamlit's warnings are not printed."""
    jobs.ensure_worker = lambda here: None
    logging.disable(logging.WARNING)


class Walk:
    """One visit in a session of its own, as a browser would make it."""

    def __init__(self, page: str = DEFAULT, patience: float = PATIENCE, **address: str) -> None:
        self.at = AppTest.from_file(APP, default_timeout=patience)
        self.page = page
        if page == DEFAULT and not address:
            address = {"screen": "all"}  # its stage has no controls of Streamlit's
        for key, value in address.items():
            self.at.query_params[key] = value
        self.at._page_hash = self._hash(page)
        self.at.run()

    @staticmethod
    def _hash(page: str) -> str:
        return calc_hash("" if page == DEFAULT else page)

    def go(self, page: str) -> None:
        """Open another page by the navigation: the address is emptied, and the old page's controls are sent along."""
        states = self.at._tree.get_widget_states()
        self.at.query_params.clear()
        self.page, self.at._page_hash = page, self._hash(page)
        self.at._run(states)

    def controls(self) -> list[WidgetState]:
        """The controls as they stand, as the browser would send them; buttons are left out."""
        return [one for one in self.at._tree.get_widget_states().widgets if one.WhichOneof("value") in KINDS]

    def send(self, *changed: WidgetState) -> None:
        """Draw again with some controls changed."""
        states = WidgetStates()
        states.CopyFrom(self.at._tree.get_widget_states())
        new = {one.id: one for one in changed}
        for one in states.widgets:
            if one.id in new:
                one.CopyFrom(new.pop(one.id))
        states.widgets.extend(new.values())
        self.at._run(states)

    def component(self, key: str, event: str, value: Any) -> bool:
        """Send a message as a component does; whether the page has it."""
        found = [one.proto.id for one in self.at.get("bidi_component") if one.proto.id.endswith(f"-{key}")]
        if found:
            words = json.dumps([{"event": event, "value": value}])
            trigger = WidgetState(id=_make_trigger_id(found[0], "events"), json_trigger_value=words)
            self.send(WidgetState(id=found[0], json_value="{}"), trigger)
        return bool(found)

    def options(self, control: WidgetState) -> list[str]:
        """The labels that a control offers."""
        for kind in ("selectbox", "multiselect", "button_group", "select_slider", "radio"):
            for one in self.at.get(kind):
                if one.id == control.id:
                    return [str(label) for label in one.options]
        return []

    def changed(self, control: WidgetState, rng: random.Random, odd: bool = False) -> WidgetState:
        """A control with another value: one that it offers, or, where it is `odd`, one that it does not."""
        new = WidgetState()
        new.CopyFrom(control)
        kind, offered = control.WhichOneof("value"), self.options(control)
        word = rng.choice(ODD) if odd or not offered else rng.choice(offered)
        if kind == "string_value":
            new.string_value = word
        elif kind == "string_array_value":
            taken = 1 if len(control.string_array_value.data) == 1 else rng.randrange(4)
            new.string_array_value.data[:] = [word] * min(1, taken) + (
                rng.sample(offered, min(taken - 1, len(offered))) if taken > 1 else []
            )
        elif kind == "int_value":
            new.int_value = rng.choice((0, 1, 7, 100, -1, 2**40)) if odd else control.int_value + 1
        elif kind == "double_value":
            new.double_value = rng.choice(NUMBERS) if odd else control.double_value
        elif kind == "bool_value":
            new.bool_value = not control.bool_value
        elif kind == "double_array_value":
            new.double_array_value.data[:] = [rng.choice(NUMBERS) if odd else rng.random()]
        return new

    def address(self) -> dict[str, str]:
        """What stands in the address."""
        found: dict[str, Any] = dict(self.at.query_params)
        return {key: value[0] if isinstance(value, list) else str(value) for key, value in found.items()}

    def check(self, did: str = "") -> None:
        """Fail where the page raised, or where its address holds None or a label."""
        said = [f"{e.value} {''.join(e.stack_trace)}" for e in self.at.exception]
        assert not said, f"{self.page}, {did}: {said}"
        assert self.at.title or self.at.get("bidi_component"), f"{self.page} is empty after {did}"
        for key, value in self.address().items():
            label = " " in value or not value.isascii() or len(value) > 1000  # no word of ours is like that
            assert value != "None", f"{self.page}, {did}: {key}"
            assert not label, f"{self.page}, {did}: {key}={value[:100]}"
