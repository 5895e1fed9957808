"""The Compare page without a browser."""

import functools
import json
import re
import shutil

import numpy as np
import pytest
from visits import visit

from dashboard.serving import queue, runs
from dashboard.views.compare import alphas, gallery
from dashboard.views.compare.page import differences, differing
from mesa_core.config import make_config
from mesa_core.store import Run, StoreError
from mesa_core.store.shipped import shipped_runs

RING = "#ffffff #ffffff #ffffff #ffffff #000000 #ffffff #ffffff #ffffff #ffffff"


@pytest.fixture
def home(home):
    home.runs.mkdir()
    return home


def copied(home, name, **changes):
    """The shipped run under another name and with other settings."""
    shutil.copytree(shipped_runs() / "signs-ring", home.runs / name)
    run = Run(home.runs / name)
    for file in ("config.json", "result.json"):
        value = json.loads((run.path / file).read_text())
        value["config"].update(changes)
        (run.path / file).write_text(json.dumps(value))
    return run


page = functools.partial(visit, "compare")


def charts(at):
    return len(at.get("plotly_chart"))


def words(at):
    return " ".join(e.value for kind in (at.warning, at.info, at.caption, at.markdown, at.error) for e in kind)


@pytest.mark.parametrize("show", ["two", "alpha", "seeds", "all"])
def test_every_section_draws_something_with_the_shipped_run_alone(home, show):
    at = page(show=show)
    assert not at.exception
    assert charts(at) >= 1


def test_two_runs_show_what_differs_and_share_axes(home):
    copied(home, "other", alpha=10.0)
    at = page(a="signs-ring", b="other")
    assert not at.exception
    table = at.get("html")[0].proto.body
    assert re.findall(r"<b>(\w+)</b>", table) == ["alpha"]
    assert re.findall(r"<td>(.*?)</td>", table) == ["0.1", "10.0"]
    assert "Both on the same axes." in words(at)


def test_runs_on_other_victims_are_said_to_have_other_axes(home):
    run = copied(home, "other", seed=5)
    arrays = run.read_arrays("axes.npz")
    run.write_arrays("axes.npz", {**arrays, "pca": arrays["pca"][::-1].copy()})
    at = page(a="signs-ring", b="other")
    assert not at.exception
    assert "axes of its own" in words(at)
    assert "Both on the same axes." not in words(at)


def test_only_settings_that_differ_are_listed():
    one = make_config(data="signs").to_dict()
    assert differences(one, one) == []
    assert [r["setting"] for r in differences(one, {**one, "beta": [0.5], "seed": 2})] == ["beta", "seed"]


def test_triggers_that_differ_are_pictures_with_names():
    one, coloured = make_config(data="signs").to_dict(), "#ff0000 " + " ".join(["#000000"] * 8)
    table = differing(differences({**one, "trigger": RING}, {**one, "trigger": coloured}))
    assert table.count("<img src='data:image/png") == 2
    a, b = re.findall(r"<td>(.*?)</td>", table)
    assert a.endswith("<span>code 495</span>")
    assert b.endswith("<span>nine colours</span>")
    assert f"alt='{coloured}'" in b


def test_what_differs_is_shown_as_text():
    row = {"setting": "a", "A": "<script>", "B": "&", "what it is": "<i>"}
    assert not re.search("<script>|<i>", differing([row]))


def test_one_is_not_many():
    assert (gallery.many(1, "point repair"), gallery.many(2, "point repair")) == ("1 point repair", "2 point repairs")
    assert gallery.many(0, "finished run") == "0 finished runs"


def test_missing_alphas_are_queued_with_all_else_equal(home):
    copied(home, "base")
    base = home.open("base").config()
    at = page(show="alpha", base="base")
    button = next(b for b in at.button if b.label.startswith("Queue"))
    assert button.label == "Queue the missing 2 runs (α = 0, 10)"
    at = button.click().run()
    assert not at.exception
    queued = [run.config() for run in home.list() if run.name != "base"]
    assert sorted(c["alpha"] for c in queued) == [0.0, 10.0]
    assert all(make_config({**c, "alpha": base["alpha"]}) == make_config(base) for c in queued)
    assert not [b for b in at.button if b.label.startswith("Queue")]  # they are on their way
    assert "is waiting" in words(at)


def test_the_grid_begins_with_a_family_that_is_whole(home):
    at = page(show="alpha")
    assert not at.exception
    assert not [b for b in at.button if "Queue" in b.label]  # one of the prepared ones has all three α
    assert charts(at) == 9, "each scatter apart, so that a phone shows one a row"
    at = page(show="alpha", base="signs-ring")
    assert [b for b in at.button if "Queue" in b.label]


def test_a_full_queue_is_said(home):
    for _ in range(queue.MOST_WAITING):
        queue.start(make_config(data="signs", seed=9).to_dict())
    at = page(show="alpha", base="signs-ring")
    at = next(b for b in at.button if b.label.startswith("Queue")).click().run()
    assert not at.exception
    assert "waiting already" in words(at)


def test_the_grid_takes_runs_of_one_victim_only(home):
    same, other = copied(home, "same", alpha=0.0), copied(home, "other", alpha=10.0)
    arrays = other.read_arrays("axes.npz")
    other.write_arrays("axes.npz", {**arrays, "pca": arrays["pca"] + 1, "pca_bounds": arrays["pca_bounds"] + 1})
    best, pending = alphas.chosen(alphas.family(runs.config(same)))
    assert {alpha: run.name for alpha, run in best.items()} == {0.0: "same", 0.1: "signs-ring"}
    assert pending == {}


def test_another_seed_is_no_member_of_the_family(home):
    copied(home, "other", alpha=0.0, seed=3)
    found = alphas.family(runs.config(queue.find("signs-ring")))
    assert list(found) == [0.1]


def test_the_seeds_figure_takes_in_every_finished_run(home):
    run = copied(home, "more", seed=1)
    result = run.result()
    result["after"]["point_2"] = result["after"]["random"]
    run.write_result(result)
    every = [r for r in (*queue.shipped(), run) if "point" in r.result()["after"]]
    points = [sum(k.startswith("point") for k in r.result()["after"]) for r in every]
    at = page(show="seeds")
    assert f"{len(points)} finished runs, {sum(points)} point repairs" in words(at)
    (run.path / "result.json").write_text("{")
    assert f"{len(points) - 1} finished runs, {sum(points[:-1])} point repairs" in words(page(show="seeds"))


@pytest.mark.parametrize(
    "file", ["snapshots/axes.npz", "snapshots/samples.npz", "events.jsonl", "result.json", "config.json"]
)
@pytest.mark.parametrize("show", ["two", "alpha", "all"])
def test_damaged_runs_give_words_and_no_traceback(home, show, file):
    run = copied(home, "broken", alpha=0.0)
    (run.path / file).write_bytes(b"\x00 damaged {")
    at = page(show=show, a="broken", b="signs-ring", base="broken", run="broken")
    assert not at.exception


@pytest.mark.parametrize(
    "address",
    [
        {"show": "nothing"},
        {"a": "../x", "b": "%00"},
        {"show": "alpha", "base": "none"},
        {"show": "seeds", "figure": "x"},
        {"view": "9"},
    ],
)
def test_nonsense_in_the_address_is_survived(home, address):
    at = page(**address)
    assert not at.exception
    assert charts(at) >= 1


def test_all_figures_are_of_the_run_that_was_asked_for(home):
    found, rows = gallery.of_run(queue.find("signs-ring"))
    assert {"defences-original", "coverage", "landscape", "samples-pca", "samples-tsne", "training"} <= set(found)
    for title, _, make in found.values():
        assert len(make().data), title
    assert len(rows) == 2 + len(queue.find("signs-ring").result()["after"]) + 3  # clean, before, each level
    bare = copied(home, "bare")
    shutil.rmtree(bare.path / "snapshots")
    (bare.path / "events.jsonl").unlink()
    assert set(gallery.of_run(bare)[0]) == {"defences-original", "defences-worst", "coverage"}


def test_damaged_samples_are_not_drawn(home):
    run = copied(home, "odd")
    good = run.read_arrays("samples.npz")
    for name, value in (
        ("asr", np.full(768, np.nan)),
        ("triggers", np.zeros((768, 26), np.uint8)),
        ("pca", np.zeros((3, 2))),
    ):
        run.write_arrays("samples.npz", {**good, name: value})
        assert runs.samples(run) is None, name
    run.write_arrays("samples.npz", good)
    assert runs.samples(run) is not None


def test_no_run_at_all_is_said(home, monkeypatch, tmp_path):
    monkeypatch.setattr(queue, "shipped_runs", lambda: tmp_path / "none")
    at = page()
    assert not at.exception
    assert "No run yet" in words(at)


def test_a_result_of_another_program_is_refused(home):
    run = copied(home, "foreign")
    run.write_result({"before": 1})
    with pytest.raises(StoreError):
        runs.result(run)
    assert {r.name for r, _, _ in runs.finished()} == {r.name for r in queue.shipped()}


@pytest.mark.parametrize("show", ["two", "alpha", "seeds", "all"])
def test_a_run_deleted_under_the_page_is_survived(home, show):
    run = copied(home, "gone")
    at = page(show=show, a="gone", base="gone", run="gone")
    shutil.rmtree(run.path)
    at = at.run()
    assert not at.exception
    assert charts(at) >= 1


def test_samples_are_a_table_too(home):
    rows = gallery.sample_rows(queue.find("signs-ring"))
    assert len(rows) == 768
    assert {row["β"] for row in rows} == {"0.5", "0.8", "0.9"}
    assert all(len(row["trigger"].split()) == 9 for row in rows)


def test_a_trigger_of_another_size_is_told_by_its_size():
    first, second = (make_config(data="signs", trigger=t).to_dict() for t in ("#fff " * 16, "#f00 " * 16))
    rows = differences(first, second)
    text = differing(rows)
    assert "4×4 code 65535" in text
    assert "16 colours" in text


def test_repairs_of_another_size_are_another_line_of_the_seeds_figure():
    titles = [gallery.title(make_config(data="signs", trigger=RING, budget=budget)) for budget in ("own", "compare")]
    assert titles == ["signs, code 495, 20 % stamped", "signs, code 495, 5 % stamped"]
    assert gallery.title(make_config(data="signs", trigger=RING, seed=3)) == titles[0]
