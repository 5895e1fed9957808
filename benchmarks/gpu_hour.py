"""An hour on a machine that has a GPU and nothing else: python benchmarks/gpu_hour.py PART --home DIR --out DIR

Parts, each of at most --minutes (10) and each going on where it was cut short when it is called again:

  bring FILE...  copies one of CIFAR-10's Parquet files into the home, so that four calls bring the data set
  tests          the tests that need CUDA
  train          the paper's network, ResNet-18, trained on CIFAR-10 (goal: 95.0 % or more)
  steps          our loops against the bare network, as benchmarks/steps.py prints them
  triggers       the 51 by the paper's protocol with that network, hardest first by our sweep, as many as there is time for;
                 --workers processes beside each other, which share the card by MPS where it is there: one alone keeps a
                 large card a tenth busy
  collect        what is finished, slim, into --out

A part prints one line of JSON at its end: its name, whether it is done, and its seconds. --tiny tries everything end to
end on a CPU with drawn signs and a few steps; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mesa_core.disk.files import write_atomically
from mesa_core.paper import difficulty
from mesa_core.store import compact
from mesa_core.store.shipped import shipped_sweep

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 60 << 20  # bytes of a file that is brought
GRACE = 40.0  # seconds that a command has to write down where it is
SWEEP = "gpu-paper"
PAPERS = ("--data", "cifar10", "--victim", "resnet18", "--device", "cuda")
TINY = (
    "--data", "signs", "--victim", "resnet9-16", "--device", "cpu", "--measure", "tiny", "--mesa-steps", "3", "--attack-epochs", "0.05",
    "--attack-took", "0", "--repair-epochs", "0.05", "--point-steps", "2", "--point-seeds", "1", "--eval-images", "50",
)  # fmt: skip


def hardest_first() -> list[int]:
    """The 51 codes by what the point defence left of them in the shipped sweep."""
    return list(reversed(difficulty.ranked(compact.manifest(shipped_sweep()))))


class Hour:
    """What every part needs: where things lie, and when it has to end."""

    def __init__(self, home: Path, out: Path, minutes: float, workers: int, tiny: bool) -> None:
        self.home, self.out, self.workers, self.tiny = home.resolve(), out.resolve(), workers, tiny
        self.until = time.monotonic() + 60 * minutes - GRACE
        self.data, self.weights = self.home / "cifar10", self.home / "resnet18.safetensors"
        for folder in (self.home, self.out):
            folder.mkdir(parents=True, exist_ok=True)

    def timed(self, *words: str, copies: int = 1) -> int:
        """Carry out a command of ours, in several processes where it can share its work.

        At the end of the time it is asked to stop, and goes on when called again. Returns the first exit status that is
        not 0, -2 where it was stopped.
        """
        paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        env = {**os.environ, "PYTHONPATH": paths}
        started = [subprocess.Popen([sys.executable, *words], cwd=ROOT, env=env) for _ in range(copies)]
        try:
            ended = [one.wait(max(1.0, self.until - time.monotonic())) for one in started]
            return next((status for status in ended if status), 0)
        except subprocess.TimeoutExpired:
            for one in started:
                one.send_signal(signal.SIGINT)
            until = time.monotonic() + GRACE / 2
            for one in started:
                try:
                    one.wait(max(0.1, until - time.monotonic()))
                except subprocess.TimeoutExpired:
                    one.kill()
                    one.wait()
            return -2

    def lab(self, *words: str, copies: int = 1) -> int:
        """`mesa-lab` with this home and data."""
        more = () if self.tiny or words[0] == "collect" else ("--data-dir", str(self.data))
        return self.timed("-m", "mesa_core", "--home", str(self.home), *words, *more, copies=copies)

    # -- parts: each returns whether it is done
    def bring(self, files: list[Path]) -> bool:
        """Copy files of the data set into the home."""
        self.data.mkdir(exist_ok=True)
        for file in files:
            if file.stat().st_size > LARGEST or file.suffix != ".parquet":
                raise SystemExit(f"{file.name} is no Parquet file of at most {LARGEST >> 20} MiB.")
            write_atomically(self.data / file.name, file.read_bytes())
        have = sorted(path.name for path in self.data.glob("*.parquet"))
        print(f"There are {len(have)} of 4: {', '.join(have)}.")
        return len(have) == 4

    def tests(self) -> bool:
        """The tests that need CUDA."""
        return self.timed("-m", "pytest", "tests/victims", "tests/experiment", "-k", "captured or cuda", "-n", "0") in (
            0,
            5,
        )

    def train(self) -> bool:
        """The clean network."""
        if self.weights.exists():
            return True
        given = ("--epochs", "1", *TINY[:6]) if self.tiny else ("--epochs", "60", *PAPERS)
        return self.lab("train", "--out", str(self.weights), "--json", *given) == 0

    def steps(self) -> bool:
        """Ratios."""
        victim, device = ("resnet9-16", "cpu") if self.tiny else ("resnet18", "cuda")
        return (
            self.timed(
                "benchmarks/steps.py", "--victim", victim, "--device", device, "--repeats", "3" if self.tiny else "50"
            )
            == 0
        )

    def triggers(self) -> bool:
        """The 51."""
        codes = [str(code) for code in hardest_first()][: 2 if self.tiny else None]
        protocol = TINY if self.tiny else (*PAPERS, "--protocol", "paper", "--repair-each-beta", "--samples", "512")
        beside = ("--baselines", "point") if self.tiny else ("--baselines", "point", "random", "ideal", "control")
        words = ("--codes", *codes, "--weights", str(self.weights), "--target", "0", *protocol, *beside)
        with sharing(self.home / "mps"):
            return self.lab("sweep", SWEEP, *words, "--threads", "1", copies=self.workers) == 0

    def collect(self) -> bool:
        """What is finished."""
        return self.lab("collect", SWEEP, "--out", str(self.out / SWEEP)) == 0


@contextlib.contextmanager
def sharing(place: Path) -> Iterator[None]:
    """Processes that use the card meanwhile share it by NVIDIA's MPS, where it is there; the card's settings stay as they are."""
    control = shutil.which("nvidia-cuda-mps-control")
    if control is None:
        yield
        return
    place.mkdir(exist_ok=True)
    os.environ |= {"CUDA_MPS_PIPE_DIRECTORY": str(place), "CUDA_MPS_LOG_DIRECTORY": str(place)}
    subprocess.run([control, "-d"], check=False)
    try:
        yield
    finally:
        subprocess.run([control], input="quit\n", text=True, check=False)


def main() -> int:
    """One part; exit status 1 where it has to be called again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("bring", "tests", "train", "steps", "triggers", "collect"))
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--home", type=Path, default=Path("gpu-hour"))
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", "gpu-hour-out")))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=max(1, min(14, (os.cpu_count() or 1) - 2)))
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args()
    hour, began = Hour(asked.home, asked.out, asked.minutes, asked.workers, asked.tiny), time.monotonic()
    part = getattr(hour, asked.part)
    done = part(asked.files) if asked.part == "bring" else part()
    told = {"part": asked.part, "done": done, "seconds": round(time.monotonic() - began, 1)}
    if shutil.which("nvidia-smi"):
        told["card"] = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout.strip()[:80]
    print(json.dumps(told))
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
