"""A run with a picture of 16x16 as its trigger, and every page that can show it."""

import shutil

import pytest
from visits import visit

from dashboard.views.shared import report
from mesa_core import triggers
from mesa_core.config import make_config
from mesa_core.store import Run, checks


@pytest.fixture
def picture(home, picture_run):
    """A home that holds the run."""
    shutil.copytree(picture_run.path, home.runs / "picture")
    return home.open("picture")


def words(at):
    return " ".join(part.value for kind in ("caption", "markdown", "html") for part in at.get(kind))


def test_its_results_are_whole_and_claim_no_recall(picture_run):
    samples = checks.samples(picture_run.read_arrays("samples.npz"), picture_run.read_arrays("axes.npz"))
    assert samples is not None
    assert samples["triggers"].shape[1] == 768
    outcome = picture_run.outcome()
    assert outcome.before.asr.worst.of == "512 drawn"
    assert outcome.before.asr.worst.code in triggers.panel_codes(16)
    assert not any(outcome.recall.values()), "of what is no full count there is no recall"


def test_the_lab_shows_it_as_a_picture_and_runs_it_as_it_is(home, picture):
    at = visit("lab", run="picture", screen="all")
    assert not at.exception
    assert "16×16 picture face" in words(at)
    assert "code" not in words(at).split("16×16 picture face")[0][-20:]
    for label in ("Invert", "Rotate", "Mirror", "Random"):
        at = next(b for b in at.button if b.label == label).click().run()
        assert not at.exception
        assert len(at.session_state.trigger) == 256
    asked = " ".join(at.session_state.trigger)
    at = next(b for b in at.button if b.label == "Run").click().run()
    assert not at.exception
    name = at.query_params["run"]
    made = home.open(name[0] if isinstance(name, list) else name)
    assert make_config(made.config()).trigger == asked


@pytest.mark.parametrize("view", ["pca", "tsne"])
def test_its_scatter_is_drawn_by_modes_too(picture, view):
    assert not visit("lab", run="picture", screen="all", view=view, colour="mode").exception


@pytest.mark.parametrize("name", ["landscape", "compare", "paper", "detect"])
def test_no_other_page_breaks_on_it(picture, name):
    for address in (
        {"run": "picture"},
        {"run": "picture", "order": "white"},
        {"a": "picture", "b": "signs-ring"},
        {"show": "all", "run": "picture"},
        {"show": "alpha", "base": "picture"},
    ):
        assert not visit(name, **address).exception


def test_its_report_says_what_the_worst_is_of_and_lists_no_256_colours(home, picture):
    text = report.html(Run(home.runs / "picture"))
    assert "16×16 picture face" in text
    assert "512 drawn black-and-white 16×16 triggers" in text
    assert "there is no recall" in text
    assert triggers.to_hex(triggers.from_hex("picture:face")) not in text


def test_a_picture_in_the_address_is_taken_by_its_name_and_another_name_is_not(home):
    at = visit("lab", screen="all", trigger="picture:heart")
    assert not at.exception
    assert " ".join(at.session_state.trigger) == triggers.to_hex(triggers.from_hex("picture:heart"))
    assert "picture:heart" in str(at.query_params["trigger"])
    at = visit("lab", screen="all", trigger="picture:../../etc")
    assert not at.exception
    assert len(at.session_state.trigger) == 9
    assert "makes no sense" in at.warning[0].value
