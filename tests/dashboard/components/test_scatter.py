"""What the scatter puts into its block."""

import numpy as np
import pytest

from dashboard.components.scatter import block
from mesa_core.stage.blocks import unpack


def test_a_frame_keeps_its_rows_and_a_short_array_is_refused():
    frame = {
        "file": "samples.npz",
        "label": "step 1",
        "step": 1,
        "triggers": np.zeros((4, 27), np.uint8),
        "places": np.zeros((4, 2)),
        "asr": np.ones(4),
        "level": np.zeros(4),
        "mode": np.array([0, -1, 300, 1]),
    }
    ground = {"places": np.zeros((512, 2)), "asr": np.zeros(512), "bounds": [0, 1, 0, 1]}
    mark = {"name": "original", "kind": "original", "trigger": "#000000 " * 9, "place": [1.0, 0.0]}
    header, arrays = unpack(block([frame], ground, [mark], {"betas": [0.5]}))
    assert header["frames"] == [{"file": "samples.npz", "label": "step 1", "step": 1, "n": 4}]
    assert arrays["mode0"].tolist() == [0, -1, 127, 1]
    assert header["marks"][0]["place"] == pytest.approx([1, 0], abs=1e-4)
    with pytest.raises(ValueError, match="reshape"):
        block([{**frame, "asr": np.ones(3)}], ground, [], {})
