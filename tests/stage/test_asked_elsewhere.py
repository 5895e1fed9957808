"""The browser's side of a question to networks that lie on the server, and what is said of a repair, by the scripts alone."""

import json
import subprocess

import pytest
from exported import NODE

from mesa_core.stage.export import scripts

pytestmark = pytest.mark.skipif(NODE is None, reason="no node on this machine")
LENT = "const hexOf = (b) => Array.from({ length: 9 }, (_, p) => `${b[p]}`);\n"
ASK = """
const calls = [], heard = [];
const asker = new Asker({ far: given.far, arrays: {}, shown: [4, 7] }, () => {}, (...told) => heard.push(told), given.host ? (asked) => calls.push(asked) : null);
const one = (best) => ({ plain: { best: 1, sure: 1 }, before: { best, sure: 0.9 }, after: { best: 1, sure: 0.8 } });
const answer = (seq) => ({ seq, asr: { attacked: [0.5, 0.4, 0.6, 90], repaired: [0, 0, 0.1, 90] }, shown: [one(0), one(1)] });
"""


def answered(file: str, body: str, given: object) -> object:
    """What a piece of script gives, with one of the stage's files before it; `body` may wait."""
    code = f"{LENT}{(scripts() / file).read_text('utf-8')}\nconst given = JSON.parse(process.argv[1]);\n"
    code += f"(async () => {{ {body} }})().then((found) => {{ console.log(JSON.stringify(found)); process.exit(0); }});"
    done = subprocess.run([NODE, "-e", code, json.dumps(given)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(("far", "host", "can"), [(True, True, True), (True, False, False), (False, True, False)])
def test_it_can_be_asked_where_there_are_networks_and_a_server(far, host, can):
    assert answered("asking.js", ASK + "return asker.can;", {"far": far, "host": host}) is can


def test_a_question_that_waits_is_asked_again_and_its_answer_heard_once():
    body = (
        ASK
        + """
      asker.ask(new Uint8Array(27)); asker.told({ seq: 1, waits: true });
      await new Promise((then) => setTimeout(then, AGAIN + 200));
      asker.told(answer(1)); asker.told(answer(1));
      return { calls, heard };"""
    )
    told = answered("asking.js", body, {"far": True, "host": True})
    assert [call["question"] for call in told["calls"]] == [1, 1]
    ((answers, done, asr),) = [one[:3] for one in told["heard"]]
    assert done is True
    assert asr["attacked"] == [0.5, 0.4, 0.6, 90]
    assert [(a["net"], a["picture"], a["best"]) for a in answers] == [
        ("attacked", 4, 0), ("repaired", 4, 1), ("attacked", 7, 1), ("repaired", 7, 1),
    ]  # fmt: skip


def test_an_answer_to_an_older_question_is_left_out_and_a_refusal_is_heard():
    body = (
        ASK
        + """
      asker.ask(new Uint8Array(27)); asker.ask(new Uint8Array(27)); asker.told(answer(1)); const early = heard.length;
      asker.told({ seq: 2, problem: "The networks are gone." });
      return { early, heard };"""
    )
    told = answered("asking.js", body, {"far": True, "host": True})
    assert told["early"] == 0
    ((answers, done, _, problem),) = told["heard"]
    assert (answers, done, problem) == ([], True, "The networks are gone.")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [(0.97, 0.004, "them all"), (0.97, 0.05, "them all"), (0.93, 0.25, "most of them"), (0.93, 0.6, "few of them")],
)
def test_a_repair_that_leaves_much_is_not_called_healed(before, after, said):
    body = """const rec = { figures: { before: { asr_original: [given.before] }, mesa: { asr_original: [given.after] } } };
      return Stage.prototype.forgets.call({ rec });"""
    assert answered("stage.js", body, {"before": before, "after": after}) == said
