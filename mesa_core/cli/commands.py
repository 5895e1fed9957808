"""What each command of `mesa-lab` does with its parsed words; returns the exit status.

Results go to standard output, everything else to standard error. Heavy modules are imported inside the commands, so
that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesa_core.cli import flags, tables
from mesa_core.cli.console import Console, say, table
from mesa_core.config import ConfigError, ExperimentConfig, make_config
from mesa_core.config.placing import covers
from mesa_core.config.settle import ready, settle
from mesa_core.disk.errors import naming
from mesa_core.disk.leftovers import sweep_home
from mesa_core.disk.plain import plain
from mesa_core.measures.conclusion import coverage
from mesa_core.store import Run, Store, StoreError, home
from mesa_core.store.error_rates import worth
from mesa_core.store.shipped import find_networks, find_run
from mesa_core.words import duration, share

if TYPE_CHECKING:
    from mesa_core.stage.pictures import Pictures


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=1)
    print()


def store_of(arguments: argparse.Namespace) -> Store:
    """The store that is meant; what killed processes left there is swept up. ConfigError where it is no folder."""
    root = arguments.home or home()
    there = next((path for path in (root, *root.parents) if os.path.lexists(path)), root)
    if not os.path.isdir(there):
        raise ConfigError(
            f"The home {plain(str(root))} is not a folder; name another one with --home or MESA_LAB_HOME."
        )
    for folder in (root, root / "runs"):
        if os.path.lexists(folder):
            with naming(folder), os.scandir(folder):  # or a closed one would look empty
                pass
    sweep_home(root)
    return Store(root)


def run(arguments: argparse.Namespace) -> int:
    """Attack, sample, repair, measure; or go on with a run."""
    store = store_of(arguments)
    if arguments.resume is not None:
        if said := flags.given(arguments):
            raise ConfigError(f"A resumed run keeps its settings; leave out {', '.join(flags.flag(n) for n in said)}.")
        run = store.open(arguments.resume)
        run.request("run")  # whatever was asked before it stopped
    else:
        run = store.create(ready(settle(flags.given(arguments), store.cache), store.cache).to_dict(), arguments.name)
    return execute_run(run, store, arguments.json)


def execute_run(run: Any, store: Store, as_json: bool) -> int:
    from mesa_core.experiment import execute

    console = Console(run=run.name)
    console.line(f"Run {run.name}, in {run.path}")
    state = execute(run, store, console)
    if state != "finished":
        return 130 if state == "stopped" else 1
    if as_json:
        print_json(run.result())
        return 0
    outcome = run.outcome()
    assert outcome is not None, "a run that has finished has a result"
    if outcome.detection:
        config = make_config(outcome.config)
        say(tables.of_detection(outcome.detection, covers(config), worth(config)), lines=True)
        say(coverage(outcome.detection, covers(config)), lines=True)
    say(table(outcome), lines=True)
    return 0


def whose_networks(arguments: argparse.Namespace, store: Store) -> tuple[ExperimentConfig, Run | None]:
    """For commands that ask networks outside of a run: the settings, and the run whose networks are asked, if one is named.

    Raises ConfigError, StoreError.
    """
    if arguments.images < 1:
        raise ConfigError("images must be at least 1.")
    said = flags.given(arguments)
    if arguments.run is None:
        return settle(said, store.cache), None
    run = find_networks(store, arguments.run)
    return make_config({**run.config(), **said}), run


def landscape(arguments: argparse.Namespace) -> int:
    """The success of the 512 black-and-white triggers of a size."""
    from mesa_core.experiment import landscape as mapping

    store, console = store_of(arguments), Console()
    config, run = whose_networks(arguments, store)
    found = mapping.landscape(config, store, arguments.weights, run, arguments.images, console.moving)
    console.line("")
    if arguments.json:
        print_json(found)
    else:
        say(tables.of_landscape(found, config.size), lines=True)
    return 0


def sweep(arguments: argparse.Namespace) -> int:
    """A run for every point of a grid, shared with whoever gives the same command."""
    from mesa_core.sweeps import grid as sweeps

    store, console = store_of(arguments), Console()
    axes: dict[str, Any] = {}
    if arguments.codes:
        axes["trigger"] = flags.codes(arguments.codes, sweeps.SETS)
    for name, *words in arguments.over:
        axes[flags.name_of(name)] = flags.values(name, words)
    if arguments.done:
        sweeps.require_done(arguments.done)
    pieces = sweeps.expand(flags.given(arguments), axes, arguments.sweep, store.cache)
    sweeps.begin(store, arguments.sweep, pieces)
    if arguments.done:
        pieces = sweeps.without(pieces, arguments.done)
    now = sweeps.standing(store, pieces)
    began, start = time.monotonic(), now.finished
    console.line(f"Sweep {arguments.sweep}: {len(pieces)} runs, {start} finished.")
    order = {piece.name: i for i, piece in enumerate(pieces)}

    def watch(piece: sweeps.Piece, event: Any) -> None:
        console.label = f"[{order[piece.name] + 1}/{len(pieces)}] {piece.name}"
        console.progress(event)

    if arguments.ray:
        from mesa_core.sweeps import cluster

        steps = cluster.work(store, pieces, arguments.ray, arguments.gpus, console.line)
    else:
        from mesa_core.experiment import execute

        steps = sweeps.work(store, pieces, execute, watch)
    with contextlib.redirect_stdout(sys.stderr):  # a cluster may have something to say among the results
        for new in steps:
            left = duration(new.to_go(start, time.monotonic() - began))
            tell = console.moving if new == now else console.line  # while others work nothing new is to be said
            tell(f"{new.finished} of {new.total} runs finished, {new.running} running, {left} to go")
            now = new
    for name in now.failed:
        console.line(f"Failed twice: {name}. {sweeps.why(store, name)}")
    if now.failed:
        console.line("Once its cause is mended, try one again with: mesa-lab run --resume NAME")
    if arguments.json:
        print_json({"name": arguments.sweep, **vars(now), "runs": [piece.name for piece in pieces]})
    return 1 if now.failed else 0


def collect(arguments: argparse.Namespace) -> int:
    """Finished runs in their slim form."""
    from mesa_core.disk import owned
    from mesa_core.store import compact
    from mesa_core.sweeps import grid as sweeps

    store, console, rest = store_of(arguments), Console(), 0
    found: list[Run] = []
    owned.check_out(arguments.out, store.root)
    for name in arguments.names:
        if (store.root / "sweeps" / f"{name}.json").is_file():
            runs = sweeps.runs_of(store, name)
            ready_now = [run for run in runs if (run.path / "result.json").is_file()]
            found, rest = found + ready_now, rest + len(runs) - len(ready_now)
        else:
            found.append(store.open(name))
    compact.collect(found, arguments.out, store.root)
    for run in found:
        console.line(f"{run.name}: {compact.size_of(arguments.out / run.name) / 1000:.0f} kB")
    entries = compact.manifest(arguments.out)
    if arguments.json:
        print_json({"collected": [run.name for run in found], "not_finished": rest, "there": len(entries)})
    else:
        waits = f"; {rest} of the sweep not finished yet" if rest else ""
        say(f"{len(found)} runs collected{waits}. {arguments.out} holds {len(entries)}.")
    return 0


def figures(arguments: argparse.Namespace) -> int:
    """The paper's figures, tables and claims from the runs that are there."""
    from mesa_core.disk.owned import check_out
    from mesa_core.paper import everything, material
    from mesa_core.store.shipped import shipped_detections, shipped_paper_sweep, shipped_runs, shipped_sweep

    folders = [shipped_sweep(), shipped_paper_sweep(), store_of(arguments).runs, shipped_runs(), shipped_detections()]
    if arguments.results:
        if not arguments.results.is_dir():
            raise StoreError(f"There is no folder {arguments.results}.")
        inside = arguments.results / "runs"
        folders = [inside if inside.is_dir() else arguments.results]
    check_out(arguments.out, store_of(arguments).root)
    told = everything.write(material.read(folders), arguments.out, Console().line, not arguments.results)
    if arguments.json:
        print_json(told)
    else:
        say(f"{len(told['files'])} files in {arguments.out}.")
    return 0


def reference(arguments: argparse.Namespace) -> int:
    """The exact distribution of valid triggers of a run's attacked network."""
    from mesa_core.measures.bench import finish
    from mesa_core.reference import build
    from mesa_core.reference.options import Options

    store, console = store_of(arguments), Console()
    names = [field.name for field in dataclasses.fields(Options)]
    said = {name: value for name in names if (value := getattr(arguments, name, None)) is not None}
    if "levels" in said:
        said["levels"] = tuple(said["levels"])
    run = find_networks(store, arguments.run)
    console.label = f"Reference of {run.name}"
    told = finish(build.make(run, store, Options(**said)), console)
    console.line("")
    if arguments.json:
        print_json(told)
        return 0
    say(tables.of_reference(told), lines=True)
    return 0


def train(arguments: argparse.Namespace) -> int:
    """Train a clean victim."""
    from mesa_core.experiment.train_victim import train_victim

    store, console = store_of(arguments), Console()
    config = settle(flags.given(arguments), store.cache)
    out = arguments.out or Path(f"{config.data}-{config.victim}.safetensors")
    if arguments.epochs is not None and not 1 <= arguments.epochs <= 300:
        raise ConfigError("epochs must lie between 1 and 300.")
    card = train_victim(config, arguments.epochs or config.clean_epochs, out, store, console)
    if arguments.json:
        print_json(card)
    else:
        say(f"{out}: test accuracy {share(card['accuracy'])}, measured from the file.")
    return 0


def runs(arguments: argparse.Namespace) -> int:
    """List the runs, or show one."""
    store = store_of(arguments)
    if arguments.name is not None:
        run = store.open(arguments.name) if arguments.stop else find_run(store, arguments.name)
        if arguments.stop:
            if run.state() not in ("running", "waiting"):
                raise StoreError(f"{run.name} is {run.state()}; there is nothing to stop.")
            (run.path / "waiting").unlink(missing_ok=True)
            run.request("stop")
            say("Asked to stop; it ends within a step.", sys.stderr)
            return 0
        if arguments.json:
            print_json(run.result())
        else:
            outcome = run.outcome()
            say(table(outcome) if outcome else f"{run.name} is {run.state()}.", lines=True)
        return 0
    if arguments.stop:
        raise ConfigError("Name the run that is to stop.")
    rows = [_row(run) for run in store.list()]
    if arguments.json:
        print_json(rows)
    else:
        for row in rows:
            say(f"{row['state']:<12} {row['name']}" + (f" ({row['why']})" if "why" in row else ""))
        if not rows:
            say("No runs yet; start one with: mesa-lab run", sys.stderr)
    return 0


def export(arguments: argparse.Namespace) -> int:
    """Write a run as one page to take away."""
    from mesa_core.data.sources import classes_of
    from mesa_core.disk.files import write_atomically
    from mesa_core.stage import at_hand, held_out
    from mesa_core.stage.export import export as exported
    from mesa_core.stage.export import require_page_of_ours

    store = store_of(arguments)
    require_page_of_ours(arguments.out)
    run = find_run(store, arguments.name)
    own = run.path.parent == store.runs
    data, known = str(run.config()["data"]), None
    if not held_out.usual(run.config()):
        known = _evaluation_images(store, run) if own else None
        if known is None and data != "signs":
            known = at_hand.of(run.config(), classes_of(data), store.cache)
    told = exported(run, known)
    write_atomically(arguments.out, told.html.encode(), 0o644)
    if told.lacks:
        say(told.lacks, sys.stderr)
    size = arguments.out.stat().st_size / 2**20
    say(f"{arguments.out}: {size:.1f} MiB; it opens in any browser, without a network.")
    return 0


def _evaluation_images(store: Store, run: Run) -> Pictures | None:
    """Those of a run's own, of which its networks may be asked; None where networks or images are not here any more."""
    from mesa_core.data.locate import DataError
    from mesa_core.probe.answering import Probe
    from mesa_core.probe.questions import Question, Refused
    from mesa_core.stage import held_out
    from mesa_core.victims.weights import WeightsError

    try:
        return held_out.pictures_of(Probe(store).answer(Question(**held_out.question(run))), run.config())
    except (Refused, StoreError, ConfigError, DataError, WeightsError, KeyError, ValueError):
        return None


def _row(run: Run) -> dict[str, str]:
    """A run in a list: its name and state, and of a damaged one why it cannot be read."""
    why = run.damage()
    return {"name": run.name, "state": "damaged", "why": why} if why else {"name": run.name, "state": run.state()}


def dashboard(arguments: argparse.Namespace) -> int:
    """Start the page."""
    from streamlit.web import cli as streamlit

    if not 1 <= arguments.port <= 65535:
        raise ConfigError("port must lie between 1 and 65535.")
    from mesa_core.cli import hosts

    for word in arguments.host_name:
        if hosts.name(word) is None:
            raise ConfigError(f"--host-name takes a name such as lab.example, not {word!r}.")
    if arguments.host_name:
        os.environ[hosts.SETTING] = ",".join([*arguments.host_name, *hosts.named()])
    os.environ["MESA_LAB_HOME"] = str(store_of(arguments).root.resolve())
    if arguments.data_dir:
        if not os.path.isdir(os.path.expanduser(arguments.data_dir)):
            raise ConfigError(f"There is no folder {arguments.data_dir}.")
        os.environ["MESA_LAB_DATA"] = str(Path(os.path.expanduser(arguments.data_dir)).resolve())
    found = find_spec("dashboard")  # found, not imported: the engine knows of the page only where it lies
    if found is None or found.origin is None:
        raise ConfigError("The page is not installed here: the package dashboard is missing.")
    page = Path(found.origin).parent / "app.py"
    sys.argv = [
        "streamlit",
        "run",
        str(page),
        "--server.port",
        str(arguments.port),
        "--server.address",
        arguments.address,
        # An update beneath a running server would exchange some of its modules, and what it keeps be of the old ones.
        "--server.fileWatcherType",
        "none",
    ]
    return streamlit.main(standalone_mode=False) or 0
