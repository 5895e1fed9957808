"""Paper: every claim of the paper beside what we measured, its figures redrawn, and the 51 runs behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from dashboard import address, keys
from dashboard.components.picker import picker
from dashboard.serving import reading
from dashboard.views import links
from dashboard.views.paper import claims_table, evidence
from dashboard.views.shared import take_away
from dashboard.visit import controls, sent
from mesa_core import glossary, triggers
from mesa_core.paper import claims, everything, figure4, material
from mesa_core.paper.claims import Claim
from mesa_core.paper.material import ORBITS, Beside, Finding, Sweep
from mesa_core.paper.rules import VERDICTS
from mesa_core.pictures import saving

SHOWN = {"claims": "Claims", "figure1b": "Figure 1(b)", "figure3a": "3(a)", "figure3b": "3(b)", "figure4": "4", "figure5": "5", "detection": "Detection", "lottery": "Lottery"}  # fmt: skip
SHORT = {
    key: words if key in ("detection", "lottery") else f"Figure {words.removeprefix('Figure ')}"
    for key, words in SHOWN.items()
}
MEASURES = {"original": "Plain ASR", "effective": "Effective ASR", "worst": "Worst of 512"}
NAME = "Qiao, Yang and Li, *Defending Neural Backdoors via Generative Distribution Modeling*, NeurIPS 2019"
OF_SWEEP = ("claims", "figure4", "figure5")  # what the choice of a sweep changes
COUNTED = {"agrees": "agree", "partly": "agree partly", "differs": "differ", VERDICTS[3]: "are not measured yet"}


@keys.page("paper")
def page() -> None:
    """Draw the whole page."""
    opened = st.session_state.pop("open_run", None)
    if opened:
        links.open_run(opened)
    st.title("Paper", anchor=False)
    st.markdown(
        f"The claims of {NAME}, beside what our own runs measured.",
        help=glossary.of(
            "ASR", "victim", "sub-model", "oracle", "control", "code", "mode", "entropy", "nats", "protocol"
        ),
    )
    every = evidence.findings()
    found = _protocol(every)
    sweeps = material.sweeps(found)
    # Streamlit writes the run that is opened into this page's address before it leaves: who comes back sees its figure.
    first = "figure4" if address.names("run") else "claims"
    shown = controls.segmented("Show", "show", SHOWN, first, label_visibility="collapsed")
    sweep = _choose(sweeps) if shown in OF_SWEEP else next(iter(sweeps), None)
    others = material.beside(sweep, every)
    with reading.readable("The runs behind this page"):
        if shown in OF_SWEEP:
            _standing(sweep)
        if shown == "claims":
            _claims(found, sweep, others)
        else:
            _figure(shown, found, sweep, others)


def _protocol(found: Sequence[Finding]) -> Sequence[Finding]:
    """The runs of the protocol that is chosen; no choice where there is one kind only."""
    parts = material.of_protocol(found)
    if not parts["paper"] or not parts["fast"]:
        return found
    chosen = controls.segmented(
        "Runs by", "protocol", material.PROTOCOLS, "fast",
        "The paper's: Appendix B to the letter, for some of the 51 triggers; on a smaller network, and for a few on the paper's. Fast: a quicker attack and "
        "a larger repair, for all of them. What hangs on the budget is answered from both.",
    )  # fmt: skip
    return parts[chosen]


def _choose(sweeps: Sequence[Sweep]) -> Sweep | None:
    """The sweep that is shown, the fullest at first; others are offered that have a few triggers, too."""
    sweeps = [one for i, one in enumerate(sweeps) if not i or len(one.rows) >= material.FEW]
    if len(sweeps) < 2:
        return sweeps[0] if sweeps else None
    names = {
        one.runs[0].run.name: f"{material.what(one.config)} · {one.told()} · {len(one.runs)} runs" for one in sweeps
    }
    asked = address.said("set")
    chosen = asked if asked in names else next(iter(names))
    st.session_state["paper_set"] = chosen

    def changed() -> None:
        if name := keys.meant("paper_set", names, None):
            address.put("set", name)

    keys.said("paper_set", {words: name for name, words in names.items()})

    st.selectbox(
        "Runs", list(names), format_func=lambda name: names.get(name, ""), key="paper_set", on_change=changed,
        help="Runs that differ in nothing but their trigger and their seed. Each group has a Figure 4 of its own.",
    )  # fmt: skip
    return next(one for one in sweeps if one.runs[0].run.name == keys.meant("paper_set", names, chosen))


def _standing(sweep: Sweep | None) -> None:
    """How much of the 51 is there, and how our setting differs from the paper's."""
    if sweep is None:
        st.info(
            "No run of the 51 triggers is here yet. Claims about them say *not measured yet*; the others are answered from "
            "the prepared runs on road signs."
        )
        return
    config, seeds = sweep.config, sorted({len(one.result.points) for one in sweep.runs})
    many = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    own = f"{material.what(config)}, {many} seed{'s' * (many != '1')} of the point defence"
    told = sweep.told()
    words = f"**{told[0].upper()}{told[1:]}.** Ours: {own}. The paper: CIFAR-10, {claims.SETUP}."
    if config.data != "cifar10":
        words += " The paper's numbers are about CIFAR-10, so these runs cannot confirm or refute them."
    st.markdown(words)


# -- the claims
def _claims(found: Sequence[Finding], sweep: Sweep | None, others: Beside) -> None:
    told, checks = evidence.answers(found, sweep, others)
    counts = Counter(answer.verdict for _, answer in told)
    strict = Counter(answer.strict for _, answer in told)
    many = sum(strict[v] for v in VERDICTS)
    st.markdown(
        "**In the paper's own terms** "
        + ", ".join(f"**{counts[v]}** {COUNTED.get(v, v)}" for v in VERDICTS if counts[v])
        + (f". By a **stricter** rule, for {many}, " if many else "")
        + ", ".join(f"**{strict[v]}** {COUNTED.get(v, v)}" for v in VERDICTS[:3] if strict[v])
        + "."
    )
    st.html(claims_table.table(told, True, SHORT))
    st.subheader("What the paper does not show", anchor=False)
    st.caption("Controls from the same runs.")
    st.html(claims_table.table(checks, False, SHORT))
    with st.expander("How each verdict is found"):
        st.markdown("\n".join(_rules(claim) for claim, _ in told))
        st.caption(
            "“So far”: from fewer than all 51 triggers. In brackets 95 % intervals; of a mean, over the triggers."
        )
    left, _ = st.columns([1, 2])
    with left:
        rows = everything.claim_rows([*told, *checks])
        take_away.download(
            "All claims as CSV", lambda: saving.csv_of(rows), "paper-claims.csv", "text/csv", "claims_csv"
        )


def _rules(claim: Claim) -> str:
    """Both rules of a claim as a line of a list."""
    more = f" *Stricter:* {claim.stricter}." if claim.stricter else ""
    return f"- *{claim.words()}* {claim.rule[0].upper()}{claim.rule[1:]}.{more}"


# -- the figures
def _figure(key: str, found: Sequence[Finding], sweep: Sweep | None, others: Beside) -> None:
    entry = everything.FIGURES[key]
    st.subheader(entry.title, anchor=False)
    measure = "original"
    if key == "figure4" and sweep is not None:
        measure = controls.segmented(
            "After each defence", "figure", MEASURES, "original",
            "Plain: the paper's. Effective: without images that go to the target class unstamped. Worst of 512: half of the "
            "images selects the most successful black-and-white trigger, the other half measures it.",
        )  # fmt: skip
    drawn = evidence.draw(key, found, sweep, measure)
    if drawn is None:
        st.info(f"This figure cannot be drawn yet: it needs {entry.needs}.")
    else:
        clicked = _clicked if key == "figure4" else None
        take_away.figure(drawn.figure, f"paper-{key}", drawn.alt, drawn.note, f"paper_{key}", clicked)
        if key == "figure4" and sweep is not None:
            _pick(sweep)
        with st.expander("The numbers as a table", expanded=key == "detection"):
            take_away.table(drawn.table, f"paper-{key}", f"paper_{key}")
    told, checks = evidence.answers(found, sweep, others)
    st.subheader("Claims about it", anchor=False)
    about = [pair for pair in told if pair[0].figure == key or pair[0].key in entry.also]
    if about:
        st.html(claims_table.table(about, True, SHORT))
    else:
        st.caption("The paper draws this figure to show what a backdoor is; it states no number about it.")
    if beside := [pair for pair in checks if pair[0].figure == key]:
        st.html(claims_table.table(beside, False, SHORT))


def _pick(sweep: Sweep) -> None:
    """The triggers as pictures, from easy to hard; a click opens the run."""
    st.markdown("**Open a run in the Lab**: click a mark above, or a trigger here.")
    items = []
    for i, row in enumerate(sweep.rows, 1):
        one = row.runs[0]
        label = f"{i} of {len(sweep.rows)} from easy to hard, code {row.code}{_left(one)}; opens its run"
        items.append({"id": one.run.name, "label": label, "trigger": triggers.code_to_hex(row.code)})
    picker(items, "", "Triggers from easy to hard", "paper_runs", _picked)
    if len(sweep.rows) < ORBITS:
        st.caption(f"{len(sweep.rows)} of {ORBITS} so far; the others appear as their runs finish.")


def _left(one: Finding) -> str:
    after = one.result.after.get("mesa")
    m = figure4.measured(after, "original") if after else None
    points = [100 * material.point_asr(e) for e in one.result.points]
    span = f", point defence leaves {min(points):.1f} to {max(points):.1f} %" if points else ""
    return f"{span}, MESA {100 * m.value:.1f} %" if m else span


def _picked() -> None:
    """The pictures' callback; what makes no sense is left out."""
    try:
        st.session_state.open_run = sent.text(sent.part(sent.message("paper_runs", "pick"), "id"))
    except sent.Odd:
        return


def _clicked() -> None:
    """The figure's callback: the run of the mark that was clicked."""
    try:
        mark = sent.part(sent.part(sent.message("figure_paper_figure4", "selection"), "points"), 0)
        st.session_state.open_run = sent.text(sent.part(sent.part(mark, "customdata"), 0))
    except sent.Odd:
        return
