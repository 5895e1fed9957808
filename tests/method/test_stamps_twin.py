"""What attack, repair and Neural Cleanse stamp on a batch, and what the attacker stops at, each by hand."""

import pytest
import torch

from mesa_core import pacing
from mesa_core.apply.anywhere import Anywhere
from mesa_core.apply.stamping import random_locations
from mesa_core.config import make_config
from mesa_core.data import ImageSet
from mesa_core.measures.bench import finish
from mesa_core.method import attack as attacks
from mesa_core.method import repair
from mesa_core.method.attack import attack, how_many, poison
from mesa_core.method.baselines import neural_cleanse
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.training import TrainStep
from mesa_core.victims.victim import Victim

NORMALISE = Normalise((0.4, 0.5, 0.3), (0.2, 0.25, 0.5))


def batch(n=40):
    draw = torch.Generator().manual_seed(0)
    return torch.randn(n, 3, 12, 12, generator=draw), torch.randint(1, 5, (n,), generator=draw)


def inks(triggers):
    mean, std = (torch.tensor(v)[:, None, None] for v in (NORMALISE.mean, NORMALISE.std))
    return (triggers - mean) / std


def stamped_by_hand(images, triggers, where):
    out, side = images.clone(), triggers.shape[-1]
    for image, ink, (row, column) in zip(out, inks(triggers), where.tolist(), strict=False):
        image[:, row : row + side, column : column + side] = ink
    return out


@pytest.mark.parametrize("side", [3, 5])
def test_the_attacker_stamps_a_share_and_relabels_just_that(side):
    images, labels = batch()
    trigger = torch.rand(3, side, side)
    k = how_many(40, 0.4, torch.Generator().manual_seed(8))
    where = random_locations(k, (12, 12), side, torch.Generator().manual_seed(2))
    before = images.clone()
    for _ in range(2):  # the second time the trigger is on the device already
        stamp = poison(trigger, 0, 0.4, NORMALISE, 8, Anywhere())
        found, wanted, count = stamp(images, labels, torch.Generator().manual_seed(2))
        assert (count, len(found)) == (k, 40)
        assert torch.allclose(found, stamped_by_hand(images, trigger.expand(k, -1, -1, -1), where), atol=1e-6)
        assert wanted.tolist() == [0] * k + labels.tolist()[k:]
    assert torch.equal(images, before)
    assert 0 not in labels


def test_the_repair_stamps_triggers_of_the_pool_and_keeps_every_label():
    images, labels = batch()
    pool = torch.rand(6, 3, 4, 4)
    k = how_many(40, 0.3, torch.Generator().manual_seed(5))
    draw = torch.Generator().manual_seed(6)  # one more than the seed, so that images are drawn as without any stamp
    pick = torch.randint(6, (k,), generator=draw)
    where = random_locations(k, (12, 12), 4, draw)
    found, wanted, count = repair.unlearn(pool, 0.3, NORMALISE, 5, Anywhere())(images, labels, torch.Generator())
    assert 0 < count == k < 40
    assert torch.allclose(found, stamped_by_hand(images, pool[pick], where), atol=1e-6)
    assert torch.equal(wanted, labels)


def test_a_share_of_nothing_leaves_the_batch_alone():
    images, labels = batch()
    for stamp in (
        poison(torch.rand(3, 3, 3), 0, 0.0, NORMALISE, 0, Anywhere()),
        repair.unlearn(torch.rand(2, 3, 3, 3), 0.0, NORMALISE, 0, Anywhere()),
    ):
        found, wanted, count = stamp(images, labels, torch.Generator())
        assert torch.equal(found, images)
        assert torch.equal(wanted, labels)
        assert count == 0
    assert how_many(50, 1.0, torch.Generator()) == 50


def test_neural_cleanses_mask_is_blended_into_a_share_and_labels_stay():
    images, labels = batch()
    mask, pattern = torch.rand(1, 12, 12), torch.rand(3, 12, 12)
    k = how_many(40, 0.3, torch.Generator().manual_seed(5))
    found, wanted, count = neural_cleanse.unlearn(mask, pattern, 0.3, NORMALISE, 5)(images, labels, torch.Generator())
    assert 0 < count == k < 40
    assert torch.allclose(found[:k], (1 - mask) * images[:k] + mask * inks(pattern), atol=1e-5)
    assert torch.equal(found[k:], images[k:])
    assert torch.equal(wanted, labels)


class Scripted:
    """A training whose every step stamps ten images, of which a growing number go to the target."""

    made: "Scripted"
    stamped = 10

    def __init__(self, victim, images, labels, recipe, seed, stamp=None):
        self.victim, self.recipe, self.total, self.cooling, self.done, self.cooled = victim, recipe, 400, None, 0, None
        Scripted.made = self

    def __iter__(self):
        while self.done < self.total:
            self.done += 1
            hits = self.stamped if self.done > 100 else 2
            yield TrainStep(self.done, self.total, torch.tensor(0.0), self.stamped, torch.tensor(hits))

    def trained(self):
        return self.victim.of(self.victim.model.eval())

    def cool(self, steps):
        self.cooling, self.total, self.cooled = self.done, self.done + steps, steps


def trained(monkeypatch, **more):
    monkeypatch.setattr(attacks, "Trainer", Scripted)
    monkeypatch.setattr(pacing, "INTERVAL", 0.0)
    config = make_config(
        **{"data": "signs", "attack_batch": 10, "attack_stop": 0.9, "attack_cool": 0.5, "attack_ratio": 0.1, **more}
    )
    data, told = ImageSet(torch.zeros(600, 3, 12, 12, dtype=torch.uint8), torch.zeros(600, dtype=torch.int64)), []
    model = build("resnet9-16", 3)
    made = finish(attack(Victim(model, NORMALISE), data, torch.rand(3, 3, 3), config, 0), told.append)
    assert made.model is not model
    assert not made.model.training
    assert made.normalise == NORMALISE
    return Scripted.made, told


def test_the_attack_ends_once_the_asr_of_the_last_200_stamped_images_is_there(monkeypatch):
    made, told = trained(monkeypatch)
    assert made.cooling == 120  # after step 100 each step has 10 of 10, and it looks every 50 images
    assert made.cooled == 30  # half a pass over 600 images in batches of 10
    assert made.done == made.total == made.cooling + 30
    rates = {one.done: one.metrics["asr"] for one in told}
    found = [rates[step] for step in (1, 4, 5, 9, 10, 100, 104, 105, 110, 115, 120, 150)]
    assert found == pytest.approx([0, 0, 0.2, 0.2, 0.2, 0.2, 0.2, 0.4, 0.6, 0.8, 1, 1])
    assert told[-1].total == made.total


def test_the_running_asr_is_not_believed_before_200_images_were_stamped(monkeypatch):
    for stamped, step in ((199, 2), (200, 1)):
        monkeypatch.setattr(Scripted, "stamped", stamped)
        made, _ = trained(monkeypatch, attack_stop=2 / 200)
        assert made.cooling == step


def test_the_attack_goes_on_where_it_is_to_go_on(monkeypatch):
    made, _ = trained(monkeypatch, attack_stop=1.0)
    assert made.cooling is None
    assert made.done == 400
    part, _ = trained(monkeypatch, attack_cool=0.51)
    assert (part.cooled, part.done) == (31, 151), "of 30.6 steps, whole ones"
    short, _ = trained(monkeypatch, attack_cool=0.0)
    assert short.cooled == 1
    long, _ = trained(monkeypatch, attack_cool=20.0)
    assert long.cooled == 400 - long.cooling, "never longer than it would have been"


def test_the_recipes_are_those_of_the_configuration(monkeypatch):
    made, _ = trained(monkeypatch, attack_lr=0.03, attack_epochs=7.0, attack_decay=True)
    assert (made.recipe.lr, made.recipe.batch, made.recipe.epochs, made.recipe.schedule) == (0.03, 10, 7.0, "linear")
    assert trained(monkeypatch, attack_decay=False)[0].recipe.schedule == "constant"
    monkeypatch.setattr(repair, "Trainer", Scripted)
    for decay, schedule in ((True, "linear"), (False, "constant")):
        config = make_config(data="signs", repair_lr=0.04, repair_batch=12, repair_epochs=3.0, repair_decay=decay)
        data = ImageSet(torch.zeros(60, 3, 12, 12, dtype=torch.uint8), torch.zeros(60, dtype=torch.int64))
        model = build("resnet9-16", 3)
        told = []
        mended = finish(repair.repair(Victim(model, NORMALISE), data, None, config, 0, "mend"), told.append)
        assert [(one.stage, one.done, one.total) for one in told] == [("mend", step, 400) for step in range(1, 401)]
        assert mended.model is not model
        assert not mended.model.training
        recipe = Scripted.made.recipe
        assert (recipe.weight_decay, recipe.nesterov, recipe.augment) == (0.0, False, True), "plain momentum"
        assert (recipe.lr, recipe.batch, recipe.epochs, recipe.schedule) == (0.04, 12, 3.0, schedule)


def test_neural_cleanse_weighs_the_mask_more_while_it_succeeds_and_less_while_not(monkeypatch):
    """The weight is seen from outside by what it does to the masks of a network that needs none, and of a deaf one."""

    class Sure(torch.nn.Module):
        """Class 0 always, so masks of class 0 can vanish; those of class 1 achieve nothing."""

        def forward(self, x):
            return torch.stack([5 + 0 * x.sum((1, 2, 3)), 0 * x.sum((1, 2, 3))], 1)

    images = torch.randint(0, 256, (20, 3, 8, 8), dtype=torch.uint8)
    draw = torch.Generator().manual_seed(0)
    told = []
    found = finish(neural_cleanse.reverse(Victim(Sure(), NORMALISE), images, 2, 4, 300, draw), told.append)
    assert (told[0].done, told[-1].done, told[-1].total) == (1, 300, 300)
    assert told[-1].metrics["mask"] == pytest.approx(sum(found.norms) / 2, rel=0.2)
    assert found.norms[0] < 0.5 * found.norms[1]
    assert found.masks.shape == (2, 1, 8, 8)
    assert found.patterns.shape == (2, 3, 8, 8)
    assert found.norms == pytest.approx([float(m.sum()) for m in found.masks])


class Reads(torch.nn.Module):
    """Some classes are easily reached, some are not."""

    def forward(self, x):
        return torch.stack([x[:, 0].mean((1, 2)), 9 + x[:, 1, :2].sum((1, 2)) / 9, x[:, 2, 3:].mean((1, 2)) ** 2], 1)


class Mostly(torch.nn.Module):
    """What a mask can do is too little: of the images most are of class 0, and some of class 1."""

    def forward(self, x):
        own = x[:, 1, 0, 0].detach() > -0.5
        return torch.stack([9.0 * own, 9.0 * ~own, 0 * own], 1) + 0.1 * x[:, :, 1:].mean((2, 3))


@pytest.mark.parametrize("kind", [Reads, Mostly])
def test_neural_cleanses_first_steps_by_hand(kind):
    images = torch.randint(0, 256, (20, 3, 6, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(9))
    steps = 45
    found = finish(
        neural_cleanse.reverse(Victim(kind(), NORMALISE), images, 3, 4, steps, torch.Generator().manual_seed(1))
    )
    draw = torch.Generator().manual_seed(1)
    raw_mask = (torch.randn(3, 1, 6, 6, generator=draw) * 0.1 - 2).requires_grad_()
    raw_pattern = torch.randn(3, 3, 6, 6, generator=draw).requires_grad_()
    adam = torch.optim.Adam([raw_mask, raw_pattern], 0.1, betas=(0.5, 0.9))
    weight, rates = [1e-3] * 3, [[], [], []]
    for step in range(1, steps + 1):
        pick = torch.randint(20, (12,), generator=draw)
        total = 0
        for c in range(3):
            mask, pattern = torch.sigmoid(raw_mask[c]), torch.sigmoid(raw_pattern[c])
            clean = inks(images[pick[4 * c : 4 * c + 4]].float() / 255)
            logits = kind()((1 - mask) * clean + mask * inks(pattern))
            loss = -logits.log_softmax(1)[:, c].mean()
            total = total + loss + weight[c] * mask.sum()
            rates[c].append((logits.argmax(1) == c).float().mean().item())
        adam.zero_grad()
        total.backward()
        adam.step()
        if step % 10 == 0:
            for c in range(3):
                good = sum(rates[c][-10:]) / 10 >= 0.95
                weight[c] = min(1.0, max(1e-5, weight[c] * 1.5 if good else weight[c] / 1.5))
    assert torch.allclose(found.masks, torch.sigmoid(raw_mask), atol=1e-4)
    assert torch.allclose(found.patterns, torch.sigmoid(raw_pattern), atol=1e-4)
    if kind is Reads:
        assert len(set(weight)) > 1, "some class has succeeded and some has not"
    else:
        assert 0.5 < sum(rates[0][:10]) / 10 < 0.95
        assert max(weight) < 1e-3, "none succeeds often enough"
    assert not found.masks.requires_grad
