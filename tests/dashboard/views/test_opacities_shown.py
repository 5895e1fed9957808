"""A run whose samples have opacities, on every page that shows samples: drawn over a chequer, compared with nothing opaque."""

import csv
import io
import shutil

import numpy as np
import pytest
from visits import visit

from dashboard.serving import runs
from dashboard.serving.shown import Shown
from dashboard.views.compare import gallery
from dashboard.views.detect import searches
from dashboard.views.lab import picture
from dashboard.views.shared import on_images, report, take_away
from mesa_core import opacity, triggers
from mesa_core.pictures import thumbnails
from mesa_core.pictures.saving import html_of
from mesa_core.stage.blocks import unpack
from mesa_core.store import Run


@pytest.fixture
def run(clear_run, home):
    shutil.copytree(clear_run.path, home.runs / "clear")
    return Run(home.runs / "clear")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("lab", {"screen": "all"}),
        ("lab", {"screen": "all", "view": "tsne", "colour": "mode"}),
        ("lab", {}),
        ("detect", {}),
        ("landscape", {}),
        ("compare", {"a": "clear", "b": "signs-ring"}),
        ("compare", {"show": "alpha", "base": "clear"}),
        ("compare", {"show": "all"}),
        ("compare", {"show": "seeds"}),
    ],
)
def test_a_page_that_shows_samples_draws_them(run, page, address):
    at = visit(page, run="clear", **address)
    assert not at.exception, at.exception
    assert not at.error


def test_the_lab_says_what_the_picture_is_and_that_there_is_no_recall(run):
    at = visit("lab", run="clear", screen="all")
    words = " ".join(one.value for one in (*at.caption, *at.markdown))
    assert "over a chequer where it lets the image through" in words
    assert not any("finds ≥" in str(column) for frame in at.dataframe for column in frame.value.columns)
    at = visit("landscape", run="clear")
    assert "No recall: the 512 are opaque" in " ".join(one.value for one in at.caption)
    at = visit("lab", run="signs-ring", screen="all")
    assert "over a chequer" not in " ".join(one.value for one in at.caption), "the negative control"


def test_the_scatter_is_sent_colours_and_opacities_and_opaque_ones_no_opacity(run):
    _, arrays = unpack(picture.block(Shown(run), "pca", "mode", {"epoch": 0, "rows": []}, "", "words"))
    samples = run.read_arrays(picture.SAMPLES)
    inks = triggers.unflatten(samples["triggers"])
    last = max(int(name.removeprefix("opacity")) for name in arrays if name.startswith("opacity"))
    assert arrays[f"triggers{last}"].reshape(-1, 3, 3, 3).tolist() == inks[:, :3].tolist()
    assert arrays[f"opacity{last}"].reshape(-1, 3, 3).tolist() == inks[:, 3].tolist()
    plain, _ = Run(run.path.parent / "none"), None
    from mesa_core.store.shipped import shipped_runs

    plain = Run(shipped_runs() / "signs-ring")
    _, arrays = unpack(picture.block(Shown(plain), "pca", "asr", {"epoch": 0, "rows": []}, "", "words"))
    assert not any(name.startswith("opacity") for name in arrays)
    assert 0 <= picture.trust(str(run.path), picture.SAMPLES) <= 1
    assert len(picture.modes_of(run, picture.files_of(Shown(run))[0][0])) > 0


def test_a_strip_and_thumbnails_differ_from_those_of_the_colours_alone():
    clear = np.random.default_rng(0).integers(0, 256, (4, 36)).astype(np.uint8)
    assert on_images.strip(clear, "words") != on_images.strip(clear[:, :27], "words")
    trigger = triggers.unflatten(clear[0]) / 255
    assert thumbnails.trigger_svg(trigger).count("<rect") == 4 * 9 + 1
    assert thumbnails.trigger_svg(trigger[:3]).count("<rect") == 9 + 1
    assert thumbnails.trigger_uri(trigger) != thumbnails.trigger_uri(trigger[:3])
    colours, share = opacity.said(trigger)
    assert "with opacities" in thumbnails.trigger_img(colours, 30, share)
    bounds, places = (0.0, 1.0, 0.0, 1.0), np.full((4, 2), 0.5)
    frames = np.zeros((4, 3), np.uint8)
    drawn = [thumbnails.plane(one, places, bounds, frames, (64, 64), 27) for one in (clear, clear[:, :27])]
    assert (drawn[0] != drawn[1]).any()


def test_tables_and_the_report_hold_opacities(run):
    rows = list(csv.DictReader(io.StringIO(take_away.csv_of(gallery.sample_rows(run)).decode("utf-8-sig"))))
    assert all(len(row["opacity"].split()) == 9 for row in rows)
    text = report.html(run)
    assert "An opacity was sampled for each pixel" in text
    assert "--search-opacity sampled" in text
    assert runs.maps(run).looks == {}
    for _, note, make in gallery.of_run(run)[0].values():
        assert html_of(make(), note)


def test_the_panels_of_the_search_show_them_on_mid_grey_and_refuse_nonsense(run):
    stored = run.read_arrays("detect.npz")["triggers"]
    shown = searches.sampled(run, "detect.npz", len(stored))
    assert (shown == opacity.seen_bytes(stored[:, :64])).all()
    run.write_arrays("detect.npz", {"triggers": np.zeros((10, 4, 35), np.uint8)})
    assert searches.sampled(run, "detect.npz", 10) is None
