"""Questions to the worker: the files, and that damaged or foreign ones hurt nobody."""

import json
import os
import time

import numpy as np
import pytest

from mesa_core.probe import questions
from mesa_core.probe.questions import Question
from mesa_core.store import StoreError

WHITE = (255,) * 27


def question(**more):
    return Question(**{"run": "signs-1", "triggers": (WHITE,), **more})


def test_an_answer_comes_back_to_the_question_that_was_asked(tmp_path):
    number = questions.ask(tmp_path, question())
    assert questions.answer_to(tmp_path, number) is None
    assert questions.waiting(tmp_path) == [number]
    assert questions.take(tmp_path, number) == question()
    questions.reply(tmp_path, number, {"label": np.arange(3)})
    assert questions.waiting(tmp_path) == []
    assert questions.answer_to(tmp_path, number)["label"].tolist() == [0, 1, 2]
    assert questions.ask(tmp_path, question()) == number
    assert questions.waiting(tmp_path) == [], "an answered question was asked again"


def test_other_questions_have_other_numbers():
    numbers = {question().id, question(draw=1).id, question(repaired=True).id, question(run="signs-2").id}
    numbers.add(question(rates=False).id)
    assert len(numbers) == 5
    assert question().id == question().id


def test_a_refusal_is_a_sentence(tmp_path):
    number = questions.ask(tmp_path, question())
    questions.take(tmp_path, number)
    questions.refuse(tmp_path, number, "Not here.")
    with pytest.raises(questions.Refused, match="Not here"):
        questions.answer_to(tmp_path, number)


@pytest.mark.parametrize(
    "bad",
    [
        {"run": "../x"},
        {"triggers": ()},
        {"triggers": ((256,) * 27,)},
        {"triggers": ((0,) * 26,)},
        {"triggers": ((0,) * 27, (0,) * 48)},
        {"triggers": ((0.5,) * 27,)},
        {"images": 0},
        {"images": 1000},
        {"draw": -1},
        {"triggers": (WHITE,) * (questions.MOST_TRIGGERS + 1)},
    ],
)
def test_nonsense_cannot_be_asked(bad):
    with pytest.raises(ValueError, match=r"\S"):
        question(**bad)


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"run": "x"}', json.dumps({"run": "../x", "triggers": [[1]]})])
def test_a_damaged_question_is_dropped(tmp_path, text):
    number = question().id
    questions.folder(tmp_path).mkdir()
    (questions.folder(tmp_path) / f"{number}.json").write_text(text)
    assert questions.take(tmp_path, number) is None
    assert questions.waiting(tmp_path) == []


def test_a_damaged_answer_and_a_foreign_number_are_said(tmp_path):
    number = questions.ask(tmp_path, question())
    (questions.folder(tmp_path) / f"{number}.npz").write_bytes(b"PK damaged")
    for asked in (number, "../../etc/passwd"):
        with pytest.raises(StoreError):
            questions.answer_to(tmp_path, asked)


def test_what_nobody_waits_for_is_dropped_and_the_pile_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(questions, "MOST_WAITING", 2)
    first = questions.ask(tmp_path, question())
    questions.ask(tmp_path, question(draw=1))
    with pytest.raises(StoreError, match="waiting"):
        questions.ask(tmp_path, question(draw=2))
    path = questions.folder(tmp_path) / f"{first}.json"
    os.utime(path, (time.time() - questions.PATIENCE - 1,) * 2)
    questions.ask(tmp_path, question(draw=2))
    assert len(questions.waiting(tmp_path)) == 2


def test_old_answers_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(questions, "MOST_KEPT", 3)
    for draw in range(5):
        number = questions.ask(tmp_path, question(draw=draw))
        questions.take(tmp_path, number)
        questions.reply(tmp_path, number, {"a": np.zeros(1)})
    assert len(list(questions.folder(tmp_path).glob("*.npz"))) == 3


def test_old_refusals_are_forgotten_though_nothing_is_answered(tmp_path, monkeypatch):
    monkeypatch.setattr(questions, "MOST_KEPT", 3)
    for draw in range(5):
        number = questions.ask(tmp_path, question(draw=draw))
        questions.take(tmp_path, number)
        questions.refuse(tmp_path, number, "Not here.")
    assert len(list(questions.folder(tmp_path).glob("*.no.json"))) == 3


def test_many_triggers_are_thinned_evenly():
    rows = questions.rows_of(np.repeat(np.arange(200, dtype=np.uint8)[:, None], 27, 1))
    assert len(rows) == questions.MOST_TRIGGERS
    assert (rows[0][0], rows[-1][0]) == (0, 199)


@pytest.mark.parametrize("width", [3, 27, 48, 75, 192])
def test_triggers_of_each_size_can_be_asked_about(width):
    rows = questions.rows_of(np.full((3, width), 7, np.uint8))
    assert question(triggers=rows).triggers == ((7,) * width,) * 3
    with pytest.raises(ValueError, match=f"or 768 numbers, not {width + 2}"):
        question(triggers=((0,) * (width + 2),))
