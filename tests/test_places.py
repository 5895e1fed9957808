"""Places that are closed or full, odd words and odd names: one sentence that says what and where, and no traceback."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from small_sweep import draw_signs
from streamlit.testing.v1 import AppTest
from visits import PATIENCE

from dashboard import places
from dashboard.views.shared import take_away as export
from mesa_core.cli import main
from mesa_core.cli.console import Console, say
from mesa_core.config import make_config
from mesa_core.data import loading
from mesa_core.disk import files, leases
from mesa_core.disk.errors import Closed
from mesa_core.disk.plain import plain
from mesa_core.disk.scrub import scrubbed
from mesa_core.experiment import execute
from mesa_core.pictures import saving
from mesa_core.pictures.drawing import NoPicture, Painter
from mesa_core.reference import record
from mesa_core.store import Run, Store, home
from mesa_core.store.shipped import shipped_runs

APP = str(Path(__file__).resolve().parents[1] / "dashboard" / "app.py")
COMMANDS = (
    ["runs"],
    ["runs", "some"],
    ["run", "--data", "signs"],
    ["run", "--resume", "some"],
    ["data", "signs"],
    ["sweep", "s", "--data", "signs"],
)


def one_sentence(capsys) -> str:
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "Traceback" not in said
    assert said.startswith("mesa-lab")
    return said


# -- closed
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_home_that_is_a_file_is_named(tmp_path, capsys, words):
    (tmp_path / "home").write_text("x")
    assert main(["--home", str(tmp_path / "home"), *words]) == 2
    assert f"{tmp_path / 'home'} is not a folder" in one_sentence(capsys)
    assert main(["--home", str(tmp_path / "home" / "in it"), *words]) == 2
    assert "in it is not a folder" in one_sentence(capsys)


@pytest.mark.parametrize(("name", "words"), [("runs", COMMANDS[2]), ("runs", COMMANDS[5]), ("sweeps", COMMANDS[5])])
def test_a_file_where_a_folder_of_the_home_should_be_is_named(tmp_path, capsys, name, words):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / name).write_text("x")
    assert main(["--home", str(tmp_path / "home"), *words]) == 1
    assert str(tmp_path / "home" / name) in one_sentence(capsys)


@pytest.mark.parametrize("how", ["a file", "runs a file", "runs a link to itself", "inside a file"])
def test_the_page_says_what_is_closed_in_one_sentence(tmp_path, monkeypatch, how):
    home = tmp_path / "home"
    if how == "a file":
        home.write_text("x")
    elif how == "inside a file":
        home.write_text("x")
        home = home / "deep"
    else:
        home.mkdir()
        (home / "runs").write_text("x") if "file" in how else (home / "runs").symlink_to("runs")
    monkeypatch.setenv("MESA_LAB_HOME", str(home))
    at = AppTest.from_file(APP, default_timeout=PATIENCE).run()
    assert not at.exception
    assert any("New runs cannot be kept here" in w.value and str(tmp_path / "home") in w.value for w in at.warning)


def test_prepared_runs_are_shown_where_no_worker_can_be_started(tmp_path, monkeypatch):
    (tmp_path / "worker.json").mkdir()
    os.utime(tmp_path / "worker.json", (0, 0))  # so that no worker is taken to live
    monkeypatch.setenv("MESA_LAB_HOME", str(tmp_path))
    at = AppTest.from_file(APP, default_timeout=PATIENCE)
    at.query_params["run"] = "signs-ring"
    at.run()
    assert not at.exception
    assert not at.error, [one.value for one in at.error]
    assert [one.value for one in at.title] == ["MESA Lab"]


def test_a_page_with_a_usable_home_says_nothing(tmp_path, monkeypatch):
    assert places.trouble(tmp_path) == places.trouble(tmp_path / "new") == ""
    monkeypatch.setattr(places.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 0))
    assert "disk is full" in places.trouble(tmp_path)


# -- full
@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full at"), (errno.EDQUOT, "quota"), (errno.EMFILE, "Too many files"), (errno.EFBIG, "larger than"), (errno.EROFS, "only be read")],
)  # fmt: skip
def test_what_is_full_is_said_with_its_place(tmp_path, monkeypatch, number, words):
    def fsync(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, "fsync", fsync)
    with pytest.raises(Closed, match=words) as caught:
        files.write_atomically(tmp_path / "x.json", b"x")
    assert str(tmp_path / "x.json") in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_run_on_a_full_disk_says_so(store, monkeypatch, tiny_signs):
    run, told = store.create(make_config(data="signs").to_dict(), "one"), []
    real = files.write_atomically

    def full(path, data, mode=None):
        if path.parent.name == "cache":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(path, data, mode)

    monkeypatch.setattr(loading, "write_atomically", full)
    monkeypatch.setattr("mesa_core.data.signs.load", lambda tell: tiny_signs)
    assert execute(run, store, told.append) == "failed"
    assert "The disk is full" in told[-1].message
    assert "program" not in told[-1].message


# -- words
def test_a_user_that_nobody_knows_is_no_traceback(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["--home", "~nobody-at-all/x", "runs"]) == 0
    assert "No runs yet" in capsys.readouterr().err
    assert main(["data", "folder", "--data-dir", "~nobody-at-all/x"]) == 2
    assert "~nobody-at-all/x" in one_sentence(capsys)


def test_a_home_and_a_place_for_results_may_begin_with_a_tilde(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MESA_LAB_HOME", "~/lab")
    run = Store(tmp_path / "lab").create(make_config(data="signs").to_dict(), "one")
    assert main(["runs"]) == 0
    assert run.name in capsys.readouterr().out
    assert main(["collect", "one", "--out", "~/lab/runs/x"]) == 2
    assert "lies in the store" in capsys.readouterr().err
    assert home() == tmp_path / "lab"
    assert not (tmp_path / "~").exists()


def test_words_that_name_nothing_are_refused(tmp_path, capsys):
    home = ["--home", str(tmp_path / "home")]
    assert main([*home, "run", "--resume", ""]) == 2
    assert "not the name of a run" in one_sentence(capsys)
    assert main([*home, "runs", ""]) == 2
    assert main([*home, "run", "--name", "", "--data", "signs"]) == 2
    one_sentence(capsys)
    for done in (tmp_path / "none", tmp_path):
        assert main([*home, "sweep", "s", "--data", "signs", "--done", str(done)]) == 2
        assert "mesa-lab collect filled" in one_sentence(capsys)
    for port in ("0", "99999", "-1"):
        assert main([*home, "dashboard", "--port", port]) == 2
        assert "between 1 and 65535" in one_sentence(capsys)
    with pytest.raises(SystemExit):
        main(["--home", "", "runs"])
    assert not (tmp_path / "home" / "runs").exists()


# -- the terminal
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eabc\rdef\udcff"


def test_no_control_character_reaches_a_terminal():
    for live in (False, True):
        stream = io.TextIOWrapper(raw := io.BytesIO(), "utf-8", write_through=True)
        stream.isatty = lambda live=live: live
        console = Console(stream)
        console.moving(EVIL, due=True), console.line(EVIL), say(EVIL, stream)
        shown = raw.getvalue().decode().replace("\r" + " " * 110 + "\r", "")
        for bad in ("\x1b", "\x07", "\x9b", "\u202e"):
            assert bad not in shown
        assert shown.count("\\x1b]0;owned") == 3
    assert plain("β = 0.5, 日本 👩‍🔬") == "β = 0.5, 日本 👩‍🔬"
    assert plain("a\nb") == "a b"
    assert plain("a\nb", lines=True) == "a\nb"


def test_a_stream_that_cannot_say_a_letter_spells_it(capsys):
    stream = io.TextIOWrapper(raw := io.BytesIO(), "ascii", write_through=True)
    say("β", stream)
    assert raw.getvalue() == b"\\u03b2\n"


def test_names_that_are_no_text_end_in_words(tmp_path):
    folder = draw_signs(tmp_path / "signs", 60, 60)
    for part in (b"train", b"test"):
        os.rename(os.fsencode(folder) + b"/" + part + b"/0", os.fsencode(folder) + b"/" + part + b"/\xff\x1b[2J")
    done = subprocess.run(
        [sys.executable, "-m", "mesa_core", "--home", str(tmp_path / "home"), "data", "folder", "--data-dir", str(folder)],
        capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8"}, check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
    assert b"\\udcff" in done.stdout or done.returncode == 2


# -- what is saved
def test_an_empty_cell_stays_empty_and_a_formula_is_quoted():
    rows = [{"a": "", "b": "=1", "c": "-1+cmd|x", "d": "-0.5", "e": "-3 %", "f": "\t=1", "g": "–"}]
    assert saving.csv_of(rows).decode("utf-8-sig").splitlines()[1] == ",'=1,'-1+cmd|x,-0.5,-3 %,'\t=1,–"


def test_the_zip_names_no_place_of_this_machine(tmp_path):
    home = Store(tmp_path / "my home")
    run = Run(home.runs / "ring")
    shutil.copytree(shipped_runs() / "signs-ring", run.path)
    config = {**run.config(), "data_dir": "/srv/class 3/images", "weights": str(tmp_path / "w.pt")}
    run.write_config(config, run.resolved())
    run.write_result({**run.result(), "config": config})
    with open(run.path / "events.jsonl", "a") as file:
        file.write(
            json.dumps({"n": 99999, "type": "Note", "text": f"Reading /srv/class 3/images/a.png and {run.path}/x."})
            + "\n"
        )
    private = (str(tmp_path), "/srv/", str(Path.home()) + "/")
    assert any(part in (run.path / "config.json").read_text() for part in private), "the check can fail"
    with zipfile.ZipFile(io.BytesIO(export.zip_of(run))) as archive:
        for name in archive.namelist():
            assert not name.startswith("/")
            if name.endswith((".json", ".jsonl")):
                text = archive.read(name).decode()
                assert not any(part in text for part in private), name
        told = json.loads(archive.read("ring/config.json"))["config"]
        assert (told["data_dir"], told["weights"]) == ("images", "w.pt")
        last = archive.read("ring/events.jsonl").decode().splitlines()[-1]
        assert json.loads(last)["text"] == "Reading a.png and x."
        archive.extractall(tmp_path / "out")
    assert Run(tmp_path / "out" / "ring").result()["before"] == run.result()["before"]
    assert [n for n, _ in Run(tmp_path / "out" / "ring").events()] == [n for n, _ in run.events()]


def test_what_only_looks_like_a_path_stays():
    for text in ("1/2", "https://example.org/a/b", "n/a", "and/or", "images/s", "β"):
        assert scrubbed(text) == text
    assert scrubbed("C:\\Users\\me\\w.pt is gone") == "w.pt is gone"


# -- pictures
@pytest.fixture
def deaf_browser(tmp_path, monkeypatch) -> Path:
    """A Chromium that starts and never says anything."""
    fake = tmp_path / "bin" / "chromium"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/pids\nexec sleep 600\n")
    fake.chmod(0o755)
    monkeypatch.setenv("BROWSER_PATH", str(fake))
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    return tmp_path / "pids"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_browser_that_does_not_answer_is_ended_and_said(deaf_browser):
    go = pytest.importorskip("plotly.graph_objects")
    pytest.importorskip("kaleido")
    with Painter(limit=20) as painter, pytest.raises(NoPicture, match="did not answer within 20 s"):
        painter.paint(go.Figure(), "png", 100, 1)
    pids = [int(pid) for pid in deaf_browser.read_text().split()]
    assert pids, "the browser was not even started"
    until = time.monotonic() + 60
    while any(map(leases.process_lives, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(leases.process_lives, pids))


def test_figures_without_a_usable_browser_are_html(tmp_path, monkeypatch, capsys):
    def fails(self, *_):
        raise NoPicture("No usable Chromium: it did not answer within 30 s.")

    monkeypatch.setattr(saving.Pictures, "paint", fails)
    monkeypatch.setattr(saving, "missing", lambda: "")
    monkeypatch.setitem(saving._rest(), "until", 0.0)
    shutil.copytree(shipped_runs() / "signs-ring", tmp_path / "runs" / "signs-ring")
    assert (
        main(["--home", str(tmp_path / "h"), "figures", "--out", str(tmp_path / "out"), "--results", str(tmp_path)])
        == 0
    )
    said = [line for line in capsys.readouterr().err.splitlines() if "Chromium" in line]
    assert said == ["Only HTML and CSV were written: No usable Chromium: it did not answer within 30 s."]
    assert (tmp_path / "out" / "figure1b.html").exists()
    assert not saving.pictures(), "the next one does not wait again"
    monkeypatch.setitem(saving._rest(), "until", 0.0)


def test_a_closed_folder_of_references_holds_none(tmp_path, monkeypatch):
    real, store = os.stat, Store(tmp_path)

    def stat(path, *given, **more):
        if str(path).startswith(str(tmp_path / "references")):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *given, **more)

    monkeypatch.setattr(os, "stat", stat)
    assert not record._whole(record.lying(store, "0" * 24, 3))
