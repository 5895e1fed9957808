"""Sub-models that sample an opacity for each pixel: the contract of every kind, and that they learn it where it matters."""

import math

import pytest
import torch
from kinds_contract import are_the_same_by_seed_and_when_loaded, lie_in_the_box_and_repeat
from torch import nn

from mesa_core.apply import whose
from mesa_core.apply.places import Box
from mesa_core.apply.plan import Part
from mesa_core.config import make_config
from mesa_core.kinds import KINDS
from mesa_core.measures.bench import finish
from mesa_core.method import submodels
from mesa_core.method.baselines import point, random
from mesa_core.method.glance import Pair, glance
from mesa_core.method.surrogate import Surrogate
from mesa_core.victims.victim import Victim

SMALL = [kind for kind in KINDS if kind != "convolutional"]  # that is made for pictures, and tested on those


class FirstCell:
    """A surrogate with a known valid set: F is high where the first cell's opacity is low; nothing else matters."""

    def __call__(self, triggers, generator):
        return torch.sigmoid(20 * (0.5 - triggers[:, :, 3, 0, 0]))


def group(kind, betas=(0.5, 0.9), seed=0, size=3, steps=200, **more):
    more = {"search_opacity": "sampled", "hidden": 64, "noise_dim": 16, **more}
    config = make_config(kind=kind, trigger=" ".join(["#000"] * size**2), **more)
    return submodels.make(config, list(betas), 64, steps, torch.device("cpu"), seed)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_samples_have_four_numbers_a_cell_lie_in_the_box_and_repeat(kind, size):
    lie_in_the_box_and_repeat(group(kind, size=size), (2, 10, 4, size, size))


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_result_and_save_and_load(kind):
    are_the_same_by_seed_and_when_loaded(lambda seed: group(kind, seed=seed), FirstCell())


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_not_asked_for_opacities_samples_colours_as_ever(kind):
    draws = []
    for more in ({"search_opacity": 1.0}, {"search_opacity": 0.3}):
        made = group(kind, **more)
        draws.append(made.sample(6, torch.Generator().manual_seed(0)))
    assert draws[0].shape == (2, 6, 3, 3, 3)
    assert torch.equal(*draws)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SMALL)
def test_an_opacity_that_matters_is_learnt_and_one_that_does_not_stays_spread(kind):
    made, draw = group(kind, betas=(0.9,), steps=120), torch.Generator().manual_seed(0)
    before = FirstCell()(made.sample(256, draw), draw).mean()
    for _ in range(120):
        made.step(FirstCell(), draw)
    found = made.sample(512, draw)[0]
    assert FirstCell()(found[None], draw).mean() > 0.85
    assert before < 0.75
    assert found[:, 3, 0, 0].mean() < 0.4
    others = found[:, 3].flatten(1)[:, 1:]
    assert others.mean() == pytest.approx(0.5, abs=0.12)
    uniform = 12**-0.5
    assert others.std(0).mean() > (0.5 if kind in ("particles", "flow") else 0.25) * uniform


@pytest.mark.slow
def test_the_entropy_of_a_flow_counts_all_four_numbers_of_a_cell():
    """Closed form: of 4 numbers one has to lie below about 0.41, the others are free, so that h = log 0.41."""
    made, draw = group("flow", betas=(0.85,), size=1, steps=150, alpha=0.1), torch.Generator().manual_seed(0)
    for _ in range(150):
        made.step(FirstCell(), draw)
    (told,) = made.entropy()
    level = 0.85 + 0.15 * 0.15  # β with its margin
    edge = 0.5 - math.log(level / (1 - level)) / 20
    assert told["value"] == pytest.approx(math.log(edge), abs=0.25)


class Veil(nn.Module):
    """Class 0 where a patch is a little brighter than the image around it, on dark images as on light ones.

    No colour that overwrites can be that on both, 0.2 and 0.8; white that covers a tenth to a third is.
    """

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(60.0))

    def forward(self, images):
        grey = images.mean(1).flatten(1)
        more = (grey - grey.median(1, keepdim=True).values).sum(1)  # of one pixel beside the others
        score = self.scale * (0.11 - (more - 0.13).abs())
        return torch.stack([score, torch.zeros_like(score)], 1)


def veiled(config):
    images = torch.tensor([51, 204], dtype=torch.uint8).view(2, 1, 1, 1).repeat(8, 3, 6, 6)
    victim = Victim(Veil()).freeze()
    return Surrogate(victim, images, torch.tensor([0]), 8, rule=whose.defenders(config, (6, 6)))


def trained(kind, **more):
    steps = 120 if kind in ("particles", "flow") else 300
    config = make_config(
        kind=kind, trigger="#000", hidden=64, noise_dim=16, alpha=0.05 if kind == "mine" else 0.1, mesa_lr=0.002, **more
    )
    made = submodels.make(config, [0.8], 64, steps, torch.device("cpu"), 0)
    surrogate, draw = veiled(config), torch.Generator().manual_seed(0)
    for _ in range(steps):
        made.step(surrogate, draw)
    found = made.sample(256, draw)
    with torch.no_grad():
        return found[0], float(surrogate(found, draw).mean())


@pytest.mark.slow
@pytest.mark.parametrize("kind", SMALL)
def test_samples_learn_how_much_a_trigger_has_to_let_through(kind):
    found, success = trained(kind, search_opacity="sampled")
    assert success > 0.75
    share = found[:, 3].mean()
    assert 0.1 < share < 0.4
    assert found[:, :3].mean() > 0.85


def test_opaque_triggers_cannot_do_what_those_samples_do():
    """The negative control: whatever its colour, it is right on one of the two images at most."""
    greys = torch.linspace(0, 1, 101).view(1, -1, 1, 1, 1).expand(-1, -1, 3, -1, -1)
    with torch.no_grad():
        rates = veiled(make_config(trigger="#000"))(greys, torch.Generator().manual_seed(0))
        white = torch.cat([torch.ones(1, 20, 3, 1, 1), torch.full((1, 20, 1, 1, 1), 0.2)], 2)
        clear = veiled(make_config(trigger="#000", search_opacity="sampled"))(white, torch.Generator().manual_seed(0))
    assert rates.mean() < 0.6
    assert rates.max() < 0.95, "by eight images, which may be of one kind"
    assert clear.mean() > 0.8
    assert trained("mine")[1] < 0.6


@pytest.mark.slow
def test_one_reversed_trigger_and_a_glance_learn_it_too():
    config = make_config(trigger="#000", search_opacity="sampled")
    surrogate, draw = veiled(config), torch.Generator().manual_seed(1)
    found = finish(point.reverse(surrogate, 8, 32, 400, 0.02, draw, 1, config.cell))
    assert found.shape == (8, 4, 1, 1)
    with torch.no_grad():
        rates = surrogate(found[None], draw)[0]
    assert rates.max() > 0.8
    everywhere = Pair(0, Part("anywhere", Box.everywhere((6, 6), 1)))
    for cover, shape in (("sampled", (4, 1, 1)), (1.0, (3, 1, 1))):
        (one,) = finish(
            glance(surrogate.victim, surrogate.images, [everywhere], 1, cover, torch.tensor([0.0, 0.0]), draw)
        )
        assert one.trigger.shape == shape


def test_random_triggers_have_opacities_where_they_are_asked_for():
    found = random.uniform_colours(4000, torch.Generator().manual_seed(0), 2, 4)
    assert found.shape == (4000, 4, 2, 2)
    assert found[:, 3].mean() == pytest.approx(0.5, abs=0.01)
    assert found[:, 3].std() == pytest.approx(12**-0.5, abs=0.01)
    assert random.uniform_colours(3, torch.Generator(), 2).shape == (3, 3, 2, 2)
