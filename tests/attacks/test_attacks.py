"""A short, seeded part of the attacks of this folder; `python -m tests.attacks` is the long one."""

import time
from dataclasses import replace

import pytest

from tests.attacks.attack import Attack, carry_out, draw, kinds

SECONDS = 15.0  # for each kind; the attack in hand is carried out to its end
PATIENCE = 6  # times an attack's own limit, since other work may go on beside the tests; the long run holds to it
KINDS = kinds()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_product_holds_against(kind):
    end, tried = time.monotonic() + SECONDS, 0
    for attack in draw(KINDS[kind], seed=0, kind=kind):
        outcome = carry_out(replace(attack, limit=PATIENCE * attack.limit))
        assert not outcome.failure, f"{outcome.name}\n{outcome.failure}"
        tried += 1
        if time.monotonic() > end:
            break
    assert tried


def test_a_failure_a_silence_and_a_crash_are_seen():
    import os

    def fails(place):
        raise AssertionError("it failed")

    assert "it failed" in carry_out(Attack("fails", fails)).failure
    assert "nothing was heard" in carry_out(Attack("hangs", lambda place: time.sleep(60), limit=0.5)).failure
    assert "ended with" in carry_out(Attack("crashes", lambda place: os.abort())).failure
    assert carry_out(Attack("holds", lambda place: None)).failure == ""
