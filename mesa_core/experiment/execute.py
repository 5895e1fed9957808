"""Carrying out a run: the stages in order, and what happens when one fails or somebody asks to stop."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Iterator

import torch

from mesa_core import events as ev
from mesa_core.config import ConfigError, ExperimentConfig, make_config
from mesa_core.config.settle import require_settled
from mesa_core.data import DataError
from mesa_core.disk.errors import said
from mesa_core.experiment.attacking import victim_stages
from mesa_core.experiment.context import Context, computing
from mesa_core.experiment.mapping import mapping_stage
from mesa_core.experiment.pools import one_level
from mesa_core.experiment.repairing import order, repair_stages, repair_with
from mesa_core.experiment.results import assemble, versions
from mesa_core.experiment.sampling import defence_stages
from mesa_core.experiment.stages import StopRequested
from mesa_core.registry import NotThere
from mesa_core.store import Run, Store, StoreError
from mesa_core.victims import devices, weights

PLAIN = (ConfigError, DataError, StoreError, NotThere, weights.WeightsError)  # errors whose message is for people


def execute(
    run: Run,
    store: Store,
    watch: Callable[[ev.Event], None] | None = None,
    between: Callable[[], object] | None = None,
    still: Callable[[], bool] | None = None,
) -> str:
    """Run, or go on with, a run; returns its state: finished, failed or stopped.

    Appends every event to the run and hands it to `watch`; `between` is called between two steps, also while the run
    is paused. `still` is asked once nobody else can take the run, whether it is to be done at all. Raises
    `leases.Busy` if another process holds the run, or takes it over, or if it is not to be done.
    """
    with run.lease(still) as writer:

        def tell(event: ev.Event) -> None:
            writer.append(event)
            if watch is not None:
                watch(event)

        stage = ""
        try:
            for event in experiment(run, store, between):
                stage = getattr(event, "stage", stage)
                tell(event)
            return "finished"
        except (StopRequested, KeyboardInterrupt):
            tell(ev.Stopped(stage))
            return "stopped"
        except PLAIN as error:
            tell(ev.Failed(str(error)))
        except torch.cuda.OutOfMemoryError:
            tell(ev.Failed("The graphics card's memory is full; choose smaller batches, or device cpu."))
        except OSError as error:  # a full disk, a closed folder: no fault of the program
            tell(ev.Failed(said(error)))
        except Exception as error:
            with contextlib.suppress(OSError):  # the folder may be what is missing
                (run.path / "error.txt").write_text(traceback.format_exc(), "utf-8")
            tell(
                ev.Failed(
                    f"Something went wrong in the program ({type(error).__name__}: {error}); error.txt in the "
                    "run's folder has the details."
                )
            )
        return "failed"


def experiment(run: Run, store: Store, between: Callable[[], object] | None = None) -> Iterator[ev.Event]:
    """All stages of a run, in order; writes result.json at the end."""
    began = time.monotonic()
    config, compute, calibration = resolve(run, store)
    lab = Context(config, compute, store, run, between)
    if calibration:
        yield ev.Note(calibration)
    yield from lab.prepare()
    yield from victim_stages(lab)
    if lab.took:
        yield from defence_stages(lab)
        for name in ("mesa", *[b for b in order(config.baselines) if b != "mesa"]):
            yield from repair_stages(lab, name)
        if config.repair_each_beta:
            for level in config.beta:
                yield from repair_with(lab, one_level(lab, level))
        yield from mapping_stage(lab)
    elif config.suspect:
        yield ev.Note(_nothing(lab))
    elif lab.goal is None:
        yield ev.Note("Detection found no attacked class, so the defence ends here and nothing is repaired.")
    else:
        original = lab.before.asr.original
        assert original is not None, "it is known to whoever staged an attack"
        yield ev.Note(
            f"The attack did not take: the original trigger succeeds on {original.value:.1%} only, below "
            f"{config.attack_took:.0%}. Nothing is repaired. Raise the poison ratio or the epochs of the "
            "attack."
        )
    result = assemble(
        lab.config,
        devices.hardware(compute),
        versions(),
        lab.stages.timings,
        lab.stages.reused,
        {name: out.value for name, out in lab.results.items()},
    )
    run.write_result(result.to_json())
    yield ev.Finished(round(time.monotonic() - began, 2))


def _nothing(lab: Context) -> str:
    """How the scan of a network ends in which no class was found."""
    return (
        "Nothing found, for these sizes, places and forms, and nothing is repaired: the network stays as it is "
        f"(clean accuracy {lab.before.clean_accuracy.value:.1%})."
    )


def resolve(run: Run, store: Store) -> tuple[ExperimentConfig, devices.Compute, str]:
    """Turn what is 'auto' about the computing into a setting and write that into the run; a run that has begun keeps its own."""
    given, known = run.config(), run.resolved()
    if known is not None:
        config = make_config(given)
        try:
            compute = devices.resolve(
                known["device"], known["precision"], known["memory"], known["threads"], config.victim
            )
        except ValueError as error:
            raise ConfigError(f"This run began elsewhere and keeps its settings: {error}") from None
        return config, compute, ""
    config = require_settled(make_config(given))
    compute, said = computing(config, store)
    run.write_config(
        config.to_dict(),
        {
            "device": compute.device.type,
            "precision": compute.precision,
            "memory": compute.memory,
            "threads": torch.get_num_threads(),
        },
    )
    return config, compute, said
