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
