import json

import pytest

from mesa_core.config import (
    BUDGETS,
    DATA_PRESETS,
    PROTOCOLS,
    PURPOSES,
    VICTIM_PRESETS,
    ConfigError,
    defaults,
    make_config,
    params,
)
from mesa_core.config.settle import ready, require_settled, settle
from mesa_core.data.locate import DataError


def test_every_parameter_has_help_and_a_default_within_bounds():
    for name, param in params().items():
        assert len(param.help) > 10, name
        assert param.check(name, defaults()[name]) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha", -1),
        ("alpha", "x"),
        ("alpha", float("nan")),
        ("beta", []),
        ("beta", [0.5, 0.5]),
        ("beta", [1.5]),
        ("beta", 0.5),
        ("beta", [0.5, 0.5000001]),
        ("target", 10**400),
        ("target", 1.5),
        ("target", True),
        ("seed", -1),
        ("trigger", "nonsense"),
        ("victim", "resnet99"),
        ("data", "folder"),
        ("gamma", "entropy"),
        ("baselines", ["point", "point"]),
        ("no_such_thing", 1),
    ],
)
def test_bad_values_are_refused_in_one_line(name, value):
    with pytest.raises(ConfigError) as caught:
        make_config({name: value})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_choices_and_bounds_are_given_where_they_are_declared_and_refused_where_not():
    known = params()
    assert known["measure"].options() == list(known["measure"].choices)
    assert (known["mesa_steps"].least(), known["seed"].most()) == (known["mesa_steps"].low, known["seed"].high)
    assert isinstance(known["seed"].most(), int)
    free = known["data_dir"]
    assert (free.choices, free.low, free.high) == (None, None, None)
    for asked in (free.options, free.least, free.most):
        with pytest.raises(ValueError, match="has no"):
            asked()


def test_a_config_survives_json():
    config = make_config(alpha=1.0, beta=[0.9, 0.5], baselines=[])
    again = make_config(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert config.beta == (0.5, 0.9)


# Appendix B, parameter by parameter; where it is silent PROTOCOLS says why a value was chosen.
APPENDIX_B = {
    "victim": "resnet18",
    "attack_ratio": 0.01,
    "attack_lr": 0.001,
    "attack_batch": 128,
    "attack_epochs": 10.0,
    "repair_ratio": 0.01,
    "repair_lr": 0.001,
    "repair_batch": 128,
    "repair_epochs": 10.0,
    "alpha": 0.1,
    "beta": (0.5, 0.8, 0.9),
    "mesa_lr": 0.0002,
    "noise_dim": 64,
    "hidden": 512,
    "noise": "uniform",
    "images_per_trigger": 1,
    "point_lr": 0.1,
    "point_seeds": 10,
}
# Where Appendix B is silent: 8,000 images, 50 epochs for a generator, 5 for a point, in batches of 128.
CHOSEN = {
    "clean_epochs": 60,
    "attack_stop": 1.0,
    "attack_decay": False,
    "mesa_steps": 50 * 8000 // 128,
    "mesa_batch": 128,
    "mesa_beta1": 0.9,
    "noise_every_layer": False,
    "last_activation": True,
    "mine_average": 0.01,
    "detect_steps": 50 * 8000 // 128,
    "detect_batch": 128,
    "repair_decay": False,
    "point_steps": -(-5 * 8000 // 128),
}


def test_the_paper_protocol_is_appendix_b():
    whole = {**APPENDIX_B, **CHOSEN}
    config = make_config(protocol="paper")
    assert {name: getattr(config, name) for name in whole} == whole
    assert set(PROTOCOLS["paper"]) == set(whole), "a parameter of the paper's protocol that no test holds"
    assert config.kind == "mine"


def test_presets_name_only_known_parameters_and_say_why():
    for preset in (
        *PROTOCOLS.values(),
        *DATA_PRESETS.values(),
        *VICTIM_PRESETS.values(),
        *BUDGETS.values(),
        *PURPOSES.values(),
    ):
        for name, (_, why) in preset.items():
            assert name in params()
            assert why


@pytest.mark.parametrize(("budget", "ratio"), [("compare", 0.05), ("careful", 0.3)])
def test_a_budget_decides_the_repair_of_all_images_and_protocols_and_what_is_said_counts_more(budget, ratio):
    paper = make_config(protocol="paper")
    for said in ({"data": "signs"}, {"data": "cifar10", "victim": "resnet9-16"}, {"protocol": "paper"}):
        config = make_config(said, budget=budget)
        assert config.repair_ratio == ratio
        for name in ("repair_lr", "repair_batch", "repair_epochs", "repair_decay"):
            assert getattr(config, name) == getattr(paper, name)
    assert make_config(budget=budget, repair_ratio=0.05).repair_ratio == 0.05
    assert make_config(data="signs", budget="own") == make_config(data="signs")
    assert "budget" not in make_config(data="signs").to_dict()


def test_a_victim_has_presets_of_its_own_on_its_data():
    own = {name: value for name, (value, _) in VICTIM_PRESETS["cifar10", "resnet9-16"].items()}
    chosen = lambda **said: {name: getattr(make_config(**said), name) for name in own}
    assert chosen(data="cifar10", victim="resnet9-16") == own
    for others in ({"data": "cifar10"}, {"data": "cifar10", "victim": "resnet9-32"}, {"victim": "resnet9-16"}):
        assert chosen(**others) != own
    assert chosen(data="cifar10", victim="resnet9-16", protocol="paper") == chosen(protocol="paper")
    assert make_config(data="cifar10", victim="resnet9-16", repair_ratio=0.1).repair_ratio == 0.1


def test_auto_takes_the_presets_of_the_data_that_is_found(tmp_path, monkeypatch):
    monkeypatch.delenv("MESA_LAB_DATA", raising=False)
    found = settle({"seed": 3, "victim": "auto"}, tmp_path)
    assert found == make_config(data="signs", seed=3)
    assert (found.data, found.victim, found.attack_ratio) == ("signs", "resnet9-16", 0.2)
    assert settle({"data": "cifar10", "victim": "auto"}, tmp_path).victim == "resnet9-32"
    assert settle({"protocol": "paper"}, tmp_path).victim == "resnet18"
    assert settle({"attack_ratio": 0.3}, tmp_path).attack_ratio == 0.3
    with pytest.raises(ConfigError, match="auto"):
        require_settled(make_config())


def test_a_directory_without_the_data_is_not_passed_over_in_silence(tmp_path, monkeypatch):
    monkeypatch.delenv("MESA_LAB_DATA", raising=False)
    with pytest.raises(DataError, match="no CIFAR-10"):
        settle({"data_dir": str(tmp_path)}, tmp_path)
    assert settle({"data_dir": str(tmp_path), "data": "signs"}, tmp_path).data == "signs"
    assert settle({}, tmp_path).data == "signs"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"data": "cifar10"}, "CIFAR-10 was not found"),
        ({"data": "signs", "target": 10}, "0 to 9"),
        ({"data": "signs", "weights": "nowhere.safetensors"}, "no weights file"),
        ({"data": "folder", "data_dir": "nowhere"}, "no folder"),
    ],
)
def test_what_can_be_known_is_said_before_work_starts(tmp_path, monkeypatch, said, words):
    monkeypatch.delenv("MESA_LAB_DATA", raising=False)
    with pytest.raises((ConfigError, DataError), match=words):
        ready(settle(said, tmp_path), tmp_path)


def test_paths_are_kept_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert settle({"data": "folder", "data_dir": "images"}, tmp_path).data_dir == str(tmp_path / "images")


@pytest.mark.parametrize("name", ["data_dir", "weights", "suspect"])
def test_a_zero_byte_in_a_place_is_refused(name):
    with pytest.raises(ConfigError, match="zero byte"):
        make_config({"data": "folder", "data_dir": "a", name: "a\0b"})
