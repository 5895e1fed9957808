"""The paper's claims as a table: what was measured in a few words, and all of it in a drawer of each row."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from dashboard import address
from mesa_core.paper import everything
from mesa_core.paper.claims import Claim
from mesa_core.paper.judging import Answer
from mesa_core.paper.rules import VERDICTS

STYLE = """<style>
.mesa-claims { width: 100%; border-collapse: collapse; font-size: 14px; line-height: 1.4; }
.mesa-claims th, .mesa-claims td { text-align: left; vertical-align: top; font-weight: 400; padding: 9px 14px 9px 0;
  border-bottom: 1px solid rgba(128, 128, 128, .3); overflow-wrap: anywhere; }
.mesa-claims thead th { font-weight: 600; }
.mesa-claims thead th:first-child { width: 38%; }
.mesa-claims small { color: inherit; opacity: .8; }
.mesa-claims a { color: inherit; }
.mesa-claims summary { cursor: pointer; display: list-item; font-size: 13px; text-decoration: underline dotted; text-underline-offset: 3px; width: fit-content; padding: 2px 0; }
.mesa-claims details p { margin: 4px 0; max-width: 80ch; font-size: 13px; line-height: 1.4; }
.mesa-verdict { white-space: nowrap; font-weight: 600; }
.mesa-column { display: none; font-weight: 400; }
@media (max-width: 700px) {
  .mesa-claims, .mesa-claims tbody, .mesa-claims tr, .mesa-claims th, .mesa-claims td { display: block; }
  .mesa-claims thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .mesa-claims tr { border-bottom: 1px solid rgba(128, 128, 128, .45); padding: 8px 0; }
  .mesa-claims th, .mesa-claims td { border: 0; padding: 2px 0; }
  .mesa-column { display: inline; }
}
</style>"""
SIGNS = {"agrees": "✓", "partly": "≈", "differs": "≠", VERDICTS[3]: "–", "": ""}
ENDS = tuple(f"; {verdict}." for verdict in VERDICTS)  # of what another sweep says
MOST = 2  # clauses of what was measured that are in sight
_COUNTS = re.compile(
    r" over [\d,]+ of [\d,]+ triggers(?=,|$)|, n = [\d,]+(?: images each)?|, [\d,]+ reversed triggers$"
)
_ASIDE = re.compile(r"n = .*|[\d,]+ (?:samples|networks|runs)\b.*|\d+ of \d+ triggers|\d+ attacked of .*|CIFAR-10.*")


def table(told: Sequence[tuple[Claim, Answer]], judged: bool, names: dict[str, str]) -> str:
    """Claims as a table; on a narrow screen each row becomes a block. `names` are figures' names by their keys."""
    head = ("The paper says", "We measured", "In its terms", "Stricter") if judged else ("Control", "We measured")
    rows = "".join(_row(claim, answer, judged, names) for claim, answer in told)
    top = "".join(f"<th scope='col'>{words}</th>" for words in head)
    return f"{STYLE}<table class='mesa-claims'><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table>"


def brief(measured: str) -> str:
    """The figures of an answer without how they were counted, of which the drawer tells: at most `MOST` clauses.

    >>> brief("mean 2.7 % (2.6–2.8) over 51 of 51 triggers, n = 1,819 images each; highest 3.9 %, n = 1,819 (code 18)")
    'mean 2.7 % (2.6–2.8); highest 3.9 % (code 18)'
    """
    clauses = [_COUNTS.sub("", one) for one in measured.split("; ")]
    kept = [one for one in clauses if one and not _ASIDE.fullmatch(one)] or clauses
    return "; ".join(kept[:MOST])


def _row(claim: Claim, answer: Answer, judged: bool, names: dict[str, str]) -> str:
    protocol = "&amp;protocol=paper" if address.said("protocol") == "paper" else ""
    link = f"<a href='?show={claim.figure}{protocol}' target='_self'>{names[claim.figure]}</a>"
    place = f"{html.escape(claim.place)} · our {link}" if judged else f"our {link}"
    if judged and claim.place.endswith(f", {names[claim.figure]}"):
        place = f"{html.escape(claim.place.removesuffix(names[claim.figure]))}{link}"
    first = f"<th scope='row'>{html.escape(claim.words())}<br><small>{place}</small></th>"
    second = f"<td>{_measured(answer)}</td>"
    if not judged:
        return f"<tr>{first}{second}</tr>"
    return f"<tr>{first}{second}{_verdict(answer, answer.verdict, 'In its terms')}{_verdict(answer, answer.strict, 'Stricter')}</tr>"


def _measured(answer: Answer) -> str:
    short = brief(answer.measured)
    more = [answer.measured] if short != answer.measured else []
    more += [answer.differs] if answer.differs and answer.verdict != "" else []
    more += [f"More strictly: {answer.strictly}"] if answer.strictly else []
    inside = "".join(f"<p>{html.escape(words)}</p>" for words in (*more, *answer.beside))
    # Where others say otherwise, it is not only said in the drawer.
    said = ", ".join(dict.fromkeys(one.rstrip(".").rpartition("; ")[2] for one in answer.beside if one.endswith(ENDS)))
    beside = f"; elsewhere: {said}" if said and said != answer.verdict else ""
    drawer = f"<details><summary>more{beside}</summary>{inside}</details>" if inside else ""
    return f"{html.escape(short)}{drawer}"


def _verdict(answer: Answer, said: str, column: str) -> str:
    """A verdict's cell; on a narrow screen, where the columns' heads are gone, it says itself which one it is."""
    sign = f"<span aria-hidden='true'>{SIGNS[said]}</span> " if said else ""
    name = f"<span class='mesa-column'>{column}: </span>" if said else ""
    return f"<td class='mesa-verdict'>{name}{sign}{html.escape(everything.so_far(answer, said))}</td>"
