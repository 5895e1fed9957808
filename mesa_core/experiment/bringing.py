"""A network that somebody brings, made ready to be examined: read, matched, its units found, and written back healed."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path

from torch import Tensor

from mesa_core import events as ev
from mesa_core.brought import files, networks, trial
from mesa_core.brought.networks import Network
from mesa_core.config import SHIPPED, ConfigError
from mesa_core.experiment.context import Context
from mesa_core.keys import key_of
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims import weights
from mesa_core.victims.images import Normalise
from mesa_core.victims.names import ARCHITECTURES


def suspect_file(lab: Context) -> Path:
    """The file of the network to examine. ConfigError where the shipped one is asked for and there is none."""
    c = lab.config
    if c.suspect != SHIPPED:
        return Path(c.suspect)
    path = shipped_weights(c.data, c.victim)
    if path is None:
        raise ConfigError(f"No clean weights are shipped for {c.victim} on {c.data}; name a file as the suspect.")
    return path


def bring(lab: Context, path: Path) -> Generator[ev.Event, None, tuple[str, Mapping[str, Tensor]]]:
    """Read the network that is to be examined into `lab`; returns its key and its weights.

    Raises WeightsError in one sentence where it cannot be read, is of another architecture or number of classes, or
    does no better than guessing on the defender's images.
    """
    c = lab.config
    brought = files.read(path)
    if c.suspect_digest and c.suspect != SHIPPED and not brought.digest.startswith(c.suspect_digest):
        raise weights.WeightsError(f"{path.name} is not the file any more that this run was made for; start a new one.")
    network = networks.fit(brought, c.victim, len(lab.dataset.classes))
    lab.network = network
    if c.suspect != SHIPPED:  # whose units are known
        yield ev.Note(network.told())
        tries = trial.candidates(network, lab.dataset.mean, lab.dataset.std, c.units)
        found = trial.judge(network, lab.defender.images, lab.defender.labels, lab.compute, tries, lab.seed("bench"))
        lab.network, lab.normalise = network.conditioned(found.chosen.normalise)
        yield ev.Note(found.told())
    usual = Normalise(lab.dataset.mean, lab.dataset.std)
    return key(network, lab.normalise, usual), lab.network.module().state_dict()


def key(network: Network, normalise: Normalise, usual: Normalise) -> str:
    """What decides a brought network's answers: its bytes, and where they are not as always its architecture and units."""
    digest = network.brought.digest
    if normalise == usual and network.arch in list(ARCHITECTURES):
        return digest[:24]
    return key_of({"file": digest, "arch": network.arch, "mean": list(normalise.mean), "std": list(normalise.std)})


def heal(lab: Context, state: Mapping[str, Tensor]) -> ev.Event | None:
    """Write the repaired network as the file that it came in; says where. None where none was brought."""
    if lab.network is None or lab.config.suspect == SHIPPED:
        return None
    path = lab.network.brought.path
    out = lab.run.path / "weights" / f"healed{path.suffix}"
    try:
        lab.network.healed(state, out)
    except (weights.WeightsError, OSError) as error:
        return ev.Note(f"The healed network is not written as {path.name} was: {error}")
    return ev.Note(f"The healed network, in the units, names, number format and container of {path.name}: {out}")
