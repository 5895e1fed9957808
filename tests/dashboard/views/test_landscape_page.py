"""The Landscape page without a browser, with runs that are whole, old, damaged and foreign."""

import functools
import json
import shutil

import numpy as np
import pytest
from visits import visit

from dashboard.components import codemap
from dashboard.serving import queue, runs
from dashboard.views.landscape import page as landscape
from dashboard.views.shared import report
from mesa_core import triggers
from mesa_core.measures.intervals import proportion
from mesa_core.store import Run
from mesa_core.store.shipped import shipped_runs


@pytest.fixture
def run(home):
    """A copy of the shipped run with a map after the repair, and of the clean victim."""
    home.runs.mkdir()
    shutil.copytree(shipped_runs() / "signs-ring", home.runs / "ring")
    run = Run(home.runs / "ring")
    arrays = run.read_arrays("axes.npz")
    draw = np.random.default_rng(0)
    clean = (draw.integers(0, 3, 512) / 16).astype(np.float32)
    run.write_arrays("axes.npz", {**arrays, "clean_asr": clean, "codes_images": np.int32(16)})
    run.write_arrays("landscape-after.npz", {"codes_asr": clean[::-1].copy()})
    return run


page = functools.partial(visit, "landscape")


def words(at):
    return " ".join(e.value for kind in (at.warning, at.info, at.caption, at.markdown) for e in kind)


def maps_drawn(at):
    return len(at.get("bidi_component"))


def test_it_opens_with_the_prepared_run(home):
    at = page()
    assert not at.exception
    assert at.title[0].value == "Landscape"
    assert maps_drawn(at) == 1
    valid = int((queue.shipped()[0].read_arrays("axes.npz")["codes_asr"] >= 0.5).sum())
    assert f"{valid} of 512" in str(at.dataframe[0].value)


def test_a_whole_run_has_all_three_victims_and_its_counts(run):
    at = page(run="ring")
    assert not at.exception
    table = at.dataframe[0].value
    assert list(table.iloc[:, 0]) == ["Clean victim", "After the attack", "After MESA's repair"]
    before = run.read_arrays("axes.npz")["codes_asr"]
    assert table["ASR ≥ 50 %"][1] == f"{int((before >= 0.5).sum())} of 512"
    assert "n = 548" in table["worst of 512"][1]


def test_the_table_of_all_512_says_what_the_arrays_say(run):
    found = runs.maps(run)
    rows = landscape.rows(found)
    assert [row["code"] for row in rows] == list(range(512))
    one = rows[495]
    assert one["cells"] == "111101111"
    m = proportion(round(found.before[495] * 16), 16)
    assert (one["low after the attack"], one["high after the attack"]) == (round(m.low, 4), round(m.high, 4))
    assert sum(row["samples of β=0.5"] for row in rows) == 256
    assert len({row["family"] for row in rows}) == 51


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("snapshots/axes.npz", "map after the attack is missing"),
        ("snapshots/landscape-after.npz", "no map after the repair"),
        ("snapshots/samples.npz", "sampled triggers are missing"),
        ("result.json", "once the run has finished"),
    ],
)
def test_what_is_missing_is_said(run, file, said):
    (run.path / file).unlink()
    at = page(run="ring")
    assert not at.exception
    assert said in words(at)
    assert maps_drawn(at) == (0 if "axes" in file else 1)


@pytest.mark.parametrize(
    "file",
    ["snapshots/axes.npz", "snapshots/landscape-after.npz", "snapshots/samples.npz", "result.json", "config.json"],
)
def test_damaged_files_give_words_and_no_traceback(run, file):
    (run.path / file).write_bytes(b"PK\x03\x04 damaged {")
    at = page(run="ring")
    assert not at.exception
    assert "missing" in words(at) or "cannot be read" in words(at) or "no map" in words(at)


@pytest.mark.parametrize(
    "arrays",
    [
        {"codes_asr": np.zeros(511, np.float32)},
        {"codes_asr": np.full(512, np.nan, np.float32)},
        {"codes_asr": np.full(512, 7.0, np.float32)},
        {"codes_asr": np.array(["x"] * 512)},
        {
            "codes_asr": np.zeros(512, np.float32),
            "codes_images": np.array([1, 2]),
            "pca": np.zeros((3, 2)),
            "tsne": np.zeros(1),
        },
    ],
)
def test_foreign_arrays_are_left_out(run, arrays):
    run.write_arrays("axes.npz", arrays)
    assert not page(run="ring", order="pca").exception


def test_a_foreign_result_is_one_sentence(run):
    (run.path / "result.json").write_text(json.dumps({"before": {}, "after": 3}))
    at = page(run="ring")
    assert not at.exception
    assert any("result.json" in w.value for w in at.warning)
    assert maps_drawn(at) == 1


@pytest.mark.parametrize(
    "address",
    [
        {"run": "../../etc"},
        {"run": "none"},
        {"order": "upside-down"},
        {"looks": "nan,x,0.5"},
        {"victim": "clean"},
        {"victim": "'"},
    ],
)
def test_nonsense_in_the_address_is_survived(home, address):
    at = page(**address)
    assert not at.exception
    assert maps_drawn(at) == 1


def test_the_address_sets_the_controls(run):
    at = page(run="ring", order="white", victim="clean", looks="0.8,0.9")
    assert at.session_state.landscape_order == "white"
    assert at.session_state.landscape_victim == "clean"
    assert at.session_state.landscape_looks == [0.8, 0.9]


def test_rates_carry_the_interval_of_their_own_count():
    found = codemap.rates(np.full(512, 0.25), 16)
    m = proportion(4, 16)
    assert found["low"][7] == round(m.low, 4)
    assert found["high"] != codemap.rates(np.full(512, 0.25), 100)["high"]


def test_a_run_deleted_under_the_page_is_said(run):
    at = page(run="ring")
    shutil.rmtree(run.path)
    at = at.run()
    assert not at.exception
    assert "not here" in words(at)
    assert maps_drawn(at) == 1


def test_a_drawn_panel_is_shown_as_one_by_its_success(home, large_run):
    shutil.copytree(large_run.path, home.runs / "large")
    at = page(run="large")
    assert not at.exception
    assert maps_drawn(at) == 1
    assert "512 drawn from the black-and-white 4×4 triggers" in words(at)
    assert "there is no recall" in words(at)
    assert "Family" not in str([c.options for c in at.get("button_group")])
    table = at.dataframe[0].value
    assert "worst of 512 drawn" in table.columns
    worst = large_run.result()["before"]["asr"]["worst"]["code"]
    assert f"code {worst}" in table["which"].tolist()
    found = runs.maps(Run(home.runs / "large"))
    rows = landscape.rows(found)
    assert [row["code"] for row in rows] == triggers.panel_codes(4).tolist()
    assert "family" not in rows[0]
    assert len(rows[0]["cells"]) == 16
    for order in ("orbit", "white", "pca"):
        assert not page(run="large", order=order).exception


@pytest.mark.parametrize("name", ["compare", "paper", "detect"])
def test_no_other_page_breaks_on_a_4x4_run(home, large_run, name):
    shutil.copytree(large_run.path, home.runs / "large")
    for address in (
        {"run": "large"},
        {"a": "large", "b": "signs-ring"},
        {"show": "all", "run": "large"},
        {"show": "alpha", "base": "large"},
        {"show": "seeds"},
    ):
        assert not visit(name, **address).exception


def test_a_4x4_run_has_a_report(home, large_run):
    shutil.copytree(large_run.path, home.runs / "large")
    text = report.html(Run(home.runs / "large"))
    assert "worst of 512 drawn" in text
    assert "512 drawn black-and-white 4×4 triggers" in text
