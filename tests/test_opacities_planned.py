"""Opaque, then transparent: how a plan of opacities is written, said, carried out and remembered."""

import pytest

from mesa_core.apply import opacities
from mesa_core.cli.repeat import arguments_of
from mesa_core.config import ConfigError, make_config
from mesa_core.config.identity import identity_of
from mesa_core.config.placing import covers
from mesa_core.measures.intervals import proportion
from mesa_core.measures.verdict import ClassFound, Detection
from mesa_core.method import covering
from mesa_core.method.detection import Glimpse


def test_it_is_spelt_in_one_way():
    assert opacities.spelt("plan") == opacities.spelt(" 1.0 ,SAMPLED") == "1,sampled"
    assert opacities.spelt("") == ""
    assert opacities.spelt("sampled,0.30") == "sampled,0.3", "in the order given"
    assert opacities.listed("", "sampled") == ("sampled",)
    for nonsense in ("opaque", "0", "1.2", "nan", "1,1.0", "1;2", ",".join(f"0.{i}" for i in range(1, 9))):
        with pytest.raises(ValueError, match="names"):
            opacities.spelt(nonsense)
        with pytest.raises(ConfigError):
            make_config(search_opacities=nonsense)


def test_the_search_begins_with_the_first_and_says_all_of_them():
    config = make_config(search_opacities="plan")
    assert (config.search_opacity, config.plans, config.detect) == (1.0, True, True)
    assert covers(config) == "3×3 triggers, opaque, then of an opacity sampled for each pixel, at random places"
    assert make_config(search_opacities="0.3,sampled").search_opacity == 0.3
    assert "search_opacities" not in make_config().to_dict()


def test_a_run_that_found_the_opacity_asks_the_same_question_and_is_repeated_by_the_same_words():
    asked = make_config(data="signs", victim="resnet9-16", search_opacities="plan")
    found = make_config({**asked.to_dict(), "search_opacity": "sampled"})
    assert found.cell == 4
    assert identity_of(found) == identity_of(asked)
    assert arguments_of(found) == arguments_of(asked)
    assert "--search-opacities" in arguments_of(found)
    alone = make_config(data="signs", victim="resnet9-16", search_opacity="sampled")
    assert identity_of(alone) != identity_of(make_config(data="signs", victim="resnet9-16"))
    assert arguments_of(alone)[-2:] == ["--search-opacity", "sampled"]


@pytest.mark.parametrize(("highest", "needed"), [({1.0: 90}, 1), ({1.0: 10, "sampled": 80}, 2), ({}, 2)])
def test_transparent_triggers_are_sought_only_where_opaque_ones_open_no_class(monkeypatch, highest, needed):
    asked, seen = [], []

    def found(victim, defender, classes, config, seed):
        asked.append(config.search_opacity)
        yield Glimpse({"of": config.search_opacity}, True)
        rates = [proportion(highest.get(config.search_opacity, 5) if i == 1 else 5, 100) for i in range(3)]
        each = [ClassFound(number=i, name=str(i), asr=rate, effective_asr=rate) for i, rate in enumerate(rates)]
        return Detection(suspects=[], threshold=0.5, beta=0.8, classes=each).judged()

    monkeypatch.setattr(covering.sized, "find", found)
    work = covering.find(None, None, ("a", "b", "c"), make_config(search_opacities="plan"), 0)
    try:
        while True:
            seen.append(next(work))
    except StopIteration as done:
        verdict = done.value
    assert asked == [1.0, "sampled"][:needed]
    assert [one.arrays["of"] for one in seen] == [asked[-1]], "what is shown is of the last that was searched"
    told = verdict.opacities
    assert told.believed == ({1: "1", 2: "sampled"}[needed] if highest else None)
    assert [one.found for one in told.tried] == [False] * (needed - 1) + [bool(highest)]
    assert Detection.from_json(verdict.to_json()).to_json() == verdict.to_json()
    assert Detection.from_json(verdict.to_json()).opacities.believed == told.believed
    assert ("no others" in told.words) == (needed == 1)
    assert ("believed to be" in told.words) == bool(highest)


def test_without_a_list_nothing_is_said_of_it(monkeypatch):
    def found(*_):
        yield from ()
        return Detection(suspects=[], threshold=0.5, beta=0.8, classes=[])

    monkeypatch.setattr(covering.sized, "find", found)
    work = covering.find(None, None, (), make_config(), 0)
    with pytest.raises(StopIteration) as done:
        next(work)
    assert done.value.value.opacities is None
    assert "opacities" not in done.value.value.to_json()
