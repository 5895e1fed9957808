"""Triggers of every side from 1 to 8 pixels, and of 16, go the whole way: attack, detect, sample, repair, run, and a question to the network."""

import pytest
import torch
from small_sweep import LEAST
from test_api import QUIET, network, pictures

from mesa_core import Normalise, Victim, attack, detect, evaluate, repair, sample, triggers
from mesa_core.config import ConfigError, make_config
from mesa_core.experiment import execute
from mesa_core.store import checks


@pytest.mark.parametrize("size", triggers.SIZES)
def test_a_trigger_of_each_size_is_planted_sampled_and_repaired(size):
    victim = Victim(network(), Normalise((0.5,) * 3, (0.25,) * 3))
    white = torch.ones(3, size, size)
    attacked = attack(victim, pictures(count=100), white, 1, attack_epochs=0.5, **QUIET)
    found = sample(attacked, pictures(count=60), 1, n=6, size=size, mesa_steps=2, **QUIET)
    assert found.triggers.shape == (3, 6, 3, size, size)
    if size in triggers.SMALL:
        shown = detect(attacked, pictures(count=60), size=size, detect_steps=1, **QUIET).triggers
        assert shown.shape[2:] == (3, size, size)
    healed = repair(attacked, pictures(count=60), found, repair_epochs=0.2, **QUIET)
    assert healed.after.asr.n > 0
    assert evaluate(healed.victim, pictures(count=60), 1, trigger=white).asr.n == 45, "every image of another class"


def test_no_class_is_searched_for_pictures_since_a_clean_network_is_opened_by_them_too():
    """Measured: of a clean network's ten classes such a search calls all ten attacked."""
    victim = Victim(network(), Normalise((0.5,) * 3, (0.25,) * 3))
    picture = "picture:face"
    for how in (
        lambda: make_config(trigger=picture, detect=True),
        lambda: make_config(trigger=picture, suspect="shipped"),
        lambda: make_config(trigger=picture, search_places="plan"),
        lambda: detect(victim, pictures(count=60), size=16, detect_steps=1, **QUIET),
    ):
        with pytest.raises(
            ConfigError, match=r"Classes cannot be searched for triggers of 16×16: on a clean network, too"
        ):
            how()
    assert make_config(trigger=picture).size == 16
    assert make_config(trigger="#fff " * 64, detect=True).size == 8, "the negative control: smaller ones are searched"


def test_a_trigger_of_nine_pixels_is_refused():
    for how in (lambda: make_config(trigger="#fff " * 81), lambda: sample(Victim(network()), pictures(), 1, size=9)):
        with pytest.raises(ConfigError, match=r"1, 4, 9|choose one of 1, 2"):
            how()


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 8])
def test_a_run_with_the_smallest_and_with_the_largest_trigger_is_whole(store, tiny_data, size):
    own = {"data": "signs", "mesa_steps": 4, "landscape_images": 2, "point_steps": 2, "baselines": ("point", "random")}
    config = make_config({**LEAST, **own, "trigger": triggers.to_hex(triggers.chequer(size))})
    run = store.create(config.to_dict(), "one")
    told = []
    assert execute(run, store, told.append) == "finished", told[-1]
    samples = checks.samples(run.read_arrays("samples.npz"), run.read_arrays("axes.npz"))
    assert samples is not None
    assert samples["triggers"].shape[1] == 3 * size * size
    outcome = run.outcome()
    assert outcome.before.asr.worst.of == triggers.of_panel(size)
    assert not any(outcome.recall.values()), "of what is no full count there is no recall"
    assert "mesa" in outcome.after
