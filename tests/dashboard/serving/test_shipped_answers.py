"""What the page says of the prepared example's triggers, asked in numpy, against the run's own figures."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.serving import queue, shipped_answers, shipped_networks
from mesa_core import triggers
from mesa_core.probe import questions
from mesa_core.store import Run


@pytest.fixture
def original() -> tuple[tuple[int, ...], ...]:
    shown = shipped_networks.pictures()
    return questions.rows_of(np.rint(shown.trigger.reshape(1, 27) * 255).astype(np.uint8))


def test_only_the_run_whose_networks_are_shipped_is_known(tmp_path):
    known = [run.name for run in queue.shipped() if shipped_answers.known(run)]
    assert known == [shipped_networks.pictures().run]
    assert not shipped_answers.known(Run(tmp_path / known[0]))


def test_the_backdoor_answers_before_and_not_after(original):
    found = shipped_answers.answer(original, 6, 0, True)
    before, after = (found[f"{name}_asr"] for name in ("before", "after"))
    assert before[0] > 0.8
    assert after[0] < 0.2
    assert before[1] == after[1] == (shipped_networks.pictures().labels != shipped_networks.pictures().target).sum()
    black = shipped_answers.answer(questions.rows_of(np.zeros((1, 27), np.uint8)), 6, 0, True)
    assert black["before_asr"][0] < 0.5, "any trigger would do"


def test_images_are_of_other_classes_and_differ_by_draw(original):
    one, two = (shipped_answers.answer(original, 6, draw, False) for draw in (0, 1))
    target = int(one["target"])
    assert len(set(one["label"])) == 6
    assert target not in one["label"]
    assert not np.array_equal(one["corner"], two["corner"])
    assert "before_asr" not in one


def test_each_trigger_is_stamped_in_turn():
    rows = questions.rows_of(np.stack([triggers.from_code(c).reshape(27) * 255 for c in (495, 170)]).astype(np.uint8))
    found = shipped_answers.answer(rows, 4, 3, False)
    for i, (y, x) in enumerate(found["corner"]):
        seen = found["stamped"][i][:, y : y + 3, x : x + 3].reshape(27)
        assert tuple(seen) == rows[i % 2]
