"""Computing again only what a patch can change gives what the whole network gives, wherever the patch lies."""

import pytest
import torch
from torch import nn

from mesa_core.apply.anywhere import Anywhere
from mesa_core.apply.blended import Blended
from mesa_core.apply.fixed import Fixed
from mesa_core.apply.rule import opacity_of
from mesa_core.apply.shaped import Shaped
from mesa_core.apply.stamping import apply
from mesa_core.data import ImageSet
from mesa_core.measures.bench import Bench, finish
from mesa_core.method.baselines import point
from mesa_core.method.surrogate import Surrogate
from mesa_core.reference.success import FixedSuccess
from mesa_core.victims import windows
from mesa_core.victims.architectures import ResNet9
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

COMPUTE = Compute(torch.device("cpu"), "fp32", "nhwc")
NORMALISE = Normalise((0.5, 0.4, 0.6), (0.25, 0.3, 0.2))
WIDTH = 8
CORNER = torch.tensor([[1, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.bool)


def network(compute: Compute = COMPUTE) -> ResNet9:
    """A small ResNet-9 with weights and running statistics that leave no layer silent."""
    torch.manual_seed(0)
    model = ResNet9(5, WIDTH)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.8, 1.6)
            nn.init.uniform_(module.bias, 0.1, 0.6)  # so that a wrong zero beyond a border is seen
            nn.init.uniform_(module.running_var, 0.2, 0.8)
    return compute.freeze(model)


def asked(model: nn.Module, compute: Compute = COMPUTE) -> Victim:
    return Victim(model, NORMALISE, compute)


def pictures(count: int = 3) -> torch.Tensor:
    """Noise, each with a tint of its own."""
    draw = torch.Generator().manual_seed(1)
    tint = torch.randint(0, 128, (count, 3, 1, 1), generator=draw)
    return (tint + torch.randint(0, 128, (count, 3, 32, 32), generator=draw)).to(torch.uint8)


def everywhere(size: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images, and a patch at every place where one fits: borders, corners, and both parities of every pool."""
    draw, images = torch.Generator().manual_seed(1), pictures()
    at = torch.cartesian_prod(torch.arange(33 - size), torch.arange(33 - size))
    picks = torch.randint(len(images), (len(at),), generator=draw)
    return images, picks, 2 * torch.randn(len(at), 3, size, size, generator=draw), at


def stamped(images: torch.Tensor, picks: torch.Tensor, patches: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """What the whole network is given."""
    batch = images[picks].contiguous(memory_format=torch.channels_last)
    return apply(NORMALISE.images(batch), patches, at)


@pytest.mark.parametrize("size", windows.SIDES)
@pytest.mark.parametrize("depth", windows.DEPTHS)
def test_logits_agree_at_every_place(depth, size):
    model, (images, picks, patches, at) = network(), everywhere(size)
    ours = windows.Local(asked(model), images, depth, size)
    with torch.no_grad():
        whole = model(stamped(images, picks, patches, at))
        clean = model(NORMALISE.images(images[picks]))
        found = ours(picks, patches, at)
    assert (whole - clean).abs().amax(1).min() > 1e-3, "every patch must matter, or nothing is tested"
    torch.testing.assert_close(found, whole, rtol=0, atol=1e-4)
    again = ours(picks[:7], patches[:7], at[:7])  # the kept maps were not written into
    torch.testing.assert_close(again, whole[:7], rtol=0, atol=1e-4)
    held = sum(maps.nbytes for maps in ours.kept)
    assert held == len(images) * windows.bytes_per_image(WIDTH, depth, torch.float32)


@pytest.mark.parametrize("size", windows.SIDES)
@pytest.mark.parametrize("depth", windows.DEPTHS)
def test_gradients_agree(depth, size):
    model, (images, picks, patches, at) = network(), everywhere(size)
    far = 32 - size
    corner = ((at == 0) | (at == far)).all(1).nonzero().squeeze(1)
    some = torch.cat([torch.arange(0, len(at), 7), corner])
    picks, patches, at = picks[some], patches[some], at[some]
    ours = windows.Local(asked(model), images, depth, size)
    pair = []
    for through in (lambda t: model(stamped(images, picks, t, at)), lambda t: ours(picks, t, at)):
        leaf = patches.clone().requires_grad_()
        through(leaf).log_softmax(1)[:, 0].sum().backward()
        pair.append(leaf.grad)
    assert pair[0].abs().amax((1, 2, 3)).min() > 0
    torch.testing.assert_close(pair[1], pair[0], rtol=1e-3, atol=1e-4)


def test_a_wrong_border_or_a_window_off_the_pools_grid_would_be_seen(monkeypatch):
    model, (images, picks, patches, at) = network(), everywhere()
    with torch.no_grad():
        whole = model(stamped(images, picks, patches, at))
        ours = windows.Local(asked(model), images, "pool1")
        monkeypatch.setattr(windows, "inside", lambda at, size, width: torch.ones(len(at), 1, size, size))
        wrong = (ours(picks, patches, at) - whole).abs().amax(1) > 1e-4
        border = ((at < 2) | (at > 27)).any(1)
        assert wrong[border].float().mean() > 0.5
        assert not wrong[((at > 5) & (at < 24)).all(1)].any(), "inside, no mask is needed"
        monkeypatch.undo()
        moved = (ours(picks, patches, at + torch.tensor([[1, 0]])) - whole).abs().amax(1)
        assert (moved[at[:, 0] < 29] > 1e-4).float().mean() > 0.9


def kept(
    model: nn.Module | None = None, compute: Compute = COMPUTE, size: int = 3, passes: float = 6, memory: int = 1 << 30
):
    """The depth of what is kept of three images, or None."""
    found = windows.prepare(asked(model or network(compute), compute), pictures(), size, passes, memory)
    return None if found is None else windows.DEPTHS[found.depth]


def test_as_much_is_kept_as_memory_holds():
    sizes = [3 * windows.bytes_per_image(WIDTH, depth, torch.float32) for depth in windows.DEPTHS]
    assert sizes == sorted(sizes)
    assert [kept(memory=size) for size in sizes] == list(windows.DEPTHS)
    assert [kept(memory=size - 1) for size in sizes] == [None, "pool1", "res1"]
    half = Compute(torch.device("cpu"), "bf16", "nhwc")
    assert kept(compute=half, memory=sizes[-1] // 2) == "pool2"


def test_only_what_was_measured_to_pay_is_done():
    assert kept() == "pool2"
    assert kept(passes=5) is None, "maps that are hardly used cost more than they save"
    assert kept(compute=Compute(torch.device("cpu"), "fp32", "nchw")) is None
    assert kept(size=9) is None
    assert kept(nn.Sequential(nn.Flatten(), nn.Linear(3072, 5))) is None
    assert kept(ResNet9(5, WIDTH).eval()) is None, "its normalisation is not folded"
    assert kept(network().requires_grad_(True)) is None, "it may still change"
    assert kept(network().bfloat16()) is None, "not in the precision of the run"
    wide = torch.zeros(3, 3, 48, 48, dtype=torch.uint8)
    assert windows.prepare(asked(network()), wide, 3, 6, 1 << 30) is None


def bench(memory: int) -> Bench:
    return Bench(ImageSet(pictures(40), torch.arange(40) % 5), 0, 1, memory=memory)


def level(model: ResNet9) -> ResNet9:
    """The same without a class that wins always."""
    batch = pictures(40).contiguous(memory_format=torch.channels_last)
    model.linear.bias -= model(NORMALISE.images(batch)).mean(0)
    return model


def test_a_bench_measures_the_same_with_less_work():
    model, original = asked(level(network())), torch.ones(3, 3, 3)
    seen, deepest = [], 40 * windows.bytes_per_image(WIDTH, "pool2", torch.float32)
    for memory in (0, deepest, 40 * windows.bytes_per_image(WIDTH, "pool1", torch.float32), 1000):
        made, told = bench(memory), {}
        value = finish(
            made.evaluate(
                model, original, torch.rand(6, 3, 3, 3, generator=torch.Generator().manual_seed(0)), 20, 2, 2, told
            )
        )
        seen.append((value, told["landscape"].tolist(), told["original"].tolist()))
        depth = None if made._local is None else windows.DEPTHS[made._local.depth]
        assert depth == {0: None, deepest: "pool2", 1000: None}.get(memory, "pool1")
    assert seen[1:] == seen[:1] * 3
    assert seen[0][0].asr.worst.value > 0, "a victim that nothing turns would prove nothing"
    assert len(set(seen[0][1])) > 2


def test_a_bench_forgets_a_victim_for_the_next_and_a_wrong_map_would_be_seen():
    one, other = level(network()), network()
    other.linear.weight.neg_()
    one, other = asked(one), asked(level(other))
    made, rates = bench(1 << 30), []
    for model in (one, other, one):
        rates.append(finish(made.landscape(model, 2)).asr.tolist())
        assert made._local.model is model.model
    assert rates[0] == rates[2] == finish(bench(0).landscape(one, 2)).asr.tolist()
    assert rates[1] == finish(bench(0).landscape(other, 2)).asr.tolist() != rates[0]
    made._local.kept[0].neg_()  # other clean images behind the same stamps
    assert finish(made.landscape(one, 2)).asr.tolist() != rates[0]


def test_few_images_are_taken_through_the_whole_network_until_there_were_many():
    made, model = bench(1 << 30), asked(network())
    plain = finish(made.plain(model))
    finish(made.of_trigger(model, plain, torch.ones(3, 3, 3)))  # 32 images of other classes
    assert made._local is None
    finish(made.of_trigger(model, plain, torch.zeros(3, 3, 3)))
    finish(made.of_trigger(model, plain, torch.zeros(3, 3, 3)))
    assert made._local is not None, "96 passes are more than twice 40 images"


def f_and_slope(surrogate: Surrogate, size: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    triggers = torch.rand(2, 30, 3, size, size, generator=draw).requires_grad_()
    success = surrogate(triggers, draw)
    return success.detach(), torch.autograd.grad(success.sum(), triggers)[0]


@pytest.mark.parametrize(("size", "per_trigger"), [(3, 1), (3, 3), (5, 2)])
def test_f_and_its_gradient_agree(size, per_trigger):
    images = pictures(40)
    whole = Surrogate(asked(level(network())), images, torch.tensor([1, 3]), per_trigger)
    ours = whole.expecting(40, size)
    assert ours.local is not None
    assert whole.expecting(39, size).local is None, "too few to pay"
    assert whole.expecting(10**6, size, memory=1000).local is None
    (f, slope), (own, own_slope) = f_and_slope(whole, size), f_and_slope(ours, size)
    assert f.std() > 0.01
    assert slope.abs().amax((2, 3, 4)).min() > 0
    torch.testing.assert_close(own, f, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(own_slope, slope, rtol=1e-3, atol=1e-5)
    ours.local.kept[0].neg_()
    wrong, wrong_slope = f_and_slope(ours, size)
    assert (wrong - f).abs().max() > 1e-3
    assert (wrong_slope - slope).abs().max() > 1e-3


def test_a_point_defence_finds_the_same_trigger(monkeypatch):
    surrogate = Surrogate(asked(level(network())), pictures(40), torch.tensor([1]))
    find = lambda: finish(point.reverse(surrogate, 2, 8, 5, 0.1, torch.Generator().manual_seed(0)))
    seen, through = [], windows.Local.__call__
    monkeypatch.setattr(windows.Local, "__call__", lambda self, *a: seen.append(len(a[0])) or through(self, *a))
    found = find()
    assert seen == [16] * 5
    monkeypatch.setattr(Surrogate, "expecting", lambda self, *_: self)
    torch.testing.assert_close(found, find(), rtol=0, atol=1e-4)
    assert len(seen) == 5, "the second went through the whole network"


def test_a_reference_asks_the_same_f():
    images, x = pictures(40), torch.rand(50, 27, generator=torch.Generator().manual_seed(0))
    ours = FixedSuccess(asked(level(network())), images, 1, 0, count=7)
    assert len(ours.local.kept[0]) == 7
    found, value = ours.slope(x), ours.value(x)
    kept_maps, ours.local = ours.local, None
    whole = ours.slope(x)
    assert whole[0].std() > 1e-3
    torch.testing.assert_close(value, whole[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[0], whole[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[1], whole[1], rtol=1e-3, atol=1e-5)
    ours.local = kept_maps
    ours.local.kept[0].neg_()
    assert (ours.value(x) - value).abs().max() > 1e-3


def agree(patches, *ways):
    """Asserts that two ways from patches to logits agree, with their gradients; returns the first one's logits."""
    pair = []
    for through in ways:
        leaf = patches.clone().requires_grad_()
        logits = through(leaf)
        logits.log_softmax(1)[:, 0].sum().backward()
        pair.append((logits.detach(), leaf.grad))
    torch.testing.assert_close(pair[1][0], pair[0][0], rtol=0, atol=1e-4)
    torch.testing.assert_close(pair[1][1], pair[0][1], rtol=1e-3, atol=1e-4)
    return pair[0][0]


@pytest.mark.parametrize("size", [1, 3, 5])
def test_what_has_a_shape_agrees_at_every_place_with_its_gradient(size):
    model, (images, picks, patches, at) = network(), everywhere(size)
    mask = torch.rand(size, size, generator=torch.Generator().manual_seed(4)) < 0.6
    mask[0, 0] = True
    ours, rule = windows.Local(asked(model), images, size=size), Shaped(Anywhere(), mask)
    batch = NORMALISE.images(images[picks].contiguous(memory_format=torch.channels_last))
    whole = agree(patches, lambda t: model(rule(batch, t, at)), lambda t: ours(picks, t, at, opacity_of(rule)))
    if size > 1:
        with torch.no_grad():
            assert (ours(picks, patches, at) - whole).abs().amax(1).min() > 1e-3, "a full square is something else"


@pytest.mark.parametrize("depth", windows.DEPTHS)
def test_what_is_blended_agrees_at_every_place_with_its_gradient(depth):
    model, (images, picks, patches, at) = network(), everywhere()
    ours, rule = windows.Local(asked(model), images, depth), Blended(Anywhere(), 0.3)
    batch = NORMALISE.images(images[picks].contiguous(memory_format=torch.channels_last))
    whole = agree(patches, lambda t: model(rule(batch, t, at)), lambda t: ours(picks, t, at, 0.3))
    with torch.no_grad():
        assert (ours(picks, patches, at) - whole).abs().amax(1).min() > 1e-3, "overwriting is something else"


RULES = {
    "fixed": Fixed("3,29"),
    "blended": Blended(Anywhere(), 0.4),
    "blended, fixed": Blended(Fixed(), 0.4),
    "shaped": Shaped(Anywhere(), CORNER),
    "shaped, blended": Shaped(Blended(Anywhere(), 0.8), CORNER),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_bench_measures_the_same_by_each_rule(rule):
    images, found = ImageSet(pictures(40), torch.arange(40) % 5), []
    model = asked(level(network()))
    for memory in (0, 1 << 30):
        made = Bench(images, 0, 1, memory=memory, rule=rule, searched=Anywhere())
        plain = finish(made.plain(model))
        samples = torch.rand(40, 3, 3, 3, generator=torch.Generator().manual_seed(0))
        found.append(
            (
                finish(made.of_trigger(model, plain, torch.ones(3, 3, 3))),
                *finish(made.of_samples(model, plain, samples, 8))[:2],
            )
        )
        map_ = finish(made.landscape(model, 4))
        found[-1] += tuple(map_.asr)
        assert (made._local is not None) == (memory > 0)
    assert found[0] == found[1]


def test_samples_lie_where_the_defender_puts_them_and_the_original_where_the_attacker_does():
    images = ImageSet(torch.zeros(40, 3, 32, 32, dtype=torch.uint8), torch.arange(40) % 5)

    class InTheCorner(nn.Module):
        """Answers 0 where the last pixel is white, else 1."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            white = x[:, 0, -1, -1] > 0.5
            return torch.stack([white.float(), 0.5 + 0 * white], 1)

    victim, white = Victim(InTheCorner()), torch.ones(1, 3, 3, 3)
    made = Bench(images, 0, 1, rule=Fixed(), searched=Fixed("top-left"))
    plain = finish(made.plain(victim))
    assert finish(made.of_trigger(victim, plain, white[0]))[0].value == 1
    assert finish(made.of_samples(victim, plain, white, 20))[0].value == 0
    assert finish(Bench(images, 0, 1, rule=Fixed()).of_samples(victim, plain, white, 20))[0].value == 1
