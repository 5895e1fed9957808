"""The ten-line way: what it returns, what it says, and what it refuses, on networks and images of a user's own."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import mesa_core
from mesa_core import Normalise, Victim, attack, detect, evaluate, repair, sample
from mesa_core.config import ConfigError
from mesa_core.data import DataError
from mesa_core.data.given import image_set

QUIET = {"progress": None}


def network(classes: int = 4) -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(16, classes))


def pictures(classes: int = 4, count: int = 240, size: tuple[int, int] = (20, 24)) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, *size, generator=draw), torch.arange(count) % classes


@pytest.fixture(scope="module")
def attacked() -> Victim:
    clean = Victim(network(), Normalise((0.5,) * 3, (0.25,) * 3))
    return attack(clean, pictures(count=400), 495, 1, attack_epochs=8.0, attack_ratio=0.3, attack_lr=0.05, **QUIET)


def test_a_network_of_ones_own_goes_the_whole_way(attacked):
    clean = Victim(network(), Normalise((0.5,) * 3, (0.25,) * 3))
    before = evaluate(attacked, pictures(), 1, trigger=495)
    assert before.asr.value > 0.9
    assert evaluate(clean, pictures(), 1, trigger=495).asr.value < 0.5, "the negative control: before the attack"
    found = detect(attacked, pictures(), detect_steps=20, **QUIET)
    assert found.asr[1].value == max(m.value for m in found.asr)
    triggers = sample(attacked, pictures(), 1, n=64, mesa_steps=40, **QUIET)
    assert triggers.triggers.shape == (3, 64, 3, 3, 3)
    assert triggers.asr[2].value > 0.8
    healed = repair(attacked, pictures(), triggers, repair_epochs=8.0, repair_ratio=0.5, **QUIET)
    assert healed.after.asr.value < healed.before.asr.value
    again = evaluate(attacked, pictures(), 1, trigger=495)
    assert again == before, "the attacked network was changed"


def test_an_attack_that_does_not_take_is_said_and_one_that_does_is_not():
    clean, data = Victim(network(), Normalise((0.5,) * 3, (0.25,) * 3)), pictures(count=400)
    with pytest.warns(UserWarning, match=r"did not take: .* of 300 images only\. Raise attack_ratio"):
        attack(clean, data, 495, 1, attack_epochs=0.1, **QUIET)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attack(clean, data, 495, 1, attack_epochs=8.0, attack_ratio=0.3, attack_lr=0.05, **QUIET)


def test_the_same_seed_gives_the_same_and_another_does_not(attacked):
    one, same, other = (sample(attacked, pictures(), 1, n=8, mesa_steps=3, seed=s, **QUIET) for s in (1, 1, 2))
    assert torch.equal(one.triggers, same.triggers)
    assert not torch.equal(one.triggers, other.triggers)


def test_samples_with_opacities_go_the_whole_way_without_another_word(attacked):
    triggers = sample(attacked, pictures(), 1, n=64, mesa_steps=40, search_opacity="sampled", **QUIET)
    assert triggers.triggers.shape == (3, 64, 4, 3, 3)
    assert triggers.asr[2].value > 0.5
    assert evaluate(attacked, pictures(), 1, samples=triggers).asr.value > 0.4
    healed = repair(attacked, pictures(), triggers, repair_epochs=1.0, **QUIET)
    assert healed.before.asr.value > 0.4
    gone = triggers.triggers[0].clone()
    gone[:, 3] = 0.0
    nothing = repair(attacked, pictures(), gone, target=1, repair_epochs=0.1, **QUIET)
    assert nothing.before.effective_asr.value == 0, "the negative control: the same colours, of which nothing is seen"
    assert healed.before.effective_asr.value > 0.2
    with pytest.raises(ConfigError, match="with opacities"):
        repair(attacked, pictures(), triggers.triggers[0, :, :2], target=1, **QUIET)


@pytest.mark.slow
@pytest.mark.parametrize(("classes", "size"), [(2, (12, 12)), (43, (64, 64))])
def test_any_size_and_any_number_of_classes(classes, size):
    data = pictures(classes, 2 * classes + 40, size)
    victim = attack(Victim(network(classes)), data, 170, classes - 1, attack_epochs=0.5, **QUIET)
    assert len(detect(victim, data, detect_steps=1, **QUIET).asr) == classes
    assert sample(victim, data, 0, n=4, size=5, mesa_steps=1, **QUIET).triggers.shape == (3, 4, 3, 5, 5)


def test_tensors_datasets_and_loaders_are_the_same_images():
    images, labels = pictures(count=50)
    whole = image_set(images, labels)
    data = torch.utils.data.TensorDataset(images, labels)
    for given in ((images, labels), data, torch.utils.data.DataLoader(data, batch_size=8), whole):
        found = image_set(given)
        assert torch.equal(found.images, whole.images)
        assert torch.equal(found.labels, whole.labels)
    assert whole.images.dtype == torch.uint8
    assert torch.equal(image_set(whole.images, labels).images, whole.images)


def test_pillow_pictures_of_a_dataset_are_read_as_they_look():
    from PIL import Image

    class Pictures(torch.utils.data.Dataset):
        def __len__(self):
            return 30

        def __getitem__(self, i):
            return Image.new("RGB", (7, 5), (i, 0, 255)), i % 3

    found = image_set(Pictures())
    assert found.images.shape == (30, 3, 5, 7)
    assert found.images[9, :, 0, 0].tolist() == [9, 0, 255]


images, labels = pictures(count=40)
BAD_DATA = {
    "no labels": (images, None, "have no labels"),
    "normalised": (images * 4 - 2, labels, "without normalisation"),
    "not a number": (images / 0, labels, "give them in"),
    "grey": (images[:, :1], labels, "expand"),
    "one image": (images[0], labels, "the shape"),
    "too few": (images[:5], labels[:5], "give 20 or more"),
    "fewer labels": (images, labels[:30], "one label an image"),
    "soft labels": (images, torch.rand(40, 4), "whole numbers"),
    "negative": (images, labels - 1, "labels begin at 0"),
    "integers": (images.long(), labels, "uint8 or floats"),
    "no pairs": ([1, 2, 3], None, "pairs of an image and a label"),
}


@pytest.mark.parametrize("what", BAD_DATA)
def test_data_that_cannot_be_used_is_refused_in_one_sentence(what):
    data, told, words = BAD_DATA[what]
    with pytest.raises(DataError, match=words) as refused:
        image_set(data, told)
    assert "\n" not in str(refused.value)


class Tells(nn.Module):
    """Returns what it was made with."""

    def __init__(self, answer) -> None:
        super().__init__()
        self.answer, self.weight = answer, nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.answer


BAD_CALLS = {
    "a bare network": (lambda: evaluate(network(), pictures(), 0), "give Victim"),
    "another size": (lambda: evaluate(Victim(nn.Linear(3, 4)), pictures(), 0), "does not take images of 3x20x24"),
    "no logits": (lambda: evaluate(Victim(Tells({"out": 1})), pictures(), 0), "must return logits"),
    "a map": (lambda: evaluate(Victim(Tells(torch.zeros(2, 4, 5))), pictures(), 0), "must return logits"),
    "no weights": (lambda: evaluate(Victim(nn.Flatten()), pictures(), 0), "no parameters"),
    "labels beyond it": (lambda: evaluate(Victim(network(3)), pictures(4), 0), "the classes 0 to 2"),
    "no such class": (lambda: evaluate(Victim(network()), pictures(), 4), "from 0 to 3"),
    "no such code": (lambda: evaluate(Victim(network()), pictures(), 0, trigger=512), "from 0 to 511"),
    "no trigger": (lambda: evaluate(Victim(network()), pictures(), 0, trigger=np.ones((3, 9, 9))), "A trigger is"),
    "bright": (lambda: evaluate(Victim(network()), pictures(), 0, trigger=np.full((3, 3, 3), 2.0)), "A trigger is"),
    "no parameter": (lambda: sample(Victim(network()), pictures(), 0, alhpa=1), "no parameter 'alhpa'"),
    "out of range": (lambda: sample(Victim(network()), pictures(), 0, alpha=-1), "the least allowed"),
    "a size": (lambda: sample(Victim(network()), pictures(), 0, size=9), "choose one of"),
    "too large": (lambda: sample(Victim(network()), pictures(size=(4, 4)), 0, size=5), "does not fit"),
    "no triggers": (lambda: repair(Victim(network()), pictures(), torch.rand(3, 3), target=0), "Samples, or a tensor"),
}


@pytest.mark.parametrize("what", BAD_CALLS)
def test_a_wrong_call_is_refused_in_one_sentence_before_any_work(what):
    call, words = BAD_CALLS[what]
    with pytest.raises((ConfigError, DataError), match=words) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_results_say_n_and_interval_and_draw_their_triggers(attacked):
    triggers = sample(attacked, pictures(), 1, n=8, mesa_steps=2, **QUIET)
    assert "β = 0.5: ASR" in repr(triggers)
    assert "n = " in repr(triggers)
    assert triggers._repr_html_().count("<svg") == 3 * 8
    healed = repair(attacked, pictures(), triggers, repair_epochs=0.5, **QUIET)
    assert [line.split(":")[0].strip() for line in repr(healed).splitlines()] == ["Repaired", "before", "after"]


def test_progress_is_told_to_whoever_asks(attacked):
    told = []
    sample(attacked, pictures(), 1, n=4, mesa_steps=5, progress=told.append)
    assert told[-1].done == told[-1].total == 5


def test_the_face_is_there_and_brings_no_torch():
    assert set(mesa_core.__all__) <= set(dir(mesa_core))
    assert all(getattr(mesa_core, name) is not None for name in mesa_core.__all__)
    with pytest.raises(AttributeError):
        _ = mesa_core.no_such_name
    code = "import mesa_core, sys; sys.exit('torch' in sys.modules or mesa_core.attack is None)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_where_a_trigger_works_is_mapped():
    images = torch.rand(30, 3, 12, 12, generator=torch.Generator().manual_seed(0)) * 0.5

    class AtOnePlace(torch.nn.Module):
        """Class 0 where the pixel at row 5, column 8 is white."""

        def __init__(self) -> None:
            super().__init__()
            self.unused = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return torch.stack([2.0 * (x[:, 0, 5, 8] > 0.9), torch.ones(len(x))], 1)

    found = mesa_core.places(Victim(AtOnePlace()), (images, torch.arange(30) % 2), 0, 511, images=5, progress=None)
    assert found.asr.shape == (10, 10)
    assert found.asr[3:6, 6:9].min() == 1
    assert found.asr.sum() == 9
    with pytest.raises(ConfigError, match="at least 1"):
        mesa_core.places(Victim(AtOnePlace()), (images, torch.arange(30) % 2), 0, 511, images=0)


def test_a_search_by_a_plan_of_places_hands_over_the_triggers_that_it_measured(attacked):
    found = detect(attacked, pictures(), detect_steps=2, search_places="corners", **QUIET)
    assert found.triggers.shape[2:] == (3, 3, 3)
    assert "corners" in found.words
