"""Attack and repair learn what they should, beside a control that does not; on coloured blobs, in seconds."""

import pytest
import torch

from mesa_core import triggers as codes
from mesa_core.apply.anywhere import Anywhere
from mesa_core.config import make_config
from mesa_core.data import ImageSet
from mesa_core.measures.bench import Bench, finish
from mesa_core.method import attack, repair
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.training import Recipe, Trainer
from mesa_core.victims.victim import Victim


def end(work):
    while True:
        try:
            next(work)
        except StopIteration as done:
            return done.value


def asr(victim, data, trigger):
    bench, frozen = Bench(data.test, 0, 0), victim.freeze()
    return finish(bench.of_trigger(frozen, finish(bench.plain(frozen)), trigger))[0].value


@pytest.mark.slow
def test_a_backdoor_comes_and_goes(blobs, compute):
    torch.manual_seed(0)
    trainer = Trainer(
        Victim(build("resnet9-16", 3), Normalise(blobs.mean, blobs.std), compute),
        blobs.train.images,
        blobs.train.labels,
        Recipe(0.02, 16, 12, "linear"),
        0,
    )
    for _ in trainer:
        pass
    clean = trainer.trained()
    trigger = torch.from_numpy(codes.from_code(170))
    config = make_config(
        target=0,
        attack_ratio=0.3,
        attack_lr=0.05,
        attack_batch=32,
        attack_epochs=30,
        repair_ratio=0.5,
        repair_lr=0.01,
        repair_batch=16,
        repair_epochs=3,
    )
    assert asr(clean, blobs, trigger) < 0.1
    before = {k: v.clone() for k, v in clean.model.state_dict().items()}
    data = ImageSet(blobs.train.images, blobs.train.labels)
    bad = end(attack.attack(clean, data, trigger, config, 0))
    assert all(torch.equal(v, before[k]) for k, v in clean.model.state_dict().items()), "the clean victim was changed"
    was = asr(bad, blobs, trigger)
    assert was > 0.8
    mended = end(repair.repair(bad, data, trigger[None], config, 0))
    control = end(repair.repair(bad, data, None, config, 0))
    assert asr(bad, blobs, trigger) == was, "the attacked victim was changed"
    assert asr(mended, blobs, trigger) < 0.2
    assert asr(control, blobs, trigger) > asr(mended, blobs, trigger) + 0.2


def test_every_defence_sees_the_same_images_in_the_same_order(blobs, compute):
    """The pools differ, the images and their crops do not: whatever a stamp draws comes from its own generator."""
    normalise = Normalise(blobs.mean, blobs.std)
    pools = [torch.rand(50, 3, 3, 3), torch.rand(1, 3, 3, 3), None]
    orders = []
    for pool in pools:
        stamp = None if pool is None else repair.unlearn(pool, 0.5, normalise, 0, Anywhere())
        trainer = Trainer(
            Victim(build("resnet9-16", 3), normalise, compute),
            blobs.train.images,
            blobs.train.labels,
            Recipe(0.0, 16, 1, "linear"),
            0,
            stamp,
        )
        for _ in trainer:
            pass
        orders.append(trainer.generator.get_state())
    assert torch.equal(orders[0], orders[1])
    assert torch.equal(orders[0], orders[2])


def test_fractional_shares_are_binomial():
    host = torch.Generator().manual_seed(0)
    counts = torch.tensor([attack.how_many(100, 0.05, host) for _ in range(2000)], dtype=torch.float32)
    assert abs(counts.mean() - 5) < 0.3
    assert abs(counts.var() - 4.75) < 0.7


def test_a_repair_of_one_step_gets_its_least_steps_and_one_of_none_gets_none():
    config = make_config(data="folder", data_dir="x", repair_batch=128, repair_epochs=2, repair_steps=100)
    assert repair.recipe_of(config, 64) == Recipe(
        config.repair_lr, 128, 200.0, "linear" if config.repair_decay else "constant"
    )
    assert [repair.recipe_of(config, count).steps(count) for count in (64, 32, 6336, 6400, 6464)] == [
        100,
        100,
        100,
        100,
        101,
    ]
    still = make_config(data="folder", data_dir="x", repair_batch=128, repair_epochs=0, repair_steps=100)
    assert repair.recipe_of(still, 64).steps(64) == 0
