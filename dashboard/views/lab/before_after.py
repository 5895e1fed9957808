"""Before and after: cards for the figures that matter, a chart and a table of all defences, the sub-models."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.serving import reading
from dashboard.serving.shown import Shown
from dashboard.views.lab import settings
from dashboard.views.shared import reference_tables
from mesa_core import triggers
from mesa_core.config import PROTOCOLS
from mesa_core.glossary import TERMS
from mesa_core.measures import breadth
from mesa_core.measures.evaluation import Evaluation
from mesa_core.measures.intervals import Measured
from mesa_core.measures.submodel import Submodel
from mesa_core.paper import claims
from mesa_core.pictures.thumbnails import PALETTE, trigger_img
from mesa_core.store import Run, StoreError
from mesa_core.store.results import Noise, Result
from mesa_core.words import brief, named

BLUE, ORANGE = PALETTE[0], PALETTE[5]
UNSEEN = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)"  # a table's head, for screen readers only


def draw(shown: Shown) -> None:
    """The right column."""
    run = shown.run
    st.subheader("2 · Before and after", anchor=False)
    with reading.readable("The figures of this run"):
        found = shown.evaluations
        before, after = found.get("before"), found.get("after.mesa")
        if before is None:
            st.caption("Figures appear here as soon as the backdoor is in and measured.")
            return
        pending = "…" if shown.active else "–"
        differs(run)
        own = picture_of(shown)
        words = "Attack success rate (ASR): of images of other classes, the share that goes to the target class once stamped."
        title = f"{own}This run's trigger succeeds on"
        card(before, after, Triggered("original"), title, "cards_original", words, pending)
        side = shown.size
        panel = triggers.of_panel(side)
        words = (
            f"Half of the images picks the most successful of the {panel}, the other half measures it, since the highest of "
            "512 noisy figures would be too high. So it can lie a little below the run's own trigger, shown above."
        )
        title = "The worst of all 512 black-and-white triggers"
        if triggers.drawn(side):
            title = f"The worst of {panel} black-and-white {triggers.sized(side)} triggers"
        card(before, after, Triggered("worst"), title, "cards_worst", words, pending)
        card(before, after, Clean(), "Right answers on clean images", "cards_clean", "", pending)
        chart(found, panel)
        with st.expander("All figures as a table, and what they mean"):
            table(found, panel)
            lottery(found, shown)
            st.caption(meaning(shown))
        submodels(shown)


def meaning(shown: Shown) -> str:
    """What is measured of each defence, and what the defender knows."""
    return (
        "Share of images of other classes that go to the target class once stamped. "
        + (
            "**Target known**: the defender was told the target class (finding it, step 1 of the defence, is taken as done). "
            if target_known(shown)
            else "The defender had to find the target class (step 1). "
        )
        + f"*Oracle*: {TERMS['oracle']} *Control*: {TERMS['control']}"
    )


@dataclass(frozen=True)
class Triggered:
    """The success of one kind of trigger, as a card shows it: 'original' or 'worst'."""

    which: str

    def of(self, e: Evaluation) -> Measured | None:
        """The figure."""
        found: Measured | None = getattr(e.asr, self.which)
        return found

    def effective(self, e: Evaluation) -> Measured | None:
        """The same without images that go to the target class unstamped."""
        found: Measured | None = getattr(e.effective_asr, self.which)
        return found


@dataclass(frozen=True)
class Clean:
    """Right answers on clean images, as a card shows them."""

    which: str = "clean"

    def of(self, e: Evaluation) -> Measured | None:
        """The figure."""
        return e.clean_accuracy

    def effective(self, e: Evaluation) -> Measured | None:
        """There is none."""
        return None


def card(
    before: Evaluation,
    after: Evaluation | None,
    figure: Triggered | Clean,
    title: str,
    key: str,
    words: str,
    pending: str,
) -> None:
    """One figure before, and after MESA's repair where it is there; `words` explain a success rate, `pending` waits."""
    was, now = figure.of(before), figure.of(after) if after else None
    if was is None:
        return
    with st.container(border=True, key=key):
        st.html(f"<div style='font-weight:600;display:flex;gap:8px;align-items:center'>{title}</div>")
        with st.container(horizontal=True):
            for name, m in (("before", was), ("after MESA", now)):
                about = (
                    f"{brief(m)}: 95 % interval, n = {m.n} images"
                    if m
                    else "Not measured yet."
                    if pending == "…"
                    else "Not measured."
                )
                value = f"{100 * m.value:.1f} %" if m else pending
                st.metric(name, value, help=f"{words} {about or ''}".strip() or None, width=130)
        lines = [f"{name}: {_width(m)}, n = {m.n}" for name, m in (("before", was), ("after", now)) if m]
        said = f"95 % intervals {'; '.join(lines)}."
        if words:
            effective = [figure.effective(e) for e in (before, after) if e]
            figures = " → ".join(f"{100 * m.value:.1f} %" for m in effective if m)
            said += f" Effective ASR, leaving out images that go to the target class even unstamped: {figures}."
        st.html(whiskers([m for m in (was, now) if m], said))


def whiskers(measured: Sequence[Measured], said: str) -> str:
    """Figures with their 95 % intervals on an axis from 0 to 100 %, one below another; `said` on hover and to readers."""
    rows = ""
    for i, m in enumerate(measured):
        low, high, at = (max(0.0, min(100.0, 100 * part)) for part in (m.low, m.high, m.value))
        colour = (ORANGE, BLUE)[i % 2]
        rows += (
            f"<i style='position:absolute;top:{7 + 10 * i}px;height:2px;left:{low:.2f}%;width:{max(high - low, 0.4):.2f}%;"
            f"background:{colour}'></i><i style='position:absolute;top:{3 + 10 * i}px;left:calc({at:.2f}% - 5px);width:10px;"
            f"height:10px;border-radius:50%;background:{colour}'></i>"
        )
    return (
        f"<div role='img' tabindex='0' aria-label='{html.escape(said, quote=True)}' title='{html.escape(said, quote=True)}' "
        f"style='position:relative;height:{6 + 10 * len(measured)}px;background:rgba(128,128,128,.13);border-radius:3px;margin:0 6px'>"
        f"{rows}</div>"
    )


def picture_of(shown: Shown) -> str:
    """The run's trigger as a small picture, '' where it cannot be read or nobody knows it."""
    try:
        return "" if shown.config.suspect else trigger_img(shown.config.trigger, 24)
    except StoreError:
        return ""


def differs(run: Run) -> None:
    """Say so where the controls ask another question than the run that is shown."""
    s = st.session_state
    if "held" in s and "base" in s and s.get("adopted") == run.name and settings.now() != s.base:
        st.info("Your settings differ from this run's. The figures below are the run's; press *Run* for yours.")


def lottery(found: Mapping[str, Evaluation], shown: Shown) -> None:
    """What the point defence's seeds say beside MESA, and what they cannot say: it hangs on the budget of the repair."""
    kept = [e.asr.original for name, e in found.items() if name.startswith("after.point")]
    points = [m.value for m in kept if m]
    if not points or "after.mesa" not in found:
        return
    low, high = 100 * min(points), 100 * max(points)
    ended = f"at {low:.1f} %" if len(points) == 1 else f"between {low:.1f} and {high:.1f} % over {len(points)} seeds"
    st.caption(
        f"The *point defence* retrains with one reversed trigger. Here it ends {ended}{_stamped(shown)}. With a large budget "
        "one point often cures as well as the distribution; with a small one (*More*, *Size of the repair*: compare; "
        "[a prepared run](./?run=signs-lottery&screen=all)) it is a lottery: the paper stamps "
        f"{claims.share(PROTOCOLS['paper']['repair_ratio'][0])} of the images, and there the point left {_span('point')}, the "
        f"distribution {_span('after_highest')}."
    )


def _stamped(shown: Shown) -> str:
    """The budget of the run's repairs in words, '' where its settings cannot be read."""
    try:
        return f", with {claims.share(shown.config.repair_ratio)} of the images stamped"
    except StoreError:
        return ""


def _span(claim: str) -> str:
    """The lowest and the highest that the paper states."""
    return f"{100 * claims.number(claim, 'low'):.1f} to {claims.share(claims.number(claim, 'high'))}"


def _width(m: Measured) -> str:
    """'0.8–1.9 %'."""
    return f"{100 * m.low:.1f}–{100 * m.high:.1f} %"


def target_known(shown: Shown) -> bool:
    """Whether the defender was told the target class, instead of finding it."""
    try:
        return not (shown.config.detect or shown.config.suspect)
    except StoreError:
        return True


def chart(found: Mapping[str, Evaluation], panel: str) -> None:
    """Each victim and defence as a row: the original's ASR as a dot, the worst of the 512 as a square, with intervals."""
    rows = []
    for name, e in found.items():
        label, marks, words = named(name), "", []
        for m, colour, shape, top in ((e.asr.original, BLUE, "50%", 5), (e.asr.worst, ORANGE, "1px", 15)):
            if m is None:
                continue
            low, high, at = (max(0.0, min(100.0, 100 * part)) for part in (m.low, m.high, m.value))
            marks += (
                f"<i style='position:absolute;top:{top + 3}px;height:2px;left:{low:.2f}%;width:{max(high - low, 0.4):.2f}%;"
                f"background:{colour};opacity:.55'></i><i style='position:absolute;top:{top}px;left:calc({at:.2f}% - 4px);"
                f"width:8px;height:8px;border-radius:{shape};background:{colour}'></i>"
            )
            words.append(f"{at:.1f} %")
        rows.append(
            f"<tr><th scope='row'>{html.escape(label)}</th><td style='width:46%'><div style='position:relative;height:28px;"
            "background:rgba(128,128,128,.13);border-radius:3px'>"
            f"{marks}</div></td><td style='white-space:nowrap'>{'<br>'.join(words)}</td></tr>"
        )
    st.markdown("**Every defence with the same budget**")
    key = (
        f"<span style='color:{BLUE}'>●</span> this run's trigger &nbsp; <span style='color:{ORANGE}'>■</span> "
        f"the worst of {panel} &nbsp; line: 95 % interval &nbsp; from 0 % to 100 %"
    )
    st.html(
        f"<div style='font-size:13px;margin-bottom:4px'>{key}</div>"
        "<table class='mesa-chart' style='width:100%;border-collapse:collapse;font-size:13px;line-height:1.2'>"
        f"<thead style='{UNSEEN}'><tr><th>victim</th><th>picture</th><th>ASR of the trigger, "
        f"of the worst</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
        "<style>.mesa-chart th{text-align:left;font-weight:400;padding:3px 8px 3px 0}.mesa-chart td{padding:3px 6px 3px 0}"
        "</style>"
    )


def table(found: Mapping[str, Evaluation], panel: str) -> None:
    """All victims and defences with the same repair budget."""
    rows = [
        {
            "": named(name),
            "ASR": brief(e.asr.original),
            "effective": brief(e.effective_asr.original),
            "sampled": brief(e.asr.sampled),
            f"worst of {panel}": brief(e.asr.worst),
            "clean": brief(e.clean_accuracy),
            "target class": brief(e.target_accuracy),
            "natural": brief(e.natural_rate),
            "n": e.clean_accuracy.n,
        }
        for name, e in found.items()
    ]
    st.dataframe(rows, hide_index=True, width="stretch")
    st.caption(
        "In brackets the 95 % interval. *ASR*: share of images of other classes that go to the target class once "
        "stamped; *effective* leaves out those that go there anyway (*natural*). *Sampled*: with MESA's triggers. "
        "*Clean* and *target class*: right answers, on all clean images and on those of the target class; n counts the "
        "clean images."
    )


def submodels(shown: Shown) -> None:
    """What was measured of each level's samples: success, coverage beside uniform noise, modes."""
    result, entries = shown.result, shown.submodels
    if not entries:
        return
    with st.expander("The sub-models"):
        levels(result, entries, shown)
    modes(entries)
    reference_tables.section(shown, narrow=True)


def levels(result: Result | None, entries: Sequence[Submodel], shown: Shown) -> None:
    """The table of the sub-models, a row each."""
    st.caption(f"{TERMS['sub-model']} {TERMS['staircase']}")
    finds = not triggers.drawn(shown.size) and shown.config.cell == triggers.COLOURS  # of others there is no recall
    rows = [
        {
            "β": f"{m.beta:g}",
            "ASR of its samples": brief(m.mean_asr),
            "used": "yes" if m.kept else "skipped",
            "modes": str(len(m.modes)),
            **breadth.columns(m),
            **coverage(m, finds),
        }
        for m in entries
    ]
    if result and (noise := result.uniform_noise):
        rows.append(
            {
                "β": "uniform noise",
                "ASR of its samples": brief(noise.mean_asr),
                "used": "",
                "modes": "",
                **dict.fromkeys(breadth.COLUMNS, ""),
                **coverage(noise, finds),
            }
        )
    st.dataframe(rows, hide_index=True, width="stretch")
    st.caption(
        (
            "*Finds ≥ x %*: of the black-and-white triggers that succeed at least x % of the time, the share that some "
            "sample rounds to and that itself succeeds so often (recall). "
            if finds
            else ""
        )
        + "*Hits ≥ x %*: of its samples, the share that "
        "succeeds so often (precision); the table scrolls sideways. *Uniform noise*: random colours, for comparison. "
        "*Used: skipped* means that its samples stay below its level, so that the repair leaves them out."
    )
    st.caption(breadth.WORDS)


def coverage(entry: Submodel | Noise, finds: bool) -> dict[str, str]:
    """Recall, where there is any, and precision of a sub-model at each level."""
    found = {}
    for levels, words in ((entry.recall, "finds"), (entry.precision, "hits"))[not finds :]:
        for level in sorted(levels, key=float, reverse=True):
            found[f"{words} ≥ {100 * float(level):.0f} %"] = brief(levels[level])
    return found


def modes(entries: Sequence[Submodel]) -> None:
    """Each sub-model's modes with their middle trigger, share, and success before and after."""
    rows = []
    for m in entries:
        for i, mode in enumerate(m.modes):
            words = brief(mode.asr) + (f" → {brief(mode.asr_after)}" if mode.asr_after else "")
            rows.append(
                f"<tr><td>{trigger_img(mode.trigger, opacities=mode.opacity)}</td><td>β = {m.beta:g}, mode {i + 1}</td>"
                f"<td>{100 * mode.share:.0f} % of samples</td><td>{html.escape(words)}</td></tr>"
            )
    if not rows:
        return
    with st.expander("Each sub-model's modes, before → after"):
        st.html(
            f"<table class='mesa-modes' style='font-size:13px;border-collapse:collapse'><thead style='{UNSEEN}'><tr>"
            "<th>trigger</th><th>mode</th><th>share</th><th>ASR before, after</th></tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table><style>.mesa-modes td{{padding:3px 8px 3px 0;vertical-align:middle}}</style>"
        )
        st.caption(
            "A mode is a cluster of similar samples of one level, shown by its middle one; the picture colours those of all levels together. In brackets the 95 % interval."
        )
