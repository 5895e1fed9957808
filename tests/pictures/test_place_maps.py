import numpy as np

from mesa_core.pictures.place_maps import place_maps


def test_each_network_has_a_panel_whose_first_row_is_on_top_and_the_place_is_ringed():
    bright = np.zeros((4, 5))
    bright[3, 1] = 1.0
    figure = place_maps({"before": bright, "after": 0 * bright}, 64, (3, 1))
    maps = [trace for trace in figure.data if trace.type == "heatmap"]
    assert len(maps) == 2
    assert maps[0].z[3][1] == 100
    assert np.asarray(maps[1].z).max() == 0
    first, last = figure.layout.yaxis.range
    assert first > last, "rows go down"
    rings = [trace for trace in figure.data if trace.type == "scatter"]
    assert [(ring.x[0], ring.y[0]) for ring in rings] == [(1, 3)] * 2
    assert [a.text for a in figure.layout.annotations] == ["before", "after"]


def test_without_a_known_place_nothing_is_ringed():
    assert all(trace.type == "heatmap" for trace in place_maps({"only": np.zeros((3, 3))}, 8).data)
