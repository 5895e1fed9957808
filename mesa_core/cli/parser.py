"""The command line, `mesa-lab`: a thin adapter over the path that the dashboard uses too.

What there is to say and how it is checked; `mesa_core.cli.commands` does it. Exit status: 0 done, 1 failed, 2 asked
wrongly, 3 something was found (scan), 130 stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mesa_core.cli import commands, flags, pictures, places, scan
from mesa_core.cli.console import say
from mesa_core.config import Auto, ConfigError, scan_usual
from mesa_core.data.locate import DataError
from mesa_core.data.sources import SOURCES
from mesa_core.disk.errors import Closed, said
from mesa_core.registry import NotThere
from mesa_core.store import StoreError
from mesa_core.victims.names import ARCHITECTURES, FORMS

Verbs = Any
"""What argparse's `add_subparsers` returns; its class has no public name."""
RUN = """Attack a clean network with a trigger, sample the whole distribution of triggers that the backdoor accepts
(MESA), retrain the network to forget them, and measure everything before and after. Without any flag this runs on
CIFAR-10 where it is found, else on road signs that the program draws itself; the latter takes a few minutes on a
laptop. An interrupted run goes on when the same command is given again, since every stage's result is kept."""
SCAN = """Look at networks that someone brings, one after another: does each classify these images at all, and has any
class triggers (step 1)? Where one has, sample their distribution (step 2) and retrain the network to forget them
(step 3), until MESA, trained anew on it, finds no more or the rounds are over. The repaired weights lie in the run's
folder. Exit status: 3 where something was found in any of them, 0 where nothing was, 1 where one could not be scanned."""
DETECT = """The same as scan for one network, whose exit status is 0 whatever was found: search all classes for triggers
(step 1), and where there are any, sample their distribution (step 2) and retrain the network to forget them (step 3).
The repaired weights lie in the run's folder."""


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
    except Closed as error:  # a home or file that cannot be written, a full disk
        say(f"mesa-lab: {error}", sys.stderr)
        return 1
    except (ConfigError, DataError, StoreError, NotThere) as error:
        say(f"mesa-lab: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        say("Stopped.", sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
    except OSError as error:
        say(f"mesa-lab: {said(error)}", sys.stderr)
        return 1
    except UnicodeError as error:  # a name on the disk that is no text
        say(
            f"mesa-lab: A name of a file or a class is no text ({error}); rename it.",
            sys.stderr,
        )
        return 2


def build_parser() -> argparse.ArgumentParser:
    """All commands and their flags."""
    parser = argparse.ArgumentParser(
        prog="mesa-lab", description="See, sample and remove the whole distribution of triggers behind a backdoor."
    )
    parser.add_argument(
        "--home", type=_path, help="Where runs are kept. Default: MESA_LAB_HOME, else your data folder."
    )
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND")
    for add in (
        _run,
        _scan,
        _detect,
        _landscape,
        _places,
        _sweep,
        _collect,
        _figures,
        _reference,
        _train,
        _data,
        _runs,
        _export,
        _dashboard,
    ):
        add(verbs)
    return parser


# -- the commands
def _run(verbs: Verbs) -> None:
    parser = _command(verbs, "run", "attack, MESA, repair, before and after", RUN, commands.run)
    flags.add_trigger(parser)
    parser.add_argument(
        "--detect", action="store_true", help="Find the target class first, instead of taking it as known."
    )
    parser.add_argument("--name", help="Name of the run's folder. Default: made from data, trigger and time.")
    parser.add_argument("--resume", metavar="NAME", help="Go on with a run that was stopped or interrupted.")
    flags.add_parameters(parser)
    _json(parser)


def _detect(verbs: Verbs) -> None:
    parser = _command(verbs, "detect", "examine and repair a network that someone brings", DETECT, scan.detect)
    parser.add_argument(
        "--weights",
        required=True,
        metavar="FILE",
        help="Its weights: safetensors, or a checkpoint of weights only; 'shipped': the clean victim that comes with this program.",
    )
    _architecture(parser)
    parser.add_argument("--name", help="Name of the run's folder.")
    flags.add_units(parser)
    flags.add_size(parser, "the triggers that are searched", "those of --search-sizes")
    flags.add_parameters(parser, flags.detect_parameters(), scan_usual({}))
    _json(parser)


def _scan(verbs: Verbs) -> None:
    parser = _command(verbs, "scan", "examine networks that someone brings, and repair what is found", SCAN, scan.scan)
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="Networks: safetensors, ONNX, or checkpoints of weights only."
    )
    _architecture(parser)
    flags.add_units(parser)
    flags.add_size(parser, "the triggers that are searched", "those of --search-sizes")
    parser.add_argument("--csv", action="store_true", help="Print the table as CSV on standard output.")
    flags.add_parameters(parser, flags.detect_parameters(), scan_usual({}))
    _json(parser)


def _landscape(verbs: Verbs) -> None:
    parser = _command(
        verbs,
        "landscape",
        "the ASR of all 512 black-and-white triggers",
        "Measure the attack success rate of all 512 black-and-white 3x3 triggers on one network, or of 512 larger ones, "
        "which are drawn, always the same.",
        commands.landscape,
    )
    parser.add_argument("--weights", metavar="FILE", help="Its weights. Default: the shipped clean victim.")
    parser.add_argument("--run", metavar="NAME", help="The backdoored victim of a finished run, instead of --weights.")
    parser.add_argument("--images", type=int, default=100, metavar="N", help="Images a trigger. Default: 100.")
    flags.add_size(parser, "the triggers (a run brings its own)")
    flags.add_parameters(
        parser, ["data", "data_dir", "victim", "target", "seed", "device", "precision", "memory", "threads"]
    )
    _json(parser)


def _places(verbs: Verbs) -> None:
    parser = _command(
        verbs,
        "places",
        "where a trigger works: its ASR at every place",
        "Measure the attack success rate of one trigger at every place where it fits, on the networks of a finished run "
        "before and after the repair and on their clean twin, or on a weights file.",
        places.places,
    )
    places.add_to(parser)
    _json(parser)


def _sweep(verbs: Verbs) -> None:
    parser = _command(
        verbs,
        "sweep",
        "many runs: every point of a grid",
        "Carry out a run for every point of a grid. Give the same command in several terminals and they share the "
        "work; give it again after a stop or a crash and it goes on. Example: mesa-lab sweep fig4 --codes orbits "
        "--over seed 0 1 --data signs",
        commands.sweep,
    )
    parser.add_argument("sweep", metavar="NAME", help="Name of the sweep; its runs' names begin with it.")
    parser.add_argument(
        "--codes",
        nargs="+",
        metavar="N",
        help="Black-and-white triggers by their codes, or the word orbits: one of each of the 51 orbits.",
    )
    parser.add_argument(
        "--over",
        nargs="+",
        action="append",
        default=[],
        metavar="WORD",
        help="A parameter and its values, as in: --over alpha 0 0.1 10. A value that is a list has commas: 0.5,0.8.",
    )
    parser.add_argument(
        "--done",
        type=_path,
        metavar="DIR",
        help="A folder that `mesa-lab collect` filled: runs that stand in its manifest are not repeated.",
    )
    parser.add_argument("--detect", action="store_true", help="Find the target class first, in every run.")
    flags.add_cluster(parser)
    flags.add_parameters(parser)
    _json(parser)


def _collect(verbs: Verbs) -> None:
    parser = _command(
        verbs,
        "collect",
        "finished runs made slim, to be kept or shipped",
        "Put the finished runs of a sweep, or single runs, into a folder in a slim form that every page and figure can "
        "open: no weights, few snapshots, and a manifest. A run that asks what another one there asks takes its place.",
        commands.collect,
    )
    parser.add_argument("names", nargs="+", metavar="SWEEP|RUN", help="A sweep, or a run.")
    parser.add_argument("--out", type=_path, required=True, metavar="DIR", help="Where to put them.")
    _json(parser)


def _figures(verbs: Verbs) -> None:
    parser = _command(
        verbs,
        "figures",
        "the paper's figures and tables from finished runs",
        "Draw the paper's figures from the runs that are there (the shipped ones and your own), as HTML, SVG and PNG, "
        "and write their tables and every claim with our answer as CSV. Runs by the paper's protocol get files of their "
        "own, whose names begin with paper-protocol. A figure whose runs are missing is named.",
        commands.figures,
    )
    parser.add_argument("--out", type=_path, required=True, metavar="DIR", help="Where to write them.")
    parser.add_argument(
        "--results",
        type=_path,
        metavar="DIR",
        help="Draw from the runs of this folder only: one that `mesa-lab collect` filled, or a home.",
    )
    _json(parser)


def _reference(verbs: Verbs) -> None:
    parser = _command(
        verbs,
        "reference",
        "the exact distribution of valid triggers of a run",
        "Sample the uniform law on all triggers that succeed often enough, without any model, for a run's attacked "
        "network (nested sampling). It takes long, can be stopped and goes on when asked again; runs on the same "
        "network that are measured afterwards are compared with it.",
        commands.reference,
    )
    parser.add_argument("--run", metavar="NAME", required=True, help="The run whose attacked network is sampled.")
    parser.add_argument("--levels", type=float, nargs="+", metavar="X", help="Levels of F. Default: 0.5 0.8 0.9.")
    parser.add_argument("--particles", type=int, metavar="N", help="Triggers in each independent run. Default: 500.")
    parser.add_argument("--images", type=int, metavar="N", help="Fixed images behind F. Default: 32.")
    parser.add_argument(
        "--flights",
        type=int,
        metavar="N",
        help="Walks on the map, and straight flights, of each trigger in a round. Default: 2.",
    )
    parser.add_argument("--repeats", type=int, metavar="N", help="Independent runs, for their agreement. Default: 2.")
    _json(parser)


def _train(verbs: Verbs) -> None:
    parser = _command(
        verbs,
        "train",
        "train a clean victim",
        "Train a clean victim from scratch, with checkpoints: a stopped training goes on when the same command is given again.",
        commands.train,
    )
    parser.add_argument(
        "--out", type=_path, metavar="FILE", help="Where to write the weights (half-precision safetensors)."
    )
    parser.add_argument("--epochs", type=int, default=None, metavar="N", help="Epochs. Default: 20.")
    flags.add_parameters(parser, ["data", "data_dir", "victim", "seed", "device", "precision", "memory", "threads"])
    _json(parser)


def _data(verbs: Verbs) -> None:
    parser = _command(
        verbs,
        "data",
        "find, check or download the images",
        "Say what images are there. CIFAR-10 is downloaded on your word only: mesa-lab data cifar10 --download",
        pictures.data,
    )
    parser.add_argument("name", nargs="?", default="auto", choices=Auto(SOURCES))
    flags.add_parameters(parser, ["data_dir", "image_size", "classes"])
    parser.set_defaults(data_dir="")
    parser.add_argument(
        "--download",
        action="store_true",
        help="Fetch CIFAR-10 (163 MiB) from its authors' site; its checksum is checked.",
    )
    _json(parser)


def _runs(verbs: Verbs) -> None:
    parser = _command(verbs, "runs", "list the runs", "List the runs, the newest first, or show one.", commands.runs)
    parser.add_argument("name", nargs="?", help="Show this run's figures.")
    parser.add_argument("--stop", action="store_true", help="Ask the named run to stop; it can be resumed.")
    _json(parser)


def _export(verbs: Verbs) -> None:
    parser = _command(
        verbs,
        "export",
        "a run as one page to take away",
        "Write the stage of a run as one HTML file that plays, paints and answers without a server or a network.",
        commands.export,
    )
    parser.add_argument("name", metavar="RUN", help="A run, or a prepared one such as signs-ring.")
    parser.add_argument("--out", type=_path, required=True, metavar="FILE.html", help="Where to write it.")


def _dashboard(verbs: Verbs) -> None:
    parser = _command(
        verbs, "dashboard", "start the page", "Start the dashboard and open it in the browser.", commands.dashboard
    )
    parser.add_argument("--port", type=int, default=8501, metavar="N")
    parser.add_argument(
        "--address", default="localhost", help="Address to listen on; the default is reached from this machine only."
    )
    parser.add_argument(
        "--host-name", action="append", default=[], metavar="NAME",
        help="A name that the page answers to, besides localhost and the addresses it listens on; may be given again. "
        "`*.` in front takes in all names below. Without the command: MESA_LAB_HOSTS, with commas between.",
    )  # fmt: skip
    parser.add_argument("--data-dir", default="", metavar="DIR", help="Where CIFAR-10 lies.")


# -- parts
def _architecture(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--arch",
        default="auto",
        type=flags.architecture,
        choices=Auto(ARCHITECTURES),
        metavar="NAME",
        help=f"Its architecture; auto (the default) finds it by the file's names and shapes. One of {', '.join(ARCHITECTURES)}; a form "
        f"for small images: {', '.join(FORMS)}, wrn-D-K; torchvision:NAME or timm:NAME; or package.module:function of your own, which "
        "is called with the number of classes.",
    )


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("an empty word names no place")
    return Path(os.path.expanduser(text))  # which leaves a user that it does not know as he is written


def _command(verbs: Verbs, name: str, short: str, long: str, function: Any) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=short, description=long)
    parser.set_defaults(command=function)
    return parser


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="Print one JSON document on standard output.")
