"""What a page reads of a run that may be unfinished, old, damaged or foreign: checked once here, so that views need not."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import streamlit as st

from dashboard import stored
from dashboard.serving import brought, queue, reading, visitors
from dashboard.serving.reading import stamp_of
from mesa_core import triggers
from mesa_core.config import ConfigError, ExperimentConfig, make_config
from mesa_core.data.sources import classes_of
from mesa_core.measures import breadth
from mesa_core.measures.submodel import Submodel
from mesa_core.store import Run, StoreError, checks
from mesa_core.store.results import Result

DAMAGED = "The figures of {} cannot be read; its result.json may be damaged or of another program."


def listed() -> list[Run]:
    """Runs of this server, the newest first, and the shipped ones; none of a network that another visitor brought."""
    shipped = queue.shipped()
    hidden = {run.name for run in (*shipped, *queue.swept())}  # a name means the shipped run, as in `queue.find`
    whose = visitors.visitor()
    own = [run for run in queue.store().list() if run.name not in hidden and not brought.hidden(run, whose)]
    return shipped + own


def config(run: Run) -> ExperimentConfig:
    """What a run was asked, checked. StoreError in one sentence."""
    return _config(str(run.path), stamp_of(run.path / "config.json"))


def result(run: Run) -> Result | None:
    """The result of a finished run, its shape checked; None while it is not finished. StoreError in one sentence.

    It is shared between visitors and must not be changed.
    """
    stamp = stamp_of(run.path / "result.json")
    return _result(str(run.path), stamp) if stamp else None


@st.cache_resource(max_entries=256, show_spinner=False)
def _config(path: str, stamp: tuple[int, int] | None) -> ExperimentConfig:
    run = Run(Path(path))
    try:
        return make_config(run.config())
    except ConfigError as error:
        raise StoreError(f"The settings of {run.name} cannot be read: {error}") from None


@st.cache_resource(max_entries=256, show_spinner=False)
def _result(path: str, stamp: tuple[int, int]) -> Result | None:
    try:
        return Run(Path(path)).outcome()
    except StoreError:
        raise StoreError(DAMAGED.format(Path(path).name)) from None


def levels(run: Run) -> list[Submodel]:
    """The sub-models of a finished run with every measure of how wide they lie (`breadth`); [] until it has finished.

    What an older result lacks is computed from its samples, once for all visitors. StoreError in one sentence.
    """
    stamps = [stamp_of(run.path / file) for file in ("result.json", "snapshots/samples.npz", "snapshots/axes.npz")]
    return _levels(str(run.path), *stamps)


@st.cache_resource(max_entries=256, show_spinner=False)
def _levels(path: str, *stamps: tuple[int, int] | None) -> list[Submodel]:
    run = Run(Path(path))
    found = result(run)
    return breadth.complete(found.submodels, samples(run)) if found else []


def finished() -> list[tuple[Run, ExperimentConfig, Result]]:
    """Every finished run that can be read, shipped ones first."""
    found = []
    for run in listed():
        try:
            value = result(run)
            if value is not None:
                found.append((run, config(run), value))
        except StoreError:
            continue
    return found


def label(run: Run) -> str:
    """A run in a line, for a list to choose from."""
    try:
        c = config(run)
    except StoreError as error:
        return f"{run.name} (damaged: {error})"
    names = classes_of(c.data)
    what = triggers.brief(triggers.from_hex(c.trigger))
    what = f"{what} trigger" if what.endswith("coloured") else what
    target = names[c.target] if c.target < len(names) else f"class {c.target}"
    state = run.state()
    said = "" if state == "finished" else f" · {state}"
    try:
        result(run)
    except StoreError as error:
        said = f" (damaged: {error})"
    kind = "" if c.kind == "mine" else f" · {c.kind}"
    target = stored.plain(target, 200)
    if c.suspect:
        return f"{c.data} · a network that was brought · α {c.alpha:g}{kind} · seed {c.seed} · {run.name}{said}"
    return f"{c.data} · {what} → {target} · α {c.alpha:g}{kind} · seed {c.seed} · {run.name}{said}"


# -- arrays
@dataclass(frozen=True)
class Maps:
    """The 512 black-and-white triggers of a run's size; None for what the run does not have, said in `missing`."""

    clean: np.ndarray | None  # ASR (512,) on the victim before the attack
    before: np.ndarray | None  # on the attacked victim
    after: np.ndarray | None  # after MESA's repair
    n: int  # images a code
    places: dict[str, np.ndarray]  # 'pca', 'tsne': (512, 2)
    looks: dict[
        float, np.ndarray
    ]  # for each level: how many samples round to each code, (512,); {} where codes are drawn
    missing: list[str] = field(default_factory=list)
    size: int = triggers.SIZE  # of the triggers


def maps(run: Run) -> Maps:
    """Read them. Whatever is missing or damaged is left out and said. StoreError where the settings are unreadable."""
    c, missing = config(run), []
    axes = _arrays(run, "axes.npz")
    later = _arrays(run, "landscape-after.npz")
    before, after, clean = (
        checks.rates(axes, "codes_asr"),
        checks.rates(later, "codes_asr"),
        checks.rates(axes, "clean_asr"),
    )
    if not c.landscape_images and before is not None:
        missing.append(
            "This run asked for no map of the 512 (2 images a trigger fix the axes only), so it is very rough."
        )
    if before is None:
        missing.append("The map after the attack is missing or damaged, or the run has not come to it yet.")
    if after is None:
        missing.append(
            "There is no map after the repair: the run is older than this measure, asked for no map, or has not come to it yet."
        )
    if clean is None:
        missing.append(
            "There is no map of the clean victim: the run is older than this measure, or brought its own network."
        )
    try:
        n = int(axes["codes_images"])
    except (KeyError, TypeError, ValueError):
        n = c.landscape_images or 2
    places = {}
    for name in ("pca", "tsne"):
        found = axes.get(name)
        if (
            found is not None
            and found.shape == (triggers.PANEL, 2)
            and found.dtype.kind == "f"
            and np.isfinite(found).all()
        ):
            places[name] = found
    looks = {} if triggers.drawn(c.size) or c.cell != triggers.COLOURS else _looks(run, list(c.beta))
    if triggers.drawn(c.size):
        missing.append(triggers.too_many(c.size))
    elif c.cell != triggers.COLOURS:
        missing.append(
            "The samples let the image through, and the 512 do not, so none is marked, and there is no recall."
        )
    elif not looks:
        missing.append("The sampled triggers are missing or damaged, or not sampled yet.")
    return Maps(clean, before, after, max(1, n), places, looks, missing, c.size)


def _arrays(run: Run, file: str) -> dict[str, np.ndarray]:
    try:
        return dict(reading.arrays(run, file))  # the arrays are shared, the dictionary is the caller's
    except StoreError:
        return {}


def samples(run: Run) -> dict[str, np.ndarray] | None:
    """The measured samples, their shapes checked; None where they are missing or damaged.

    `triggers` uint8 `(n, d)`, `level`, `asr`, `mode` `(n,)`, `pca`, `tsne` `(n, 2)`, with the axes' bounds `(4,)`.
    """
    return checks.samples(_arrays(run, "samples.npz"), _arrays(run, "axes.npz"))


def _looks(run: Run, betas: list[float]) -> dict[float, np.ndarray]:
    found = samples(run)
    if found is None or int(found["level"].max()) >= len(betas):
        return {}
    inks = triggers.unflatten(found["triggers"])
    if inks.shape[-1] != triggers.SIZE:
        return {}
    codes = triggers.round_to_codes(inks / 255.0)
    return {beta: np.bincount(codes[found["level"] == i], minlength=triggers.CODES) for i, beta in enumerate(betas)}
