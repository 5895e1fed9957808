"""Nothing that comes from an address or a run directory makes a page fall over: generated, a page at a time.

Most addresses go to the functions that read them, some dozens to whole pages; damaged run directories go to pages.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import pytest
import streamlit
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest
from visits import PATIENCE, visit

from dashboard.serving import queue
from dashboard.views.lab import settings as state
from dashboard.views.learn import distribution, lesson
from dashboard.views.learn import page as learn
from mesa_core.config import make_config
from mesa_core.store import Store
from mesa_core.store.shipped import shipped_runs, shipped_sweep

PAGES = ("lab", "landscape", "compare", "paper", "detect", "learn")
DASHBOARD = Path(__file__).resolve().parents[1] / "dashboard"
RUN = "damaged-run"
QUIET = {  # the same cases each time, and no hunt for a smaller one, which would draw hundreds of pages
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "derandomize": True,
    "database": None,
    "phases": [Phase.generate],
}


def names() -> list[str]:
    """Every parameter that some page reads from the address, found in the code."""
    found = {*state.KEPT, "trigger", "run", "by", *(name for one in learn.LESSONS for name in one.settings)}
    for path in DASHBOARD.rglob("*.py"):
        text = path.read_text("utf-8")
        found |= set(re.findall(r'address\.(?:said|names|put)\("(\w+)"', text))
        if 'bind="query-params"' in text:
            found |= set(re.findall(r'key="(\w+)"', text))
    return sorted(found)


NASTY = (
    "", " ", "0", "-1", "1", "7", "9" * 400, "nan", "inf", "-inf", "1e999", "1e-999", "0x10", "1_000", "٣", "1.5", "true",
    "None", "null", "[]", "{}", "0.5,0.5", ",,,", "0.5,,0.9", "../../etc/passwd", "..", "/", "C:\\", "%00", "\x00", "a\nb",
    "<script>alert(1)</script>", "$x$", "**b**", "signs-ring", RUN, "auto", "folder", "cifar10", "paper", "shipped",
    "ff0000 " * 9, "-".join(["000"] * 9), "zz " * 9, "resnet18", "particles", "attacked", "🔥" * 30, "x" * 5000,
)  # fmt: skip
WORDS = st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.integers().map(str), st.floats().map(str))  # fmt: skip
ADDRESSES = st.dictionaries(st.sampled_from([*names(), "nonsense"]), WORDS, max_size=8)


def fine(at: AppTest) -> bool:
    """No exception, and no traceback in anything that is said."""
    drawn = bool(at.title or at.get("bidi_component"))  # the Lab's first screen is a picture
    said = [e.value for kind in (at.error, at.warning, at.info, at.markdown, at.caption) for e in kind]
    return not at.exception and not any("Traceback" in str(words) for words in said) and drawn


def test_the_check_can_fail():
    def broken():
        import streamlit as st

        st.title("x")
        raise ValueError("on purpose")

    assert not fine(AppTest.from_function(broken, default_timeout=PATIENCE).run())


def test_the_parameters_are_found_in_the_code():
    assert {"run", "by", "step", "hide", "alpha", "beta", "reach", "paint"} <= set(names())


@settings(max_examples=400, **QUIET)
@given(address=ADDRESSES)
def test_nonsense_is_left_out_when_an_address_is_read(address):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamlit, "query_params", dict(address))
        patch.setattr(streamlit, "session_state", {})
        for key, value in state.from_address().items():
            make_config({key: value})  # raises where something wrong came through
        assert 1 <= learn.step() <= len(learn.LESSONS)
        assert lesson.hidden() <= set(lesson.HIDES)
        key = lesson.setting("paint", ["#000000"] * 9, distribution.read_paint)
        assert len(streamlit.session_state[key]) == 9
        key = lesson.setting("alpha", 0.1, lesson.one_of((0.1, 1.0)))
        assert streamlit.session_state[key] in (0.1, 1.0)


@settings(max_examples=100, **QUIET)
@given(name=WORDS)
def test_no_name_leads_out_of_the_store(name):
    try:
        run = queue.find(name)
    except ValueError:
        return
    assert run.path.parent in (shipped_runs(), shipped_sweep(), queue.store().runs)


@pytest.mark.parametrize("name", PAGES)
def test_pages_survive_nonsense_in_the_address(home, name):
    @settings(max_examples=12, **QUIET)
    @given(address=ADDRESSES)
    def survive(address):
        address = {
            k: v[0] for k, v in parse_qs(urlencode(address), keep_blank_values=True).items()
        }  # as a browser sends it
        assert fine(visit(name, 60, **address)), address

    survive()


# -- run directories
ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 10**12), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip
FILES = ("config.json", "events.jsonl", "result.json", "snapshots/axes.npz", "snapshots/samples.npz", "snapshots/snapshot-000200.npz", "snapshots/landscape-after.npz", "snapshots/detect.npz")  # fmt: skip
DAMAGES = ("gone", "empty", "rubbish", "half", "folder", "odd", "touched")


def damaged(run: Path, file: str, how: str, odd, pick: int) -> None:
    """Damage one file of a run. 'touched' puts an odd value somewhere into a JSON file that is otherwise whole."""
    path = run / file
    if not path.exists():
        return
    data = path.read_bytes()
    path.unlink()
    if how == "empty":
        path.write_bytes(b"")
    elif how == "rubbish":
        path.write_bytes(bytes(range(256)))
    elif how == "half":
        path.write_bytes(data[: len(data) // 2])
    elif how == "folder":
        path.mkdir()
    elif how == "odd" or (how == "touched" and path.suffix == ".npz"):
        path.write_text(json.dumps(odd))
    elif how == "touched":
        lines = (
            data.decode(errors="replace").splitlines() if path.suffix == ".jsonl" else [data.decode(errors="replace")]
        )
        try:
            number = pick % len(lines)
            value = json.loads(lines[number])
            spots = list(places(value))
            holder, key = spots[pick % len(spots)]
        except (ValueError, TypeError, ZeroDivisionError):  # damaged before, so that there is nothing to touch
            path.write_bytes(data)
            return
        holder[key] = odd
        lines[number] = json.dumps(value)
        path.write_text("\n".join(lines) + "\n")


def places(value):
    """Every (container, key) in a JSON value."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from places(value[key])


def fresh(home: Store) -> Path:
    """A copy of the shipped run with few snapshots, so that a page is drawn quickly."""
    target = home.runs / RUN
    shutil.rmtree(target, ignore_errors=True)
    keep = {Path(file).name for file in FILES}

    def ignore(folder, files):
        return [f for f in files if f.startswith("snapshot-") and f not in keep] if folder.endswith("snapshots") else []

    shutil.copytree(shipped_runs() / "signs-ring", target, ignore=ignore)
    lines = (target / "events.jsonl").read_text().splitlines()
    few = [line for line in lines if '"Snapshot"' not in line or "000200" in line]
    (target / "events.jsonl").write_text("\n".join(few) + "\n")
    return target


@pytest.mark.parametrize("name", PAGES)
def test_pages_survive_damaged_runs(home, name):
    assert fine(visit(name, 60, run=fresh(home).name))

    @settings(max_examples=16, **QUIET)
    @given(
        damage=st.lists(st.tuples(st.sampled_from(FILES), st.sampled_from(DAMAGES), ODD, st.integers(0, 10**6)), min_size=1, max_size=3)
    )  # fmt: skip
    def survive(damage):
        run = fresh(home)
        for one in damage:
            damaged(run, *one)
        assert fine(visit(name, 60, run=RUN)), damage

    survive()


@pytest.mark.parametrize("name", PAGES)
def test_pages_survive_a_run_that_is_deleted_under_them(home, name):
    run = fresh(home)
    at = visit(name, 60, run=RUN)
    assert fine(at)
    shutil.rmtree(run)
    assert fine(at.run())


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("content", ["nothing", "a file", "of another program", "a link to nowhere"])
def test_pages_survive_foreign_directories(home, name, content):
    home.runs.mkdir()
    path = home.runs / RUN
    if content == "a file":
        path.write_text("not a run")
    elif content == "a link to nowhere":
        path.symlink_to(home.root / "nowhere")
    else:
        path.mkdir()
    if content == "of another program":
        (path / "config.json").write_text(
            json.dumps({"config": {"alpha": "high", "data": 7, "beta": {}, "trigger": 3}})
        )
        (path / "events.jsonl").write_text('{"n": "x"}\n[1, 2]\n"text"\n{"n": 1, "type": "Progress"}\n')
        (path / "result.json").write_text('{"after": 3, "before": [], "detection": 5}')
    assert fine(visit(name, 60, run=RUN))
    assert fine(visit(name, 60))
