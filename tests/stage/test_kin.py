"""Which recording stands for a painted trigger, and what is said of it: the page's own script, run by node."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from mesa_core import triggers
from mesa_core.stage import shelf
from mesa_core.stage.blocks import unpack
from mesa_core.stage.export import scripts

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no node on this machine")
LENT = """
const hexToBytes = (words) => { const cells = words.split(" "), out = new Uint8Array(27);
  cells.forEach((hex, p) => [1, 3, 5].forEach((at, k) => { out[9 * k + p] = parseInt(hex.slice(at, at + 2), 16); })); return out; };
const percent = (v) => `${Math.round(100 * v)} %`;
"""


def answered(body: str, given: object) -> object:
    """What a piece of script returns of `given`, with kin.js before it."""
    code = f"{LENT}{(scripts() / 'kin.js').read_text('utf-8')}\nconst given = JSON.parse(process.argv[1]);\n"
    code += f"console.log(JSON.stringify((() => {{ {body} }})()));"
    done = subprocess.run([NODE, "-e", code, json.dumps(given)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def entry(code: int, target: int = 0, alpha: float = 0.1) -> dict[str, object]:
    return {
        "id": f"{code}-{target}-{alpha}", "data": "signs", "trigger": triggers.code_to_hex(code), "target": target,
        "alpha": alpha, "orbit": triggers.orbits()[triggers.orbit_of(code)][0],
        "before": [0.97, 0.95, 0.98, 1096], "after": [0.01, 0, 0.02, 1096],
    }  # fmt: skip


def nearest(index: list[dict[str, object]], trigger: str, target: int = 0, alpha: float = 0.1) -> dict[str, object]:
    body = """const { index, trigger, target, alpha } = given, inks = hexToBytes(trigger);
      const found = nearestOf(index, { data: "signs", inks, target, alpha });
      return found && { ...found, words: kinWords(found, "stop", true), early: kinWords(found, "stop", false) };"""
    return answered(body, {"index": index, "trigger": trigger, "target": target, "alpha": alpha})


def test_the_script_knows_the_51_kinds_as_the_engine_does():
    kinds = answered("return KIND_OF;", None)
    assert kinds == [triggers.orbits()[triggers.orbit_of(code)][0] for code in range(512)]
    assert answered("return KINDS;", None) == sorted(orbit[0] for orbit in triggers.orbits())


def test_a_painted_trigger_plays_its_own_recording_before_one_of_its_kind_before_a_near_one():
    index = [entry(16), entry(0), entry(170)]
    kin = nearest(index, triggers.code_to_hex(495))  # a ring: code 16 inverted
    assert (kin["one"]["id"], kin["cells"], kin["exact"]) == ("16-0-0.1", 0, False)
    assert "of its kind" in kin["words"]
    assert "97 % before, 1 % after the repair, n = 1,096" in kin["words"]
    assert "97 %" not in kin["early"]  # revealed when the timeline reaches it
    own = nearest([*index, entry(495)], triggers.code_to_hex(495))
    assert (own["one"]["id"], own["exact"]) == ("495-0-0.1", True)
    near = nearest([entry(0), entry(170)], triggers.code_to_hex(495))
    assert (near["one"]["id"], near["cells"]) == ("0-0-0.1", 1)
    assert near["words"].startswith("Nearest recording: 1 cell away")
    assert nearest([], triggers.code_to_hex(495)) is None


def test_another_target_or_alpha_than_was_asked_for_is_said():
    index = [entry(16, target=3), entry(16, target=0, alpha=10), entry(16, target=0, alpha=0)]
    found = nearest(index, triggers.code_to_hex(16), target=0, alpha=1)
    assert found["one"]["id"] == "16-0-10"
    assert "α = 10" in found["words"]
    elsewhere = nearest(index[:1], triggers.code_to_hex(16), target=0)
    assert "target “stop”" in elsewhere["words"]
    assert "target" not in nearest(index, triggers.code_to_hex(16), target=0, alpha=0)["words"]


def test_a_trigger_with_transparent_cells_is_answered_by_a_full_square_and_told_so():
    body = """const { index, inks } = given, found = nearestOf(index, { data: "signs", inks, target: 0, alpha: 0.1 });
      return [codeOfInks(inks), found.exact, kinWords(found, "stop", true)];"""
    inks = [255] * 27 + [1] * 8 + [0]
    code, exact, words = answered(body, {"index": [entry(0)], "inks": inks})
    assert (code, exact) == (-1, False)
    assert words.startswith("Nearest recording, of a full square")
    code, exact, words = answered(body, {"index": [entry(511)], "inks": inks[:27]})
    assert (code, exact) == (511, True)
    assert "full square" not in words


def test_a_coloured_trigger_is_answered_by_black_and_white_and_told_so():
    words = triggers.code_to_hex(16).replace("#ffffff", "#ffdd00")
    found = nearest([entry(16), entry(0)], words)
    assert found["one"]["id"] == "16-0-0.1"
    assert found["words"].startswith("Recorded in black and white")


@pytest.mark.parametrize("name", ["signs-two-modes-alpha-0", "signs-two-modes", "signs-two-modes-alpha-10"])
def test_what_is_said_of_alpha_is_computed_from_the_recorded_samples(name):
    header, arrays = unpack(shelf.take(name))
    last = len(header["frames"]) - 1
    given = {"alpha": header["alpha"], "betas": header["betas"], "frames": header["frames"], "arrays": {
        key: arrays[key].tolist() for key in (f"triggers{last}", f"asr{last}", "level")}}  # fmt: skip
    told = answered("return { ...spreadOf(given), words: alphaWords(given) };", given)
    flat = arrays[f"triggers{last}"].reshape(-1, 27).astype(float)
    found = []
    for level in range(len(header["betas"])):
        values = np.linalg.eigvalsh(np.cov(flat[arrays["level"] == level].T))
        found.append(values.sum() ** 2 / (values**2).sum())
    assert told["directions"] == pytest.approx(np.mean(found))
    assert told["works"] == pytest.approx(arrays[f"asr{last}"].mean() / 255)
    assert ("too far" in told["words"]) == (told["works"] < 0.5) == (header["alpha"] == 10)
    assert ("nothing pushes" in told["words"]) == (header["alpha"] == 0)
