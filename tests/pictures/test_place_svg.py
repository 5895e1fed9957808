"""The image as a map, in SVG: what is bright there, and that it is well-formed and says what it shows."""

import re
from xml.etree import ElementTree

import numpy as np

from mesa_core.pictures.place_svg import LEVELS, PANEL, place_map_svg, place_maps_svg

SVG = "{http://www.w3.org/2000/svg}"


def cells(picture):
    """Every cell that is drawn, with its colour, of the first panel."""
    panel = ElementTree.fromstring(picture).findall(f"{SVG}g")[0]
    found = {}
    for path in panel.iter(f"{SVG}path"):
        for x, y, wide in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", path.get("d")):
            for column in range(int(x), int(x) + int(wide)):
                assert (int(y), column) not in found, "drawn twice"
                found[int(y), column] = path.get("fill")
    return found


def test_every_place_is_drawn_once_and_a_bright_one_in_another_colour():
    asr = np.zeros((5, 7))
    asr[2, 3] = 1
    asr[4] = 0.5
    drawn = cells(place_maps_svg({"before": asr}, "x"))
    assert set(drawn) == {(r, c) for r in range(5) for c in range(7)}
    assert drawn[2, 3] not in {drawn[0, 0], drawn[4, 0]}
    assert drawn[4, 0] != drawn[0, 0]
    assert sum(colour == drawn[2, 3] for colour in drawn.values()) == 1
    moved = np.zeros((5, 7))
    moved[3, 3] = 1
    assert cells(place_maps_svg({"before": moved}, "x"))[2, 3] != drawn[2, 3]


def test_panels_stand_side_by_side_with_their_names_and_a_ring():
    picture = place_maps_svg({"a < b": np.zeros((3, 3)), "after": np.ones((3, 3))}, 'say "<it>"', (1, 2))
    root = ElementTree.fromstring(picture)
    assert root.get("aria-label") == 'say "<it>"'
    assert [t.text for t in root.iter(f"{SVG}text")][:2] == ["a < b", "after"]
    assert len(list(root.iter(f"{SVG}circle"))) == 2
    assert float(root.get("viewBox").split()[2]) > 2 * PANEL
    assert "<circle" not in place_maps_svg({"a": np.zeros((3, 3))}, "x", (7, 7)), "a place beyond the map"


def test_a_map_of_noise_stays_small_enough_for_a_page():
    noise = np.random.default_rng(0).random((30, 30))
    picture = place_maps_svg({"before": noise, "after": noise.T}, "x")
    assert len(picture) < 80_000
    assert len(set(cells(picture).values())) == LEVELS


def test_a_ring_at_the_border_lies_whole_within_the_picture():
    root = ElementTree.fromstring(place_map_svg(np.zeros((30, 30)), "x", (29, 29)))
    left, top, wide, high = map(float, root.get("viewBox").split())
    (ring,) = root.iter(f"{SVG}circle")
    x, y, reach = (float(ring.get(name)) for name in ("cx", "cy", "r"))
    assert left <= x - reach
    assert x + reach <= left + wide
    assert y + reach <= top + high
    assert root.get("aria-label") == "x"
