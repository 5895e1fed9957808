"""Tables, folders and figures as files."""

import csv
import io
import os
import shutil
import zipfile

import pytest

from dashboard.views.shared import take_away
from mesa_core.pictures import charts
from mesa_core.store import Run
from mesa_core.store.shipped import shipped_runs


@pytest.fixture
def run(tmp_path):
    shutil.copytree(shipped_runs() / "signs-ring", tmp_path / "ring")
    return Run(tmp_path / "ring")


def test_a_table_reads_back():
    rows = [{"β": "0.5", "share": 0.25}, {"β": "=1+1", "more": 'a,"b"'}]
    back = list(csv.DictReader(io.StringIO(take_away.csv_of(rows).decode("utf-8-sig"))))
    assert [row["β"] for row in back] == ["0.5", "'=1+1"]
    assert back[0]["share"] == "0.25"
    assert back[1]["more"] == 'a,"b"'


def test_the_folder_leaves_out_what_is_private(run, tmp_path):
    (run.path / "owner.json").write_text('{"token": "secret"}')
    (tmp_path / "outside.txt").write_text("secret")
    os.symlink(tmp_path / "outside.txt", run.path / "link.txt")
    with zipfile.ZipFile(io.BytesIO(take_away.zip_of(run))) as archive:
        names = archive.namelist()
        assert "ring/result.json" in names
        assert "ring/snapshots/axes.npz" in names
        assert not any(b"secret" in archive.read(name) for name in names)


def test_a_page_of_html_holds_plotly_and_its_caption(run):
    figure = charts.defences({"a": charts.evaluations(run.outcome())})
    text = take_away.html_of(figure, "n = 5 <images>").decode()
    assert "n = 5" in text
    assert 'src="https' not in text
    assert len(figure.layout.annotations) == 0  # the figure on the page stays as it was


def test_file_names_are_plain():
    assert take_away.file_name("../../α β.png") == "png"
    assert take_away.file_name("signs-ring-landscape.csv") == "signs-ring-landscape.csv"


@pytest.mark.slow
@pytest.mark.skipif(not take_away.pictures(), reason="no kaleido, or no Chromium")
def test_png_and_svg_are_what_they_say(run):
    figure = charts.coverage(run.outcome())
    assert take_away.image_of(figure, "caption", "png")[:8] == b"\x89PNG\r\n\x1a\n"
    assert b"<svg" in take_away.image_of(figure, "caption", "svg")[:200]
