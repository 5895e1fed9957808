"""Every page after every other, with a control changed before."""

import random

import pytest
from walking import PAGES, Walk

from dashboard import keys
from dashboard.serving import images
from mesa_core.data.sources import classes_of


@pytest.fixture(autouse=True)
def empty(home):
    """An empty store."""


@pytest.mark.parametrize("first", PAGES)
def test_each_page_opens_after_each_other_with_a_control_changed_before(first):
    rng, walk = random.Random(first), Walk(first)
    walk.check("opening")
    for second in PAGES:
        controls = walk.controls()
        if controls:
            walk.send(walk.changed(rng.choice(controls), rng))
            walk.check("a change")
        walk.go(second)
        walk.check(f"coming from {first}")
        walk.go(first)
        walk.check(f"coming back from {second}")


def test_no_two_pages_share_a_key_of_a_control():
    found = {page: {c.id.rsplit("-", 1)[-1] for c in Walk(page).controls()} for page in PAGES}
    assert all(found[page] for page in ("lab", "landscape", "compare", "paper", "learn"))
    for a in PAGES:
        for b in PAGES:
            assert a == b or not found[a] & found[b], (a, b)


def control(walk, key):
    return next(one for one in walk.controls() if one.id.endswith(f"-{key}"))


def test_a_label_of_other_images_is_read_back_and_reaches_neither_settings_nor_address(monkeypatch):
    monkeypatch.setattr(images, "_here", lambda *_: ("cifar10", "signs"))
    walk = Walk(data="signs")
    old = control(walk, "c_target")
    old.string_value = f"3 · {classes_of('signs')[3]}"
    walk.send(old)
    data = control(walk, "c_data")
    data.string_value = "CIFAR-10"
    walk.send(data)
    assert control(walk, "c_target").string_value == f"3 · {classes_of('cifar10')[3]}"
    walk.send(old)  # what a browser sends that has not seen the new labels yet
    walk.check("an old label")
    assert walk.address() == {"data": "cifar10", "target": "3", "screen": "all"}
    next(b for b in walk.at.button if b.label == "Run").click().run()
    walk.check("Run")
    assert not [e.value for e in walk.at.error if "must be a number" in e.value]


@pytest.mark.parametrize("word", ["0 · stop", "nonsense", "None", "", "🔥"])
def test_what_is_no_option_counts_as_what_was_held(word):
    walk = Walk(target="4")
    for key in ("c_target", "c_data", "c_protocol", "c_victim", "c_kind", "c_measure"):
        new = control(walk, key)
        new.string_value = word
        walk.send(new)
        walk.check(f"{key}={word}")
    assert walk.address().get("target") in (("0", None) if word.startswith("0") else ("4",))


def test_a_value_that_cannot_be_compared_is_no_option():
    assert not keys.fits(["a"], {"a": 1})
    assert not keys.fits(None, (None,))
    assert keys.fits("a", {"a": 1})
