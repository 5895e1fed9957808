"""The examples that are shipped, run at a tiny size."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from mesa_core.method import detection

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_a_network_of_ones_own_goes_the_whole_way_at_a_tiny_size(capsys, monkeypatch):
    spec = importlib.util.spec_from_file_location("own_network", ROOT / "examples" / "own_network.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    tiny = {
        "attack_epochs": 0.5,
        "detect_steps": 1,
        "detect_batch": 2,
        "mesa_steps": 2,
        "mesa_batch": 4,
        "repair_epochs": 0.2,
    }
    monkeypatch.setattr(detection, "SAMPLES", 2)
    monkeypatch.setattr(detection, "IMAGES", 1)
    healed = example.main(images=120, epochs=0.1, device="cpu", draws=4, sample_images=1, **tiny)
    assert healed.after.accuracy.n == 600
    told = capsys.readouterr().out
    assert [line.split()[0] for line in told.splitlines() if "ASR" in line and "accuracy" in line] == [
        "clean", "attacked", "repaired",
    ]  # fmt: skip
    assert "Found:" in told
    assert "Samples for class" in told
