"""The Lab's painter: transparent cells, other sizes, and a place that is pointed at."""

import numpy as np
import pytest
from walking import Walk

from dashboard.visit import sent
from mesa_core import triggers
from mesa_core.config import make_config

PLUS = ["-", "#ffffff", "-", "#ffffff", "#ffffff", "#ffffff", "-", "#ffffff", "-"]
NINE = ["#ff0000"] * 9


def test_transparent_cells_are_read_only_where_a_painter_has_an_eraser():
    assert sent.colours(PLUS, clear=True) == PLUS
    with pytest.raises(sent.Odd):
        sent.colours(PLUS)
    with pytest.raises(sent.Odd):
        sent.colours(["-"] * 9, clear=True)
    assert sent.colours(NINE) == NINE


def test_as_many_colours_are_read_as_the_painter_has_cells():
    assert sent.colours(["#000000"] * 16, (3, 4)) == ["#000000"] * 16
    for bad in (["#000000"] * 16, ["#000000 #000000"] + ["#000000"] * 14):
        with pytest.raises(sent.Odd):
            sent.colours(bad, (3, 5) if len(bad) == 16 else (4,))


def test_an_erased_cell_is_painted_named_and_asked_for(home):
    walk = Walk("lab")
    assert walk.component("painter", "edit", {"value": PLUS, "seq": 1})
    walk.check("erased")
    assert walk.at.session_state.trigger == PLUS
    assert walk.at.query_params["trigger"] in (
        ",".join(PLUS).replace("#ffffff", "fff"),
        [",".join(PLUS).replace("#ffffff", "fff")],
    )
    said = " ".join(c.value for c in walk.at.caption)
    assert "shape of 5 cells" in said
    assert "Transparent cells leave the image as it is" in said
    assert walk.component("painter", "edit", {"value": ["-"] * 9, "seq": 2})
    walk.check("all erased")
    assert walk.at.session_state.trigger == PLUS, "a trigger that changes nothing is no trigger"
    walk = Walk("lab", screen="all", trigger=",".join(PLUS).replace("#", ""))
    assert walk.at.session_state.trigger == PLUS, "a link carries it"


def test_another_size_keeps_what_is_painted_and_adds_black_cells(home):
    walk = Walk("lab", screen="all", trigger=",".join(PLUS).replace("#", ""))
    control = next(c for c in walk.at.segmented_control if c.key == "painter_side")
    control.set_value(4).run()
    assert not walk.at.exception
    painted = triggers.from_hex(" ".join(walk.at.session_state.trigger))
    assert painted.shape == (3, 4, 4)
    assert np.array_equal(painted[:, :3, :3], triggers.from_hex(" ".join(PLUS)), equal_nan=True)
    assert not painted[:, 3].any()
    assert make_config(trigger=" ".join(walk.at.session_state.trigger)).size == 4


def test_a_place_is_pointed_at_and_the_trigger_always_fits(home):
    walk = Walk("lab", screen="all", apply="fixed", place="12,3")
    assert walk.at.session_state.c_place == "12,3"
    assert walk.component("lab_photo", "place", {"row": 29, "column": 4, "seq": 1})
    walk.check("pointed at")
    assert walk.at.session_state.c_place == "29,4"
    assert walk.at.query_params["place"] in ("29,4", ["29,4"])
    assert walk.component("lab_photo", "place", {"row": 30, "column": 4, "seq": 2})
    walk.check("beyond")
    assert walk.at.session_state.c_place == "29,4"
    large = Walk("lab", screen="all", apply="fixed", place="29,4", trigger=",".join(["fff"] * 25))
    large.check("a larger one")
    assert large.at.session_state.c_place == "27,4"


def test_without_a_fixed_place_none_is_asked_for(home):
    walk = Walk("lab", screen="all", place="12,3")
    walk.check("no fixed place")
    assert not walk.component("lab_photo", "place", {"row": 1, "column": 4, "seq": 1}), "there is no picture"
    assert walk.at.selectbox(key="c_place").disabled
