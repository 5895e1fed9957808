"""What happens between two steps: small work for others, pausing, and a step that one can see."""

import numpy as np
import pytest
import torch

from mesa_core import events as ev
from mesa_core.config import make_config
from mesa_core.experiment.stages import Stages


def drawn(run, pictures):
    """A stage of three pictures with two reports between them, walked through step by step.

    Returns how many events had been told each time the run waited.
    """
    seen, calls, waits = [], [], []

    def between():
        calls.append(len(seen))
        if len(calls) == 1:
            run.request("pause")
        elif calls[-1] == calls[-2]:  # nothing has come since the last look, so it waits
            waits.append(len(seen))
            run.request("step")

    def body(scribe):
        for step in (0, 1, 2):
            if pictures:
                yield ev.Snapshot(step, f"snapshot-{step}.npz")
            yield ev.Progress("x", step, 3, 0.0)
            yield ev.Progress("x", step, 3, 0.0)
        return {}, {"a": torch.zeros(1)}

    stages = Stages(run, None, 1, between)
    for event in stages.stage("mesa", "Drawing", {}, body, keep=False):
        seen.append(event)
    return waits


def test_a_step_goes_on_to_the_next_picture(store):
    run = store.create(make_config(data="signs").to_dict(), "one")
    assert drawn(run, pictures=True) == [1, 2, 5, 8]  # at the start, then after each picture


def test_a_step_of_a_stage_without_pictures_is_one_report(store):
    run = store.create(make_config(data="signs").to_dict(), "one")
    assert drawn(run, pictures=False) == [1, 2, 3, 4, 5, 6, 7]


def test_a_stage_that_cannot_be_copied_into_a_run_is_kept(store):
    def body(scribe):
        scribe.save("picture.npz", {"a": np.zeros(1)})
        yield ev.Note("made")
        return {"made": True}, {"a": torch.zeros(1)}

    def go(name):
        run = store.create({}, name)
        if name == "two":
            (run.path / "snapshots").touch()  # no folder, so nothing can be written there
        stages = Stages(run, store, 1)
        return list(stages.stage("mesa", "Drawing", {}, body)), stages.reused

    go("one")
    with pytest.raises(OSError, match="snapshots"):
        go("two")
    assert go("three")[1] == ["mesa"]
