"""What a result's sub-models may say: entropies, log volumes and modes within what can be, and nothing beyond."""

import pytest

from mesa_core.disk.shaped import Damaged
from mesa_core.measures.submodel import Mode, ModesFound, Spread, Volume

ASR = {"value": 0.5, "n": 10, "low": 0.2, "high": 0.8}


@pytest.mark.parametrize("value", [-1e4, -83.2, 1e4])
def test_an_entropy_in_nats_may_be_far_below_nothing(value):
    assert Spread.read({"value": value, "n": 4}).value == value
    for beyond in (-1e4 - 1, 1e4 + 1):
        with pytest.raises(Damaged, match="value"):
            Spread.read({"value": beyond, "n": 4})


def test_a_log_volume_lies_within_the_box_give_or_take_its_error():
    assert Volume.read({"value": 10.0, "error": 0.5}).runs == ()
    assert Volume.read({"value": -1e4, "error": 0.0, "runs": [-1.0, -2.0]}).runs == (-1.0, -2.0)
    for wrong in ({"value": 10.1, "error": 0.1}, {"value": -1e4 - 1, "error": 0.1}, {"value": -3.0, "error": -0.1}):
        with pytest.raises(Damaged):
            Volume.read(wrong)


def test_no_more_modes_are_found_than_there_are():
    assert ModesFound.read({"found": 3, "of": 3}).modes == ()
    with pytest.raises(Damaged, match="4 of 3"):
        ModesFound.read({"found": 4, "of": 3})


def test_a_modes_trigger_can_be_drawn():
    assert Mode.read({"share": 0.4, "asr": ASR, "trigger": "#fff " * 9}).share == 0.4
    with pytest.raises(Damaged, match="trigger"):
        Mode.read({"share": 0.4, "asr": ASR, "trigger": "#fff " * 8})
