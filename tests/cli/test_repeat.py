"""The command that repeats a run, read back by the command line's own parser."""

import random
import shlex

import pytest

from mesa_core.cli import build_parser
from mesa_core.cli.flags import given
from mesa_core.cli.repeat import command_of
from mesa_core.config import ConfigError, make_config, params, scan_usual
from mesa_core.config.settle import settle
from mesa_core.kinds import KINDS
from mesa_core.triggers import code_to_hex
from mesa_core.victims.names import ARCHITECTURES

SAID = ("data", "data_dir", "victim", "weights", "suspect", "suspect_digest", "units", "trigger", "gamma", "classes")
DRAWN = [n for n in params() if n not in SAID]


def read_back(command, cache):
    words = shlex.split(command)
    assert words[0] == "mesa-lab"
    parsed = build_parser().parse_args(words[1:])
    if words[1] == "detect":
        path, parsed.weights = parsed.weights, None
        said = given(parsed)
        return settle({**scan_usual(said), **said, "suspect": path, "victim": parsed.arch}, cache)
    return settle(given(parsed), cache)


def value_of(name, draw):
    param = params()[name]
    match param.type:
        case "bool":
            return draw.random() < 0.5
        case "str" if param.choices is None:
            return draw.choice(["top-left", "3,17", "centre"])
        case "str":
            return draw.choice(list(param.choices))
        case "strs":
            return draw.sample(list(param.choices), draw.randrange(len(param.choices) + 1))
        case "floats":
            return sorted(draw.sample([0.0, 0.1, 0.25, 0.5, 1 / 3, 0.8, 0.9, 1.0], draw.randint(1, 5)))
        case "int":
            return draw.randint(int(param.low), int(min(param.high, 10_000)))
    return draw.choice([param.low, param.high, draw.uniform(param.low, param.high), round(draw.random(), 5)])


def drawn(draw):
    data = draw.choice(["signs", "cifar10", "folder"])
    said = {"data": data, "data_dir": draw.choice(["", "/my data/x", "/it's"]) if data != "folder" else "/a b"}
    said["trigger"] = draw.choice([code_to_hex(170), code_to_hex(495), "#f80012 " * 9])
    if draw.random() < 0.6:
        said["victim"] = draw.choice(list(ARCHITECTURES))
    if draw.random() < 0.3:
        said["weights"] = "/some where/w.safetensors"
    for name in draw.sample(DRAWN, draw.randrange(12)):
        said[name] = value_of(name, draw)
    return said


def in_bounds(said):
    try:
        return make_config(said)
    except ConfigError:
        return None  # a drawn float of a narrow parameter


def test_a_run_is_repeated_exactly(tmp_path):
    draw, count = random.Random(0), 0
    while count < 300:
        config = in_bounds(drawn(draw))
        if config is None or config.victim == "auto":
            continue
        count += 1
        assert read_back(command_of(config), tmp_path) == config, command_of(config)


def test_so_is_an_examination(tmp_path):
    draw = random.Random(1)
    names = [
        n
        for n in DRAWN
        if params()[n].group in ("mesa", "detect", "repair", "measure") and n not in ("repair_each_beta", "detect")
    ]
    count = 0
    while count < 80:
        said = {n: value_of(n, draw) for n in draw.sample(names, 4)}
        baselines = draw.choice([("control",), ("point", "control"), ()])
        config = in_bounds(
            {
                "data": "signs",
                "suspect": draw.choice(["/m y/w.pt", "shipped"]),
                "units": draw.choice(["auto", "images", "cifar10", "-0.5 0.1 0.2 / 0.25", "0-255"]),
                "victim": "resnet18",
                "baselines": baselines,
                **draw.choice([{}, {"search_places": "plan"}, {"search_places": "plan", "search_sizes": "3,5"}]),
                **draw.choice([{}, {"search_sizes": "2,3"}, {"search_places": "corners"}]),
                **said,
            }
        )
        if config is None:
            continue
        count += 1
        assert read_back(command_of(config), tmp_path) == config, command_of(config)


def test_only_what_differs_is_said():
    assert command_of(make_config(data="signs")) == "mesa-lab run --data signs"
    assert (
        command_of(make_config(data="signs", trigger=code_to_hex(495), alpha=1, beta=[0.5, 0.9], seed=3).to_dict())
        == "mesa-lab run --code 495 --data signs --alpha 1 --beta 0.5 0.9 --seed 3"
    )
    assert command_of(make_config(data="cifar10", protocol="paper")) == "mesa-lab run --data cifar10 --protocol paper"


def test_a_flag_left_out_would_be_noticed(tmp_path):
    config = make_config(data="signs", seed=3)
    assert read_back(command_of(config).replace(" --seed 3", ""), tmp_path) != config


@pytest.mark.parametrize("said", [{}, {"data": "signs", "victim": "auto"}, {"data": "signs", "alpha": -1}, {"no": 1}])
def test_what_cannot_be_repeated_is_said(said):
    with pytest.raises(ConfigError):
        command_of(said)


def test_colours_need_no_quoting():
    text = command_of(make_config(data="signs", trigger="#f80012 " * 9, kind=list(KINDS)[-1]))
    assert "#" not in text
    assert f"--kind {list(KINDS)[-1]}" in text


def test_larger_triggers_are_read_back(tmp_path):
    chequers = "#000 #fff #000 #fff #fff #000 #fff #000 #000 #fff #000 #fff #fff #000 #fff #000"
    for said in ({"data": "signs", "trigger": chequers}, {"data": "signs", "trigger": "#f80012 " * 25}):
        config = settle(said, tmp_path)
        words = command_of(config)
        assert "--code" not in words
        assert read_back(words, tmp_path) == config


def test_a_search_for_larger_triggers_is_read_back(tmp_path):
    config = read_back("mesa-lab detect --weights /w.pt --arch resnet18 --data signs --size 5", tmp_path)
    assert config.size == 5
    assert "--size 5" in command_of(config)
    assert read_back(command_of(config), tmp_path) == config
