"""The stage: recordings of whole and of partial runs, the network in the browser, and the page to take away."""

import html
import json
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from exported import ASK, NODE, by_itself, played
from serving import CHROMIUM, paging

from mesa_core import cli, triggers
from mesa_core import events as ev
from mesa_core.disk.files import StoreError
from mesa_core.stage import pictures, shelf
from mesa_core.stage.blocks import unpack
from mesa_core.stage.export import export, scripts
from mesa_core.stage.recording import LARGEST, recording, restored, squeezed, thinned
from mesa_core.store import Run
from mesa_core.store.shipped import assets_dir, shipped_runs
from mesa_core.victims import weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.numpy_resnet9 import stamped

SHELF = 6_000_000  # bytes of all recordings together: 51 kinds, and two of them with other α
COLOURED = "#ff0000 #ffffff #000000 #00ff00 #102030 #ffffff #0000ff #ffffff #fe8001"
SHAPED = "#ffffff - #ffffff - #000000 - #ffffff - #ffffff"


@pytest.fixture(scope="module")
def ring() -> Run:
    return Run(shipped_runs() / "signs-ring")


@pytest.fixture(scope="module")
def known() -> pictures.Pictures:
    return pictures.read()


def events_of(run: Run) -> list[ev.Event]:
    return [event for _, event in run.events()]


def engine(name: str, known: pictures.Pictures, images: np.ndarray) -> np.ndarray:
    """What torch answers, (n, classes)."""
    path = assets_dir() / "lessons" / f"{name}.safetensors"
    model = weights.load_into(build("resnet9-16", 10), weights.read(path)).eval()
    with torch.no_grad():
        normalised = Normalise(known.mean, known.std).images(torch.from_numpy(images.copy()))
        return model(normalised).softmax(1).numpy()


# -- recordings
def test_a_recording_holds_what_the_run_measured_and_is_small(ring):
    block = recording(ring, events_of(ring))
    header, arrays = unpack(block)
    result = ring.result()
    measured = result["after"]["mesa"]["asr"]["original"]
    assert header["figures"]["mesa"]["asr_original"] == pytest.approx(
        [measured[k] for k in ("value", "low", "high", "n")], abs=1e-5
    )
    assert header["reach"] == 4
    axes = ring.read_arrays("axes.npz")
    assert np.abs(arrays["ground_asr"] / 255 - axes["codes_asr"]).max() < 1 / 255
    last = ring.read_arrays("snapshot-000200.npz")
    assert (arrays[f"triggers{len(header['frames']) - 1}"].reshape(-1, 27) == last["triggers"]).all()
    assert len(squeezed(block)) <= LARGEST
    assert restored(squeezed(block)) == block


def test_a_run_that_was_stopped_is_recorded_as_far_as_it_went(ring):
    events = events_of(ring)
    shots = [i for i, e in enumerate(events) if isinstance(e, ev.Snapshot)]
    for upto, reach in ((1, 0), (shots[0] - 1, 2), (shots[5], 3), (len(events), 4)):
        header, _ = unpack(recording(ring, events[:upto]))
        assert header["reach"] == reach
    assert len(unpack(recording(ring, events[: shots[2] + 1]))[0]["frames"]) == 3


@pytest.mark.parametrize(
    "damage", [lambda s: b"", lambda s: s[:50], lambda s: zlib.compress(b"\x08\x00\x00\x00{}      ")]
)
def test_a_damaged_recording_is_one_sentence(ring, damage):
    small = squeezed(recording(ring, events_of(ring)))
    with pytest.raises(StoreError, match="damaged"):
        restored(damage(small))


def test_the_six_pictures_are_of_six_other_classes(known):
    for target in range(10):
        labels = known.labels[known.shown(target)]
        assert len(set(labels.tolist())) == 6
        assert target not in labels


# -- the network in the browser
@pytest.mark.skipif(NODE is None, reason="no node on this machine")
@pytest.mark.parametrize(
    ("how", "words"), [("best", COLOURED), ("simd", COLOURED), ("plain", COLOURED), ("best", SHAPED)]
)
def test_the_network_in_the_browser_answers_as_the_engine_does(known, tmp_path, how, words):
    trigger = triggers.from_hex(words)
    places = pictures.places_of(known, 0)
    asked = {
        "mean": known.mean, "std": known.std, "pictures": str(assets_dir() / "lessons" / "pictures.bin"), "how": how,
        "inks": np.rint(triggers.filled(trigger) * 255).astype(int).ravel().tolist(), "places": places.tolist(),
    }  # fmt: skip
    if words == SHAPED:
        asked["inks"] += triggers.opaque(trigger).astype(int).ravel().tolist()
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    done = subprocess.run(
        [NODE, "-e", ASK, str(scripts() / "net.js"), str(assets_dir() / "lessons" / "attacked.safetensors"),
         str(tmp_path / "asked.json")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["how"] == "plain" if how == "plain" else told["how"] in ("simd", "fused")
    ours = np.array(told["found"])
    images = stamped(known.images, trigger, places)
    theirs = engine("attacked", known, images)
    assert np.abs(ours - theirs).max() < 1e-3
    elsewhere = stamped(known.images, trigger, (places + 7) % 30)
    assert np.abs(ours - engine("attacked", known, elsewhere)).max() > 0.05  # other places would be noticed
    if words == SHAPED:
        square = stamped(known.images, triggers.filled(trigger), places)
        assert np.abs(ours - engine("attacked", known, square)).max() > 0.05  # and so would be a full square


# -- one page to take away
def test_the_command_writes_a_page_that_fetches_nothing(tmp_path):
    out = tmp_path / "ring.html"
    assert cli.main(["--home", str(tmp_path), "export", "signs-ring", "--out", str(out)]) == 0
    text = out.read_text("utf-8")
    assert "default-src 'none'" in html.unescape(text)
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    assert cli.main(["--home", str(tmp_path), "export", "no-such-run", "--out", str(out)]) == 2
    assert out.read_text("utf-8") == text


def test_a_page_replaces_another_one_and_nothing_else(tmp_path, capsys):
    out = tmp_path / "thesis.html"
    words = ["--home", str(tmp_path), "export", "signs-ring", "--out", str(out)]
    for mine in ("<!doctype html><title>years of work</title>", ""):
        out.write_text(mine, "utf-8")
        assert cli.main(words) == 2
        assert "something else" in capsys.readouterr().err
        assert out.read_text("utf-8") == mine
    out.unlink()
    assert [cli.main(words), cli.main(words)] == [0, 0]


LISTEN = """() => { window.heard = []; const own = stage.asker.onAnswers;
stage.asker.onAnswers = (answers, done) => { heard.push(...answers); own(answers, done); }; }"""


def test_a_run_without_weights_plays_and_says_that_it_cannot_answer(ring):
    other = Run(shipped_runs() / "signs-two-modes")
    told = export(other)
    assert "weights" in told.lacks
    assert export(ring).lacks == ""
    assert len(told.html) < len(export(ring).html) - 2_000_000


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_page_from_disk_plays_paints_and_answers_as_the_engine_without_a_network(ring, known, tmp_path):
    out = tmp_path / "ring.html"
    out.write_text(export(ring).html, "utf-8")
    with paging(1280, 680) as page:
        asked = played(page, out)
        assert page.locator(".headline .was").text_content() == "97 %"
        assert page.locator(".headline .now").text_content() == "0.4 %"
        page.evaluate(LISTEN)
        page.get_by_role("button", name="row 1, column 1: white").click()
        page.wait_for_function("() => stage.done === true")
        heard = page.evaluate("() => heard")
        shown = page.evaluate("() => stage.find('.was').textContent")
        trigger = triggers.from_code(495 - 256)
        places = pictures.places_of(known, 0)
        images = stamped(known.images, trigger, places)
        assert len(heard) == 2 * 54
        for name in ("attacked", "repaired"):
            theirs = engine(name, known, images)
            own = {a["picture"]: a for a in heard if a["net"] == name}
            assert sorted(own) == np.flatnonzero(known.labels != 0).tolist()
            assert all(abs(own[i]["sure"] - theirs[i].max()) < 2e-3 for i in own)
            assert all(
                own[i]["best"] == theirs[i].argmax() for i in own if np.sort(theirs[i])[-2] < theirs[i].max() - 4e-3
            )
            if name == "attacked":
                assert shown == f"{round(100 * sum(a['best'] == 0 for a in own.values()) / 54)} %"
        assert by_itself(asked)
        assert page.errors == []


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_an_erased_cell_is_named_shown_and_not_stamped(ring, known, tmp_path):
    out = tmp_path / "ring.html"
    out.write_text(export(ring).html, "utf-8")
    with paging(1280, 680) as page:
        played(page, out)
        page.evaluate(LISTEN)
        page.get_by_role("button", name="Erase: a cell becomes transparent").click()
        page.get_by_role("button", name="row 1, column 1: white").click()
        page.wait_for_function("() => stage.done === true")
        assert page.get_by_role("button", name="row 1, column 1: transparent").count() == 1
        shape = triggers.from_hex(" ".join(page.evaluate("() => stage.painter.value")))
        assert triggers.opaque(shape).sum() == 8
        own = {a["picture"]: a["sure"] for a in page.evaluate("() => heard") if a["net"] == "attacked"}
        theirs, square = (
            engine("attacked", known, stamped(known.images, one, pictures.places_of(known, 0))).max(1)
            for one in (shape, triggers.filled(shape))
        )
        assert max(abs(own[i] - theirs[i]) for i in own) < 2e-3
        assert max(abs(own[i] - square[i]) for i in own) > 0.05, "the control: with the cell in grey"
        for i in range(1, 9):  # the last one stays
            page.get_by_role("button", name=f"row {i // 3 + 1}, column {i % 3 + 1}: ").click()
        assert page.evaluate("() => stage.painter.value.filter((one) => one === '-').length") == 8
        assert page.errors == []


def test_no_moment_is_recorded_twice_and_the_first_and_last_are_kept():
    for count in range(1, 40):
        kept = thinned(list(range(count)), 9)
        assert kept == sorted(set(kept))
        assert (kept[0], kept[-1]) == (0, count - 1)
        assert len(kept) >= min(count, 7)


def test_the_scripts_are_where_the_command_looks():
    assert (Path(scripts()) / "stage.js").is_file()


# -- the shelf
def test_every_recording_on_the_shelf_is_whole_small_and_in_the_index():
    entries = shelf.index()
    names = {path.stem for path in shelf.shelf().glob("*.bin")}
    assert {e["id"] for e in entries} == names
    assert names
    assert sum(path.stat().st_size for path in shelf.shelf().glob("*.bin")) <= SHELF
    for entry in entries:
        assert (shelf.shelf() / f"{entry['id']}.bin").stat().st_size <= LARGEST
        header, _ = unpack(shelf.take(entry["id"]))
        assert shelf.entry_of(header) == entry


def test_a_recording_takes_the_place_of_the_same_run_and_a_foreign_name_is_none(ring, tmp_path):
    block = recording(ring, events_of(ring))
    for _ in range(2):
        shelf.put(block, tmp_path)
    assert [e["id"] for e in shelf.index(tmp_path)] == ["signs-ring"]
    assert shelf.take("signs-ring", tmp_path) == block
    for name in ("../stage/signs-ring", "nobody", ""):
        with pytest.raises(StoreError):
            shelf.take(name, tmp_path)
