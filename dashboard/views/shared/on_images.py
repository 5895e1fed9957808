"""What triggers do to real images, before and after a repair: asked of the networks, and shown.

The page asks the worker through files and shows the answer when it is there. Only the prepared example's two small
networks are asked in the page's own process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from dashboard import stored
from dashboard.serving import queue, shipped_answers, shipped_networks, visitors
from mesa_core import opacity, triggers
from mesa_core.measures.intervals import Measured
from mesa_core.pictures.thumbnails import png_uri
from mesa_core.probe import questions
from mesa_core.store import Run, StoreError

SHOWN = 30  # thumbnails
IMAGES = 6
WAIT = 0.15  # seconds that a redraw waits for an answer before it says that one is coming


def answer(run: Run, flat: np.ndarray, rates: Mapping[str, Measured], shape: tuple[int, ...] = ()) -> bool:
    """Ask the worker and show what it says; returns whether the answer is still awaited.

    `shape` says which cells of a single trigger are opaque, where not all are (see `questions.Question`).
    `rates` holds what the run has measured of these triggers already, by network; then only images are asked about.
    """
    if queue.is_shipped(run):
        shipped(run, flat, rates)
        return False
    weights = run.path / "weights"
    if not os.path.isfile(weights / "attacked.safetensors"):
        going = run.state() in ("running", "waiting")
        st.caption(
            "The images appear here once the backdoor is in."
            if going
            else "The networks of this run are not kept here."
        )
        return False
    root = queue.store().root
    question = questions.Question(
        run.name,
        questions.rows_of(flat),
        IMAGES,
        int(st.session_state.get("draw", 0)),
        os.path.isfile(weights / "repaired.safetensors"),
        not rates,
        shape=shape,
    )
    try:
        queue.ensure_worker(queue.store())
        number = questions.ask(root, question, visitors.visitor(), visitors.where())
        until = time.monotonic() + WAIT
        while (found := questions.answer_to(root, number)) is None and time.monotonic() < until:
            time.sleep(0.02)
    except (questions.Refused, StoreError) as error:
        st.warning(stored.markdown(error))
        return False
    if found is None:
        place, of = questions.place(root, number)
        turn = f"; place {place} of {of} that wait" if place and of > 1 else ""
        st.caption(f"Asking the networks… (the worker answers between two of its steps{turn})")
        return True
    told(found, rates, flat)
    return False


def shipped(run: Run, flat: np.ndarray, rates: Mapping[str, Measured]) -> None:
    """The same for a prepared run, whose networks, where they are shipped, are small enough to be asked here."""
    # A worker would first have to draw all images to answer, and a run would wait for that.
    if not shipped_answers.known(run):
        st.info(
            "To stamp these triggers on images the networks themselves are needed, and this prepared example comes "
            "without them. Press *Run* and *Run it here* for networks of your own."
        )
        return
    try:
        found = shipped_answers.answer(questions.rows_of(flat), IMAGES, int(st.session_state.get("draw", 0)), not rates)
    except shipped_networks.NotPrepared as error:
        st.info(stored.markdown(error))
        return
    told(dict(found), rates, flat)


def told(found: dict[str, np.ndarray], rates: Mapping[str, Measured], flat: np.ndarray) -> None:
    """An answer about triggers `(n, d)` with what the run has measured itself, and the button for another."""
    for name, m in rates.items():
        found[f"{name}_asr"] = np.array([m.value, m.n, m.low, m.high], np.float64)
    show(found, len(flat), triggers.side_of(flat.shape[1]))

    def others() -> None:
        st.session_state.draw = (st.session_state.get("draw", 0) + 1) % 1000

    st.button("Other images", key="other_images", on_click=others, help="The same triggers on other images and places.")


def show(found: dict[str, np.ndarray], count: int, side: int) -> None:
    """The answer about `count` triggers of `side` pixels: two rates, and a table of images."""
    names = [stored.plain(n, 200) for n in found["classes"]]
    # One for all images, or of an all-to-all backdoor one for each.
    goals = np.broadcast_to(found["target"], len(found["label"]))
    where = "where this backdoor leads their class"
    if found["target"].ndim == 0:
        where = f"to *{stored.markdown(names[int(goals[0])])}*"
    lines = []
    for name, said in (("before", "before the repair"), ("after", "after MESA's repair")):
        if f"{name}_asr" in found:
            value, n, low, high = found[f"{name}_asr"]
            lines.append(
                f"**{said}: {100 * value:.1f} %** go {where} (95 % interval {100 * low:.1f}–{100 * high:.1f} %, n = {int(n)})"
            )
    asked = min(count, questions.MOST_TRIGGERS)
    of = "this trigger" if count == 1 else f"these {asked}" if asked == count else f"{asked} of them, evenly taken,"
    st.markdown(f"Of images stamped with {of} " + "; ".join(lines) + ".")
    columns = [
        ("clean", "before", "plain", "without a trigger"),
        ("stamped", "before", "stamped", "stamped, before the repair"),
    ]
    if "after_stamped_p" in found:
        columns.append(("stamped", "after", "stamped", "stamped, after the repair"))
    head = "".join(f"<th scope='col'>{words}</th>" for *_, words in columns)
    body = []
    for i in range(len(found["label"])):
        label, cells = names[int(found["label"][i])], []
        for pixels, network, what, words in columns:
            said = names[int(found[f"{network}_{what}_class"][i])]
            share = float(found[f"{network}_{what}_p"][i])
            fooled = said == names[int(goals[i])]
            corner = found["corner"][i].tolist() if pixels == "stamped" else None
            alt = f"{label}, {words}; the network says {said}, {100 * share:.0f} %"
            cells.append(
                f"<td><img src='{png(found[pixels][i], 2, corner, side)}' width='64' height='64' alt='{stored.html(alt)}'>"
                f"{'<b>→ ' if fooled else ''}{stored.html(said)}{'</b>' if fooled else ''} {100 * share:.0f}\u00a0%</td>"
            )
        body.append(f"<tr><th scope='row'>{stored.html(label)}</th>{''.join(cells)}</tr>")
    st.html(
        "<div style='overflow-x:auto'><table class='mesa-images' style='border-collapse:collapse;font-size:14px;line-height:1.35'>"
        "<caption style='text-align:left;padding-bottom:4px'>What the network says, and how sure it is; "
        "an arrow marks the attacker's target. The frame shows where the trigger sits.</caption>"
        f"<thead><tr><th scope='col'>truth</th>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        "<style>.mesa-images th,.mesa-images td{padding:4px 10px;text-align:left;vertical-align:top;font-weight:400;"
        "border-bottom:1px solid rgba(128,128,128,.25)} .mesa-images img{image-rendering:pixelated;display:block}</style>"
    )


def strip(flat: np.ndarray, words: str, cell: int = 7) -> str:
    """Triggers `(n, d)` uint8 as one picture for `st.html`, with a text alternative; over a chequer where they let it through."""
    inks = triggers.unflatten(flat) / 255
    n, side = len(flat), inks.shape[-1] * cell + 4
    wide = min(n, 15)
    sheet = np.full((-(-n // wide) * side, wide * side, 4), (128, 128, 128, 0), np.uint8)
    for i, one in enumerate(inks):
        tile = opacity.on_chequer(one, cell)
        y, x = i // wide * side, i % wide * side
        sheet[y : y + side - 2, x : x + side - 2] = (128, 128, 128, 255)
        sheet[y + 1 : y + side - 3, x + 1 : x + side - 3, :3] = tile
    return f"<img src='{png_uri(sheet)}' alt='{stored.html(words)}' style='max-width:100%'>"


def png(pixels: np.ndarray, scale: int, corner: Sequence[int] | None = None, side: int = triggers.SIZE) -> str:
    """An image `(3, h, w)` uint8 as a data address, with a thin frame around a trigger of `side` pixels at `corner`."""
    big = pixels.transpose(1, 2, 0).repeat(scale, 0).repeat(scale, 1)
    if corner is not None:
        y, x = (int(v) * scale for v in corner)
        size, (high, wide) = side * scale, big.shape[:2]
        for a, b, c, d in (
            (y - 1, y, x - 1, x + size + 1),
            (y + size, y + size + 1, x - 1, x + size + 1),
            (y - 1, y + size + 1, x - 1, x),
            (y - 1, y + size + 1, x + size, x + size + 1),
        ):
            big[max(0, a) : min(high, b), max(0, c) : min(wide, d)] = (213, 94, 0)
    return png_uri(big)
