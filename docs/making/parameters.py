"""Every parameter of an experiment as tables, made from its declaration; and what protocols and data sets change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from making.commands import told
from mesa_core.config import BUDGETS, DATA_PRESETS, PROTOCOLS, PURPOSES, VICTIM_PRESETS, Param, defaults, params
from mesa_core.config.presets import MEASURES, PAPER_SILENCES

HEADINGS = {  # groups in the order of the declarations; an unknown one keeps its name
    "data": "Images",
    "victim": "The network",
    "attack": "Attack, equation 1",
    "mesa": "MESA, Algorithms 1 and 2",
    "detect": "Detection, step 1",
    "search": "What the search covers",
    "repair": "Repair, step 2 and equation 5",
    "baselines": "Defences to compare with",
    "measure": "Measures",
    "apply": "How a trigger is put on an image",
    "run": "The run",
}
Preset = Mapping[str, tuple[Any, str]]


def tables() -> str:
    """A table for each group of parameters."""
    start, groups = defaults(), dict.fromkeys(param.group for param in params().values())
    parts = []
    for group in groups:
        rows = [row(name, param, start[name]) for name, param in params().items() if param.group == group]
        head = (
            f"## {HEADINGS.get(group, group)}\n\n| parameter | default | allowed | meaning |\n| --- | --- | --- | --- |"
        )
        parts.append("\n".join([head, *rows]))
    return "\n\n".join(parts)


def row(name: str, param: Param, default: Any) -> str:
    """One parameter."""
    return f"| `{name}` | {value(default)} | {allowed(param)} | {told(param.help)} |"


def allowed(param: Param) -> str:
    """Bounds with their unit, or the words to choose from."""
    if param.choices:
        return ", ".join(f"`{one}`" for one in param.choices)
    if param.low is not None and param.high is not None:
        return told(f"{param.low:,g} to {param.high:,g} {param.unit}".strip())
    return "true, false" if param.type == "bool" else "text"


def value(given: Any) -> str:
    """A value as it is written in Python."""
    if isinstance(given, tuple):
        return f"`({', '.join(map(repr, given))})`"
    return f"`{given!r}`"


def presets() -> str:
    """What the paper's protocol, each data set and each victim change, with the reason, and the measure's sizes."""
    parts = [part("The paper's protocol", '`protocol="paper"`, Appendix B of the paper.', PROTOCOLS["paper"])]
    parts += [
        part(f"Data set: {data}", f'`data="{data}"` in the fast protocol.', own) for data, own in DATA_PRESETS.items()
    ]
    parts += [
        part(f"Network: {victim} on {data}", f'`data="{data}", victim="{victim}"` in the fast protocol.', own)
        for (data, victim), own in VICTIM_PRESETS.items()
    ]
    parts += [part(f"Repair: {name}", f'`budget="{name}"`.', own) for name, own in BUDGETS.items() if own]
    parts += [part(f"Kinds for {name}", "A button of the Lab.", own) for name, own in PURPOSES.items()]
    open_ones = "\n".join(f"| {told(what)} | {told(why)} |" for what, why in PAPER_SILENCES.items())
    parts.append(f"### What Appendix B leaves open\n\n| what | chosen here |\n| --- | --- |\n{open_ones}")
    sizes = "\n".join(
        f"| `{name}` | {', '.join(f'`{k}={v}`' for k, v in own.items()) or 'the defaults'} |"
        for name, own in MEASURES.items()
    )
    parts.append(f"### Sizes of the measures\n\n| `measure` | changes |\n| --- | --- |\n{sizes}")
    return "\n\n".join(parts)


def part(title: str, words: str, own: Preset) -> str:
    """One preset."""
    rows = "\n".join(f"| `{name}` | {value(v)} | {told(why)} |" for name, (v, why) in own.items())
    return f"### {title}\n\n{words}\n\n| parameter | value | why |\n| --- | --- | --- |\n{rows}"
