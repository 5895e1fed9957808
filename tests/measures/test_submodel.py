"""What a result's sub-models may say: entropies, log volumes and modes within what can be, and nothing beyond."""

import pytest

from mesa_core.disk.shaped import Damaged
from mesa_core.measures.submodel import Beside, Mode, ModesFound, ReferenceLevel, Spread, Submodel, Volume

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


SPREAD = {"value": -3.0, "n": 9}
VOLUME = {"value": -20.0, "error": 0.5}


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        (Submodel, {"beta": 0.5, "kept": True, "mean_asr": ASR, "modes": []}),
        (ReferenceLevel, {"beta": 0.5, "log_volume": VOLUME, "mean_asr": ASR, "modes": []}),
        (
            Beside,
            {
                "log_volume": VOLUME,
                "entropy": SPREAD,
                "entropy_of_samples": SPREAD,
                "modes_found": {"found": 1, "of": 2},
                "inside": ASR,
            },
        ),
    ],
)
def test_older_files_lack_coverage_and_what_they_must_have_they_have(kind, least):
    found = kind.read(least)
    assert found.recall == found.precision == {}
    assert getattr(found, "n", 0) == 0
    for name in least:
        with pytest.raises(Damaged, match=name):
            kind.read({key: value for key, value in least.items() if key != name})
