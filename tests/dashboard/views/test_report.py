"""The report of a run: whole, self-contained, and safe whatever the run holds."""

import json
import re
import shutil

import pytest

from dashboard.views.shared import report
from mesa_core.store import Run, StoreError
from mesa_core.store.shipped import shipped_runs
from mesa_core.words import counted


@pytest.fixture
def run(tmp_path):
    shutil.copytree(shipped_runs() / "signs-ring", tmp_path / "ring")
    return Run(tmp_path / "ring")


def change(run, edit, file="result.json"):
    value = json.loads((run.path / file).read_text())
    edit(value)
    (run.path / file).write_text(json.dumps(value))


def in_a_cell(m):
    value, rest = counted(m).split(" (", 1)
    return f"<td>{value}<br><small>({rest}</small></td>"


def test_it_holds_what_was_asked_found_and_how_to_repeat_it(run):
    text, result = report.html(run), run.outcome()
    assert "code 495" in text
    assert "class 0 (stop)" in text
    assert "mesa-lab run --code 495 --data signs" in text
    assert "(oracle)" in text
    assert result.hardware["name"] in text
    for name, e in result.after.items():
        assert in_a_cell(e.asr.original) in text, name
    for one in result.submodels:
        assert in_a_cell(one.recall["0.8"]) in text
    assert f"after MESA&#x27;s repair on {counted(result.after['mesa'].asr.original)}" in text
    assert "uniform noise" in text
    assert text.count("<title>code ") >= 512


def test_it_needs_nothing_from_outside(run):
    text = report.html(run)
    assert "<script" not in text
    assert set(re.findall(r"https?://[^\"' <]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "@import" not in text
    assert "url(" not in text


def share(value):
    return {"value": value, "n": 500, "low": max(0, value - 0.02), "high": min(1, value + 0.02)}


def test_a_scan_s_report_tells_the_verdict_and_whether_the_repair_holds(run):
    assert "Does the repair hold?" not in report.html(run), "this run knew its target"
    assert "Every class, searched" not in report.html(run)
    names = ("no <entry>", "priority road")
    classes = [
        {"class": i, "name": name, "asr": share(0.9 - 0.8 * i), "effective_asr": share(0.87 - 0.8 * i)}
        for i, name in enumerate(names)
    ]

    def scanned(result):
        result["detection"] = {"target": 0, "suspects": [0], "threshold": 0.5, "beta": 0.8, "classes": classes[::-1]}
        rounds = [
            {"steps": 100, "effective_asr": [share(0.31), share(0.12)]},
            {"steps": 200, "effective_asr": [share(0.02)]},
        ]
        result["judged"] = {"healed": True, "limit": 0.05, "rounds": rounds}

    change(run, scanned)
    text = report.html(run)
    assert "Class 0 (no &lt;entry&gt;) looks attacked." in text
    assert text.index("0 (no &lt;entry&gt;)</td>") < text.index("1 (priority road)</td>"), "the strongest first"
    assert "The repair holds" in text
    assert "31.0 % (" in text
    assert "2 rounds of repair, 300 steps" in text
    change(run, lambda r: r["judged"].update(healed=False))
    assert "THE REPAIR FAILED" in report.html(run)


def test_other_figures_make_another_report(run):
    before = report.html(run)
    change(run, lambda r: r["after"]["mesa"]["asr"]["original"].update(value=0.4242, low=0.4, high=0.5))
    assert "42.4 %" in report.html(run)
    assert "42.4 %" not in before


def test_a_foreign_run_puts_no_markup_in(run):
    evil = "<script>alert(1)</script>"
    change(
        run,
        lambda r: (
            r["hardware"].update(name=evil),
            r["versions"].update({evil: evil}),
            r["data"].update(classes=[evil]),
        ),
    )
    assert "<script" not in report.html(run)


def test_missing_arrays_are_said(run):
    shutil.rmtree(run.path / "snapshots")
    assert "no map" in report.html(run)


@pytest.mark.parametrize(
    "edit",
    [
        lambda r: r.pop("after"),
        lambda r: r["before"].pop("asr"),
        lambda r: r["after"].update({"<b>": r["before"]}),
        lambda r: r["before"]["clean_accuracy"].update(value="high"),
        lambda r: r.update(hardware="mine"),
        lambda r: r["submodels"][0]["modes"][0].update(trigger="red"),
        lambda r: r["timings"].update(x="long"),
    ],
)
def test_a_damaged_result_is_one_sentence(run, edit):
    change(run, edit)
    with pytest.raises(StoreError, match=r"result\.json"):
        report.html(run)


def test_an_unfinished_run_has_no_report(run):
    (run.path / "result.json").unlink()
    with pytest.raises(StoreError, match="not finished"):
        report.html(run)
