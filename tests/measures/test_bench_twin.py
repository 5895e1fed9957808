"""The bench's figures against plain loops over its own draws, and what exactly it draws."""

import numpy as np
import pytest
import torch
from torch import nn

from mesa_core import triggers as codes
from mesa_core.apply.stamping import random_locations
from mesa_core.data import DataError, ImageSet
from mesa_core.measures import bench as evaluation
from mesa_core.measures.bench import Bench, Drawn, Landscape, Plain, finish, highest
from mesa_core.measures.intervals import of_drawn, paired_difference, proportion
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

NORMALISE = Normalise((0.4, 0.5, 0.3), (0.2, 0.25, 0.3))


class Weighs(nn.Module):
    """Logits that depend on every pixel."""

    def __init__(self, classes=4, side=10):
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(3 * side * side, classes, generator=draw), requires_grad=False)

    def forward(self, x):
        return 0.2 * x.flatten(1) @ self.weight


def victim():
    return Victim(Weighs(), NORMALISE)


def images(count=60):
    draw = torch.Generator().manual_seed(1)
    return ImageSet(
        torch.randint(0, 256, (count, 3, 10, 10), dtype=torch.uint8, generator=draw), torch.arange(count) % 4
    )


def bench(**more):
    return Bench(images(), 1, **{"seed": 3, **more})


def logits(image, trigger=None, place=None):
    """Of one image, stamped where asked."""
    picture = image.float() / 255
    if trigger is not None:
        side, (row, column) = trigger.shape[-1], place.tolist()
        picture[:, row : row + side, column : column + side] = trigger
    mean, std = (torch.tensor(v)[:, None, None] for v in (NORMALISE.mean, NORMALISE.std))
    return Weighs()(((picture - mean) / std)[None])[0]


def answers(made, triggers, drawn):
    """Logits `(triggers, images, classes)`, one stamped image after another."""
    return torch.stack(
        [
            torch.stack([logits(made.images[i], t, p) for i, p in zip(*row, strict=True)])
            for t, *row in zip(triggers, drawn.image, drawn.place, strict=True)
        ]
    )


def test_others_are_split_in_halves_by_the_seed():
    made = bench()
    assert made.others.tolist() == [i for i in range(60) if i % 4 != 1]
    order = torch.randperm(45, generator=torch.Generator().manual_seed(3))
    assert torch.cat([made.selects, made.measures]).tolist() == made.others[order].tolist()
    assert (len(made.selects), len(made.measures)) == (23, 22)
    assert bench(seed=4).selects.tolist() != made.selects.tolist()
    assert len(bench(limit=20).images) == 20
    assert len(bench(limit=999).images) == len(made.images) == 60
    assert torch.equal(bench(limit=20).images, made.images[:20])


def test_too_few_of_either_side_are_refused():
    def of(labels):
        return Bench(ImageSet(images().images[: len(labels)], torch.tensor(labels)), 1, 0)

    for labels in ([1, 0], [1, 1, 0], [0, 0, 0], [1, 1]):
        with pytest.raises(DataError, match=f"Of {len(labels)} evaluation images {labels.count(1)} are of the target"):
            of(labels)
    assert len(of([1, 0, 0]).others) == 2


@pytest.mark.parametrize("side", [3, 5])
def test_draws_follow_the_seed_and_the_salt_and_use_each_image_once_where_all_are_asked(side):
    made = bench()
    host = torch.Generator().manual_seed(3 * 7919 + 17)
    pick = torch.randint(45, (4, 6), generator=host)
    place = random_locations(24, (10, 10), side, host).view(4, 6, 2)
    drawn = made._draw(made.others, 4, side, 6, 17)
    assert torch.equal(drawn.image, made.others[pick])
    assert torch.equal(drawn.place, place)
    for each in (45, 46):
        whole = made._draw(made.others, 2, side, each, 17)
        assert torch.equal(whole.image, made.others.expand(2, -1))
        assert whole.place.shape == (2, 45, 2)
    assert made._draw(made.others, 2, side, 44, 17).image.shape == (2, 44)


def test_predictions_are_those_of_one_image_after_another(monkeypatch):
    monkeypatch.setattr(evaluation, "CHUNK", 7)
    made, passed = bench(), []
    plain = finish(made.plain(victim()), passed.append)
    assert plain.predicted.tolist() == [int(logits(image).argmax()) for image in made.images]
    assert passed == [7] * 8 + [4]
    figures = made.accuracy(plain)
    right = plain.predicted == made.labels
    assert figures.clean == proportion(int(right.sum()), 60)
    assert figures.target == proportion(int(right[1::4].sum()), 15)
    natural = plain.predicted[made.others] == 1
    assert figures.natural == proportion(int(natural.sum()), 45)
    assert 0 < natural.sum() < 45


def test_the_asr_of_a_trigger_is_over_all_others_and_the_effective_one_leaves_natural_ones_out():
    made, trigger, kept = bench(), torch.rand(3, 3, 3, generator=torch.Generator().manual_seed(5)), {}
    plain = finish(made.plain(victim()))
    found, effective = finish(made.of_trigger(victim(), plain, trigger, kept))
    drawn = made._draw(made.others, 1, 3, 45, 1)
    hits = answers(made, trigger[None], drawn)[0].argmax(1) == 1
    assert kept["original"].tolist() == hits.tolist()
    assert found == proportion(int(hits.sum()), 45)
    counts = plain.predicted[made.others] != 1
    assert effective == proportion(int((hits & counts).sum()), int(counts.sum()))
    assert 0 < effective.n < 45


def test_samples_have_a_rate_each_and_an_interval_over_both():
    made, triggers = bench(), torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(5))
    plain = finish(made.plain(victim()))
    found, effective, each = finish(made.of_samples(victim(), plain, triggers, 8))
    drawn = made._draw(made.others, 5, 4, 8, 2)
    hits = (answers(made, triggers, drawn).argmax(2) == 1).numpy()
    assert found == of_drawn(hits, drawn.image.numpy(), seed=3)
    assert effective == of_drawn(hits, drawn.image.numpy(), (plain.predicted[drawn.image] != 1).numpy(), 3)
    assert each.tolist() == hits.mean(1).tolist()
    assert each.dtype == np.float64
    assert 0 < found.value < 1


def test_the_landscape_is_of_the_half_that_selects_and_leans_by_the_root_of_the_softmax():
    made = bench()
    found = finish(made.landscape(victim(), 3))
    drawn = made._draw(made.selects, 512, 3, 3, 3)
    some = [0, 7, 170, 511]
    mine = Drawn(drawn.image[some], drawn.place[some])
    told = answers(made, torch.from_numpy(codes.panel(3))[some], mine)
    assert found.asr[some].tolist() == (told.argmax(2) == 1).double().mean(1).tolist()
    assert found.lean[some].tolist() == pytest.approx(told.softmax(2)[..., 1].sqrt().mean(1).tolist(), abs=1e-5)
    assert set(drawn.image.flatten().tolist()) <= set(made.selects.tolist())


class Asked(Bench):
    """A bench that answers from a list, and notes who is asked on what."""

    def script(self, asr, lean):
        self.rates, self.asked = (np.array(asr), np.array(lean)), []
        return self

    def _lean(self, model, triggers, drawn):
        mine = [codes.code_of(t.numpy()) for t in triggers]
        self.asked.append((mine, drawn))
        yield drawn.image.numel()
        return Landscape(*(rate[mine] for rate in self.rates))

    def _hits(self, model, triggers, drawn):
        self.asked.append(([codes.code_of(t.numpy()) for t in triggers], drawn))
        yield drawn.image.numel()
        return (torch.arange(drawn.image.numel()) % 3 == 0).view(drawn.image.shape)


def asked(landscape=None, first=2):
    rng = np.random.default_rng(0)
    asr, lean = rng.random(512), rng.random(512)
    made = Asked(images(), 1, 3).script(asr, lean)
    plain = Plain((torch.arange(60) % 5).clamp(max=3))
    seen = Landscape(asr, lean) if landscape else None
    return made, plain, finish(made.worst(None, plain, first, seen)), (asr, lean)


@pytest.mark.parametrize("landscape", [False, True])
def test_the_search_for_the_worst_narrows_by_lean_and_asr_and_measures_on_the_other_half(landscape):
    made, plain, (found, effective, code), (asr, lean) = asked(landscape)
    rounds = [one for one, _ in made.asked]
    alive = list(range(512))
    wanted = [] if landscape else [alive]
    for stay in (64, 16, 4):
        alive = [alive[i] for i in highest(Landscape(asr[alive], lean[alive]), stay)]
        wanted.append(alive)
    assert rounds[:-1] == wanted
    assert code == max(alive, key=lambda one: asr[one])
    assert rounds[-1] == [code]
    sizes = [len(drawn.image[0]) for _, drawn in made.asked]
    assert sizes == ([] if landscape else [2]) + [8, 23, 23, 22]  # 2, four times, 16 times, all; then the other half
    for number, (one, drawn) in enumerate(made.asked[:-1], start=landscape):
        again = made._draw(made.selects, len(one), 3, sizes[number - landscape], 10 + number)
        assert torch.equal(drawn.image, again.image)
        assert torch.equal(drawn.place, again.place)
    last = made._draw(made.measures, 1, 3, 22, 20)
    assert torch.equal(made.asked[-1][1].place, last.place)
    hits = torch.arange(22) % 3 == 0
    assert found == proportion(int(hits.sum()), 22)
    counts = plain.predicted[last.image[0]] != 1
    assert effective == proportion(int((hits & counts).sum()), int(counts.sum()))
    assert 0 < effective.n < 22


def test_size_is_what_an_evaluation_passes_through():
    made = bench()
    trigger, samples = torch.rand(3, 3, 3), torch.rand(4, 3, 3, 3)
    for original, held, each, first, mapped in (
        (None, None, 0, 0, 0), (trigger, None, 0, 0, 0), (None, samples, 5, 0, 0), (None, samples, 99, 0, 0),
        (None, None, 0, 1, 0), (None, None, 0, 2, 1), (trigger, samples, 3, 1, 1), (None, None, 0, 0, 30),
        (None, None, 0, 30, 30),
    ):  # fmt: skip
        passed = []
        finish(made.evaluate(victim(), original, held, each, first, mapped), passed.append)
        count = 0 if held is None else len(held)
        assert sum(passed) == made.size(original is not None, count, each, first, mapped)


def test_an_evaluation_holds_what_was_asked_and_none_for_the_rest():
    made, kept = bench(), {}
    model, trigger, samples = victim(), torch.rand(3, 3, 3), torch.rand(4, 3, 3, 3)
    plain = finish(made.plain(model))
    whole = finish(made.evaluate(model, trigger, samples, 5, 2, 3, kept))
    told = finish(made.of_trigger(model, plain, trigger)), finish(made.of_samples(model, plain, samples, 5))
    seen = finish(made.landscape(model, 3))
    worst = finish(made.worst(model, plain, 2, seen))
    for place, rates in enumerate((whole.asr, whole.effective_asr)):
        assert rates.original == told[0][place]
        assert rates.sampled == told[1][place]
        assert rates.worst.to_json() == {**worst[place].to_json(), "code": worst[2]}
    assert made.accuracy(plain) == (whole.clean_accuracy, whole.target_accuracy, whole.natural_rate)
    assert whole.change is None
    assert set(kept) == {"predicted", "right", "original", "landscape"}
    assert torch.equal(kept["predicted"], plain.predicted)
    assert torch.equal(kept["right"], plain.predicted == made.labels)
    assert kept["landscape"].tolist() == seen.asr.tolist()
    coarse = finish(made.evaluate(model, None, None, 0, 2, 1))
    alone = finish(made.worst(model, plain, 2))
    assert coarse.asr.worst.to_json() == {**alone[0].to_json(), "code": alone[2]}, "too few images to stand for a round"
    bare = finish(made.evaluate(model, None, None, 0, 0))
    assert bare.asr == bare.effective_asr
    assert bare.asr.to_json() == {"original": None, "sampled": None, "worst": None}


def test_a_change_is_paired_over_images_and_over_those_of_the_target():
    made, draw = bench(), torch.Generator().manual_seed(0)
    before, after = (
        {"right": torch.rand(60, generator=draw) < 0.8, "original": torch.rand(45, generator=draw) < share}
        for share in (0.9, 0.2)
    )
    found = made.change(before, after)
    pair = lambda name, pick=slice(None): (before[name][pick].numpy(), after[name][pick].numpy())
    assert found.clean_accuracy == paired_difference(*pair("right"))
    assert found.target_accuracy == paired_difference(*pair("right", slice(1, None, 4)))
    assert found.asr_original == paired_difference(*pair("original"))
    for one, other in ((before, {"right": after["right"]}), ({"right": before["right"]}, after)):
        assert made.change(one, other).asr_original is None


def test_maps_of_one_victim_are_kept_and_of_another_made_anew(monkeypatch):
    made, calls = bench(), []
    monkeypatch.setattr(evaluation, "prepare", lambda victim, images, *rest: calls.append((victim.model, rest)))
    one, other = victim(), victim()
    for model in (one, one, other):
        finish(made.of_samples(model, finish(made.plain(model)), torch.rand(2, 3, 4, 4), 5))
    assert [model for model, _ in calls] == [one.model, one.model, other.model]
    assert [rest for _, rest in calls] == [
        (4, 10, evaluation.MEMORY),
        (4, 20, evaluation.MEMORY),
        (4, 10, evaluation.MEMORY),
    ]
    assert Bench(images(), 1, 0).memory == evaluation.MEMORY


def test_of_equal_leans_the_first_and_of_equal_rates_the_one_that_leans_more_comes_first():
    found = Landscape(np.array([0.5, 0.5, 0.5, 0.2]), np.array([0.1, 0.3, 0.2, 0.3]))
    assert highest(found, 4) == [1, 3, 2, 0]
    assert highest(found, 2) == [1, 3]
