"""Questions to a network that somebody brought: the class that was found is asked about, by the images of a scan; ONNX, too."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from small_sweep import LEAST

from mesa_core.config import make_config
from mesa_core.data import split_brought
from mesa_core.experiment import execute
from mesa_core.probe import answering, questions
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims import weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise

TINY = {**LEAST, "data": "signs", "mesa_steps": 4, "detect_steps": 2, "baselines": [], "detect_threshold": 0.0}
WHITE = (255,) * 27


@pytest.fixture(autouse=True)
def data(monkeypatch, tiny_data):
    monkeypatch.setattr(answering, "load_data", lambda *_, **__: tiny_data)
    return tiny_data


@pytest.fixture
def network():
    model = build("resnet9-16", 10)
    return weights.load_into(model, weights.read(shipped_weights("signs", "resnet9-16"))).eval()


def scanned(store, path, arch):
    """A scan whose found class is not the one that a configuration names where nobody says one."""
    for target in (0, 1):
        config = make_config({**TINY, "suspect": str(path), "victim": arch, "target": target})
        run = store.create(config.to_dict(), f"brought-{target}")
        assert execute(run, store, lambda _: None) == "finished"
        if (found := run.outcome().detection.target) != target:
            return run, found
    raise AssertionError("the class that is found follows the configuration")


def test_the_class_that_was_found_is_asked_about_by_the_images_of_the_scan(store, data, tmp_path, network):
    torch.save(network.state_dict(), tmp_path / "theirs.pt")
    run, found = scanned(store, tmp_path / "theirs.pt", "resnet9-16")
    said = answering.Probe(store).answer(questions.Question(run.name, (WHITE,), images=5))
    assert said["target"] == found
    assert (said["label"] != found).all()
    own = split_brought(data, 0).evaluation.images
    assert all((own == image).flatten(1).all(1).any() for image in torch.from_numpy(said["clean"]))


@pytest.mark.skipif(find_spec("onnx") is None or find_spec("onnxscript") is None, reason="torch exports with these")
def test_an_onnx_network_answers_and_is_told_where_its_file_is_gone(store, data, tmp_path, network):
    path = tmp_path / "theirs.onnx"
    torch.onnx.export(network, (torch.zeros(2, 3, 32, 32),), str(path), dynamo=True, external_data=False, verbose=False)
    run, wanted = scanned(store, path, "onnx")
    said = answering.Probe(store).answer(questions.Question(run.name, (WHITE,), images=5))
    assert {"before_asr", "after_asr"} <= set(said)
    with torch.no_grad():
        stamped = torch.from_numpy(said["stamped"])
        share = network(Normalise(data.mean, data.std).images(stamped)).softmax(1)[:, wanted].numpy()
    assert np.allclose(np.log(share), np.log(said["before_stamped_target_p"]), atol=0.2)
    assert not np.allclose(np.log(share), np.log(said["before_plain_target_p"]), atol=0.2), "the control: no trigger"
    (run.path / "weights" / "healed.onnx").unlink()
    assert "before_asr" in answering.Probe(store).answer(questions.Question(run.name, (WHITE,), images=5))
    path.unlink()
    with pytest.raises(questions.Refused, match="gone"):
        answering.Probe(store).answer(questions.Question(run.name, (WHITE,), images=5))


def test_where_nothing_was_found_there_is_nothing_to_ask(store, tmp_path, network):
    torch.save(network.state_dict(), tmp_path / "theirs.pt")
    config = make_config(
        {**TINY, "suspect": str(tmp_path / "theirs.pt"), "victim": "resnet9-16", "detect_threshold": 1.0}
    )
    run = store.create(config.to_dict(), "healthy")
    assert execute(run, store, lambda _: None) == "finished"
    with pytest.raises(questions.Refused, match="nothing to ask"):
        answering.Probe(store).answer(questions.Question(run.name, (WHITE,)))
