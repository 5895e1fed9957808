"""The command line, `mesa-lab`: a thin adapter over the path that the dashboard uses too.

Results go to standard output, everything else to standard error. Exit status: 0 done, 1 failed, 2 asked wrongly,
130 stopped. Heavy modules are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mesa_core import flags
from mesa_core.config import VICTIMS, ConfigError, make_config
from mesa_core.console import Console, duration, share, table
from mesa_core.data.locate import DataError
from mesa_core.intervals import proportion
from mesa_core.settle import ready, settle
from mesa_core.store import Store, StoreError, home

RUN = """Attack a clean network with a trigger, sample the whole distribution of triggers that the backdoor accepts
(MESA), retrain the network to forget them, and measure everything before and after. Without any flag this runs on
CIFAR-10 where it is found, else on road signs that the program draws itself; the latter takes a few minutes on a
laptop. An interrupted run goes on when the same command is given again, since every stage's result is kept."""
DETECT = """Look at a network that someone brings: search all classes for triggers (step 1), and where there are
any, sample their distribution (step 2) and retrain the network to forget them (step 3). The repaired weights lie in
the run's folder."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    # Read when torch is first imported: waiting threads then sleep instead of spinning. On two shared cores training
    # was 2.5 times faster so, beside other work 6 to 14 times.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    parser = build_parser()
    parsed = parser.parse_args(arguments)
    if not hasattr(parsed, "command"):
        parser.print_help(sys.stderr)
        return 2
    try:
        return parsed.command(parsed)
    except (ConfigError, DataError, StoreError) as error:
        print(f"mesa-lab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
    except OSError as error:  # a home or file that cannot be written, a full disk
        print(f"mesa-lab: {error.filename or 'A file'} cannot be used ({error.strerror or error}).", file=sys.stderr)
        return 1


def build_parser() -> argparse.ArgumentParser:
    """All commands and their flags."""
    parser = argparse.ArgumentParser(
        prog="mesa-lab", description="See, sample and remove the whole distribution of triggers behind a backdoor."
    )
    parser.add_argument("--home", type=Path, help="Where runs are kept. Default: MESA_LAB_HOME, else your data folder.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    run = _command(commands, "run", "attack, MESA, repair, before and after", RUN, _run)
    flags.add_trigger(run)
    run.add_argument(
        "--detect", action="store_true", help="Find the target class first, instead of taking it as known."
    )
    run.add_argument("--name", help="Name of the run's folder. Default: made from data, trigger and time.")
    run.add_argument("--resume", metavar="NAME", help="Go on with a run that was stopped or interrupted.")
    flags.add_parameters(run)
    _json(run)

    detect = _command(commands, "detect", "examine and repair a network that someone brings", DETECT, _detect)
    detect.add_argument(
        "--weights",
        required=True,
        metavar="FILE",
        help="Its weights: safetensors, or a checkpoint of weights only; 'shipped': the clean victim that comes with this program.",
    )
    detect.add_argument("--arch", required=True, choices=VICTIMS, help="Its architecture.")
    detect.add_argument("--name", help="Name of the run's folder.")
    flags.add_parameters(detect, flags.detect_parameters())
    _json(detect)

    scape = _command(
        commands,
        "landscape",
        "the ASR of all 512 black-and-white triggers",
        "Measure the attack success rate of all 512 black-and-white 3x3 triggers on one network.",
        _landscape,
    )
    scape.add_argument("--weights", metavar="FILE", help="Its weights. Default: the shipped clean victim.")
    scape.add_argument("--run", metavar="NAME", help="The backdoored victim of a finished run, instead of --weights.")
    scape.add_argument("--images", type=int, default=100, metavar="N", help="Images a trigger. Default: 100.")
    flags.add_parameters(
        scape, ["data", "data_dir", "victim", "target", "seed", "device", "precision", "memory", "threads"]
    )
    _json(scape)

    sweep = _command(
        commands,
        "sweep",
        "many runs: every point of a grid",
        "Carry out a run for every point of a grid. Give the same command in several terminals and they share the "
        "work; give it again after a stop or a crash and it goes on. Example: mesa-lab sweep fig4 --codes orbits "
        "--over seed 0 1 --data signs",
        _sweep,
    )
    sweep.add_argument("sweep", metavar="NAME", help="Name of the sweep; its runs' names begin with it.")
    sweep.add_argument(
        "--codes",
        nargs="+",
        metavar="N",
        help="Black-and-white triggers by their codes, or the word orbits: one of each of the 51 orbits.",
    )
    sweep.add_argument(
        "--over",
        nargs="+",
        action="append",
        default=[],
        metavar="WORD",
        help="A parameter and its values, as in: --over alpha 0 0.1 10. A value that is a list has commas: 0.5,0.8.",
    )
    sweep.add_argument(
        "--done",
        type=Path,
        metavar="DIR",
        help="A folder that `mesa-lab collect` filled: runs that stand in its manifest are not repeated.",
    )
    sweep.add_argument("--detect", action="store_true", help="Find the target class first, in every run.")
    flags.add_cluster(sweep)
    flags.add_parameters(sweep)
    _json(sweep)

    gather = _command(
        commands,
        "collect",
        "finished runs made slim, to be kept or shipped",
        "Put the finished runs of a sweep, or single runs, into a folder in a slim form that every page and figure can "
        "open: no weights, few snapshots, and a manifest. A run that asks what another one there asks takes its place.",
        _collect,
    )
    gather.add_argument("names", nargs="+", metavar="SWEEP|RUN", help="A sweep, or a run.")
    gather.add_argument("--out", type=Path, required=True, metavar="DIR", help="Where to put them.")
    _json(gather)

    figures = _command(
        commands,
        "figures",
        "the paper's figures and tables from finished runs",
        "Draw the paper's figures from the runs that are there (the shipped ones and your own), as HTML, SVG and PNG, "
        "and write their tables and every claim with our answer as CSV. A figure whose runs are missing is named.",
        _figures,
    )
    figures.add_argument("--out", type=Path, required=True, metavar="DIR", help="Where to write them.")
    figures.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        help="Draw from the runs of this folder only: one that `mesa-lab collect` filled, or a home.",
    )
    _json(figures)

    reference = _command(
        commands,
        "reference",
        "the exact distribution of valid triggers of a run",
        "Sample the uniform law on all triggers that succeed often enough, without any model, for a run's attacked "
        "network (nested sampling). It takes long, can be stopped and goes on when asked again; runs on the same "
        "network that are measured afterwards are compared with it.",
        _reference,
    )
    reference.add_argument("--run", metavar="NAME", required=True, help="The run whose attacked network is sampled.")
    reference.add_argument("--levels", type=float, nargs="+", metavar="X", help="Levels of F. Default: 0.5 0.8 0.9.")
    reference.add_argument("--particles", type=int, metavar="N", help="Triggers in each independent run. Default: 500.")
    reference.add_argument("--images", type=int, metavar="N", help="Fixed images behind F. Default: 32.")
    reference.add_argument(
        "--flights",
        type=int,
        metavar="N",
        help="Walks on the map, and straight flights, of each trigger in a round. Default: 2.",
    )
    reference.add_argument(
        "--repeats", type=int, metavar="N", help="Independent runs, for their agreement. Default: 2."
    )
    _json(reference)

    train = _command(
        commands,
        "train",
        "train a clean victim",
        "Train a clean victim from scratch, with checkpoints: a stopped training goes on when the same command is given again.",
        _train,
    )
    train.add_argument(
        "--out", type=Path, metavar="FILE", help="Where to write the weights (half-precision safetensors)."
    )
    train.add_argument("--epochs", type=int, default=None, metavar="N", help="Epochs. Default: 20.")
    flags.add_parameters(train, ["data", "data_dir", "victim", "seed", "device", "precision", "memory", "threads"])
    _json(train)

    data = _command(
        commands,
        "data",
        "find, check or download the images",
        "Say what images are there. CIFAR-10 is downloaded on your word only: mesa-lab data cifar10 --download",
        _data,
    )
    data.add_argument("name", nargs="?", default="auto", choices=("auto", "cifar10", "signs", "folder"))
    data.add_argument("--data-dir", default="", metavar="DIR", help="Where to look.")
    data.add_argument(
        "--download",
        action="store_true",
        help="Fetch CIFAR-10 (163 MiB) from its authors' site; its checksum is checked.",
    )
    _json(data)

    runs = _command(commands, "runs", "list the runs", "List the runs, the newest first, or show one.", _runs)
    runs.add_argument("name", nargs="?", help="Show this run's figures.")
    runs.add_argument("--stop", action="store_true", help="Ask the named run to stop; it can be resumed.")
    _json(runs)

    board = _command(
        commands, "dashboard", "start the page", "Start the dashboard and open it in the browser.", _dashboard
    )
    board.add_argument("--port", type=int, default=8501, metavar="N")
    board.add_argument(
        "--address", default="localhost", help="Address to listen on; the default is reached from this machine only."
    )
    board.add_argument("--data-dir", default="", metavar="DIR", help="Where CIFAR-10 lies.")
    return parser


def _command(commands: Any, name: str, short: str, long: str, function: Any) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=short, description=long)
    parser.set_defaults(command=function)
    return parser


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="Print one JSON document on standard output.")


def _print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=1)
    print()


def _store(arguments: argparse.Namespace) -> Store:
    return Store(arguments.home or home())


def _run(arguments: argparse.Namespace) -> int:
    store = _store(arguments)
    if arguments.resume:
        if said := flags.given(arguments):
            raise ConfigError(f"A resumed run keeps its settings; leave out {', '.join(flags.flag(n) for n in said)}.")
        run = store.open(arguments.resume)
        run.request("run")  # whatever was asked before it stopped
    else:
        run = store.create(ready(settle(flags.given(arguments), store.cache), store.cache).to_dict(), arguments.name)
    return _execute(run, store, arguments.json)


def _detect(arguments: argparse.Namespace) -> int:
    store = _store(arguments)
    suspect, arguments.weights = arguments.weights, None  # here --weights is no clean victim
    said = {"baselines": flags.DETECT_BASELINES, **flags.given(arguments)}
    config = settle({**said, "suspect": suspect, "victim": arguments.arch}, store.cache)
    return _execute(store.create(ready(config, store.cache).to_dict(), arguments.name), store, arguments.json)


def _execute(run: Any, store: Store, as_json: bool) -> int:
    from mesa_core.experiment import execute

    console = Console()
    console.line(f"Run {run.name}, in {run.path}")
    state = execute(run, store, console)
    if state != "finished":
        return 130 if state == "stopped" else 1
    result = run.result()
    if as_json:
        _print_json(result)
        return 0
    if result["detection"]:
        _print_verdict(result["detection"])
    print(table(result))
    return 0


def _print_verdict(verdict: dict[str, Any]) -> None:
    for one in verdict["classes"]:
        mark = " <- attacked" if one["class"] in verdict["suspects"] else ""
        print(f"class {one['class']:>3} {one['name'][:22]:<22} mean ASR of its samples {share(one['asr'])}{mark}")
    print(f"A class is called attacked above {verdict['threshold']:.0%}.")


def _landscape(arguments: argparse.Namespace) -> int:
    from mesa_core import small

    store, console = _store(arguments), Console()
    if arguments.images < 1:
        raise ConfigError("images must be at least 1.")
    said = flags.given(arguments)
    if arguments.run:
        run = store.open(arguments.run)
        config = make_config({**run.config(), **said})
    else:
        run, config = None, settle(said, store.cache)
    found = small.landscape(config, store, arguments.weights, run, arguments.images, console.moving)
    console.line("")
    if arguments.json:
        _print_json(found)
    else:
        best, n = sorted(range(512), key=lambda code: -found["asr"][code]), found["n"]
        for code in best[:10]:
            print(f"code {code:>3} ({code:09b})  ASR {share(proportion(round(found['asr'][code] * n), n).to_json())}")
        for level in (0.5, 0.8, 0.9):
            print(
                f"triggers with ASR of at least {level:.0%}: {sum(v >= level for v in found['asr'])} of 512 (n={found['n']} images each)"
            )
    return 0


def _sweep(arguments: argparse.Namespace) -> int:
    from mesa_core import sweep as sweeps

    store, console = _store(arguments), Console()
    axes: dict[str, Any] = {}
    if arguments.codes:
        axes["trigger"] = flags.codes(arguments.codes, sweeps.SETS)
    for name, *words in arguments.over:
        axes[flags.name_of(name)] = flags.values(name, words)
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
        from mesa_core import cluster

        steps = cluster.work(store, pieces, arguments.ray, arguments.gpus, console.line)
    else:
        from mesa_core.experiment import execute

        steps = sweeps.work(store, pieces, execute, watch)
    with contextlib.redirect_stdout(sys.stderr):  # a cluster may have something to say among the results
        for new in steps:
            left = duration(new.to_go(start, time.monotonic() - began))
            say = console.moving if new == now else console.line  # while others work nothing new is to be said
            say(f"{new.finished} of {new.total} runs finished, {new.running} running, {left} to go")
            now = new
    for name in now.failed:
        console.line(f"Failed twice: {name}. {sweeps.why(store, name)}")
    if now.failed:
        console.line("Once its cause is mended, try one again with: mesa-lab run --resume NAME")
    if arguments.json:
        _print_json({"name": arguments.sweep, **vars(now), "runs": [piece.name for piece in pieces]})
    return 1 if now.failed else 0


def _collect(arguments: argparse.Namespace) -> int:
    from mesa_core import compact
    from mesa_core import sweep as sweeps

    store, console, found, rest = _store(arguments), Console(), [], 0
    for name in arguments.names:
        if (store.root / "sweeps" / f"{name}.json").is_file():
            runs = sweeps.runs_of(store, name)
            ready_now = [run for run in runs if (run.path / "result.json").is_file()]
            found, rest = found + ready_now, rest + len(runs) - len(ready_now)
        else:
            found.append(store.open(name))
    for run in found:
        compact.collect([run], arguments.out)
        console.line(f"{run.name}: {compact.size_of(arguments.out / run.name) / 1000:.0f} kB")
    entries = compact.manifest(arguments.out)
    if arguments.json:
        _print_json({"collected": [run.name for run in found], "not_finished": rest, "there": len(entries)})
    else:
        waits = f"; {rest} of the sweep not finished yet" if rest else ""
        print(f"{len(found)} runs collected{waits}. {arguments.out} holds {len(entries)}.")
    return 0


def _figures(arguments: argparse.Namespace) -> int:
    from mesa_core.assets import shipped_detections, shipped_runs, shipped_sweep
    from mesa_core.paper import everything, material

    folders = [shipped_sweep(), _store(arguments).runs, shipped_runs(), shipped_detections()]
    if arguments.results:
        if not arguments.results.is_dir():
            raise StoreError(f"There is no folder {arguments.results}.")
        inside = arguments.results / "runs"
        folders = [inside if inside.is_dir() else arguments.results]
    told = everything.write(material.read(folders), arguments.out, Console().line)
    if arguments.json:
        _print_json(told)
    else:
        print(f"{len(told['files'])} files in {arguments.out}.")
    return 0


def _reference(arguments: argparse.Namespace) -> int:
    from mesa_core.evaluation import finish
    from mesa_core.reference import build

    store, console = _store(arguments), Console()
    names = ("levels", "particles", "images", "flights", "repeats")
    said = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    if "levels" in said:
        said["levels"] = tuple(said["levels"])
    run = store.open(arguments.run)
    console.label = f"Reference of {run.name}"
    told = finish(build.make(run, store, build.Options(**said)), console)
    console.line("")
    if arguments.json:
        _print_json(told)
        return 0
    for one in told["levels"]:
        volume = one["log_volume"]
        print(
            f"F of at least {one['beta']:g}: log volume {volume['value']:.2f} ± {volume['error']:.2f} nats "
            f"(runs {', '.join(f'{v:.2f}' for v in volume['runs'])}), ASR {share(one['mean_asr'])}, "
            f"{len(one['modes'])} modes"
        )
    print(f"{told['looks']} values and gradients of F, each on {told['options']['images']} images.")
    return 0


def _train(arguments: argparse.Namespace) -> int:
    from mesa_core import small

    store, console = _store(arguments), Console()
    config = settle(flags.given(arguments), store.cache)
    out = arguments.out or Path(f"{config.data}-{config.victim}.safetensors")
    if arguments.epochs is not None and not 1 <= arguments.epochs <= 300:
        raise ConfigError("epochs must lie between 1 and 300.")
    card = small.train_victim(config, arguments.epochs or config.clean_epochs, out, store, console)
    if arguments.json:
        _print_json(card)
    else:
        print(f"{out}: test accuracy {share(card['accuracy'])}, measured from the file.")
    return 0


def _data(arguments: argparse.Namespace) -> int:
    from mesa_core.data.download import download_cifar10
    from mesa_core.data.locate import find_data

    store, console = _store(arguments), Console()
    name = arguments.name
    if arguments.download:
        if name not in ("auto", "cifar10"):
            raise ConfigError(f"Only cifar10 can be downloaded, not {name}.")
        folder = Path(arguments.data_dir).expanduser() if arguments.data_dir else store.cache
        for have, total in download_cifar10(folder):
            console.moving(f"{have / 2**20:.0f} of {total / 2**20:.0f} MiB")
        name = "cifar10"
    if name == "auto":
        name = find_data(arguments.data_dir or None, store.cache)
    from mesa_core.data import load_data

    dataset = load_data(
        name,
        arguments.data_dir,
        cache=store.cache,
        progress=lambda what, done, of: console.moving(f"{what} {done}/{of}"),
    )
    told = {
        "name": dataset.name,
        "classes": list(dataset.classes),
        "train": len(dataset.train),
        "test": len(dataset.test),
        "fingerprint": dataset.fingerprint,
    }
    console.line("")
    if arguments.json:
        _print_json(told)
    else:
        print(
            f"{dataset.name}: {told['train']} training and {told['test']} test images, {len(dataset.classes)} classes: {', '.join(dataset.classes)}."
        )
    return 0


def _runs(arguments: argparse.Namespace) -> int:
    store = _store(arguments)
    if arguments.name:
        run = store.open(arguments.name)
        if arguments.stop:
            if run.state() not in ("running", "waiting"):
                raise StoreError(f"{run.name} is {run.state()}; there is nothing to stop.")
            (run.path / "waiting").unlink(missing_ok=True)
            run.request("stop")
            print("Asked to stop; it ends within a step.", file=sys.stderr)
            return 0
        result = run.result()
        if arguments.json:
            _print_json(result)
        else:
            print(table(result) if result else f"{run.name} is {run.state()}.")
        return 0
    if arguments.stop:
        raise ConfigError("Name the run that is to stop.")
    rows = [{"name": run.name, "state": run.state()} for run in store.list()]
    if arguments.json:
        _print_json(rows)
    else:
        for row in rows:
            print(f"{row['state']:<12} {row['name']}")
        if not rows:
            print("No runs yet; start one with: mesa-lab run", file=sys.stderr)
    return 0


def _dashboard(arguments: argparse.Namespace) -> int:
    from streamlit.web import cli as streamlit

    import dashboard

    if arguments.home:
        os.environ["MESA_LAB_HOME"] = str(arguments.home.resolve())
    if arguments.data_dir:
        os.environ["MESA_LAB_DATA"] = str(Path(arguments.data_dir).expanduser().resolve())
    page = Path(dashboard.__file__).parent / "app.py"
    sys.argv = [
        "streamlit",
        "run",
        str(page),
        "--server.port",
        str(arguments.port),
        "--server.address",
        arguments.address,
    ]
    return streamlit.main(standalone_mode=False) or 0
