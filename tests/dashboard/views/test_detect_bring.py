"""A network dropped on Detect: looked at, scanned, shown to its owner alone, deleted."""

import functools

import pytest
from visits import visit

from dashboard.serving import brought, images, looking, visitors
from dashboard.serving.looking import Looked
from dashboard.views.detect import bring
from mesa_core.config import make_config
from mesa_core.store import StoreError

page = functools.partial(visit, "detect")
ANNA = "a" * 16
DATA = b"weights" * 50


@pytest.fixture(autouse=True)
def anna(home, monkeypatch):
    monkeypatch.setattr(visitors, "visitor", lambda: ANNA)
    monkeypatch.setattr(
        looking, "look", lambda path: Looked(("resnet9-16", "resnet18"), 10, f"{path.name} is resnet9-16.")
    )


def drop(at, name="model.pt", data=DATA):
    return at.file_uploader[0].set_value((name, data, "application/octet-stream")).run()


def press(at, label):
    return next(b for b in at.button if b.label == label).click().run()


def test_it_begins_with_a_drop_zone_that_says_its_bounds(home):
    at = page()
    assert not at.exception
    assert "up to 200 MB" in at.file_uploader[0].label
    assert not [b for b in at.button if b.label == "Scan it"]


def test_a_dropped_network_is_kept_looked_at_and_scanned(home):
    at = drop(page())
    assert not at.exception
    assert [one.name for one in brought.kept(ANNA)] == ["model.pt"]
    assert any("model.pt" in c.value and "resnet9-16" in c.value for c in at.caption)
    arch = next(s for s in at.selectbox if s.label == "Architecture")
    assert arch.options == ["resnet9-16", "resnet18"]
    at = press(at, "Scan it")
    assert not at.exception
    assert [e.value for e in at.error] == []
    (run,) = home.list()
    config = run.config()
    assert run.name.startswith(brought.PREFIX)
    assert config["suspect"] == str(brought.kept(ANNA)[0].path)
    assert (config["victim"], config["data"], config["repair_rounds"] > 0) == ("resnet9-16", "signs", True)
    assert (config["search_places"], config["search_sizes"]) == ("anywhere,tiles", "3,5"), "without a word, all"
    assert brought.kept(ANNA)[0].scans == (run.name,)
    assert "run" in at.query_params
    assert any("begins with on the road signs" in c.value for c in at.caption), (
        "what was brought has no attack to repeat"
    )


@pytest.mark.parametrize(
    ("sought", "places", "size"), [("5", "anywhere,tiles", 5), (bring.QUICK, "anywhere", 3)], ids=["5x5", "quickest"]
)
def test_less_may_be_sought(home, sought, places, size):
    at = drop(page())
    at.selectbox(key="bring_sought").set_value(sought).run()
    assert not press(at, "Scan it").exception
    (run,) = home.list()
    config = make_config(run.config())
    assert (config.search_places, config.search_sizes, config.size) == (places, "", size)


def test_what_cannot_be_used_is_told_in_a_sentence_and_not_kept(home, monkeypatch):
    def refuse(path):
        raise StoreError("It holds a whole pickled module; save its state_dict.")

    monkeypatch.setattr(looking, "look", refuse)
    at = drop(page())
    assert not at.exception
    assert [e.value for e in at.error] == ["It holds a whole pickled module; save its state\\_dict."]
    assert brought.kept(ANNA) == []


def test_images_of_another_number_of_classes_are_not_offered(home, monkeypatch):
    monkeypatch.setattr(looking, "look", lambda path: Looked(("resnet18",), 43, "x"))
    at = drop(page())
    assert not [b for b in at.button if b.label == "Scan it"]
    assert any("43 classes" in w.value and images.FOLDERS in w.value for w in at.warning)


def test_a_folder_that_the_operator_names_is_offered(home, monkeypatch, tmp_path):
    (tmp_path / "zoo").mkdir()
    monkeypatch.setenv(images.FOLDERS, f"{tmp_path / 'zoo'}:{tmp_path / 'nowhere'}")
    assert [offer.words for offer in images.offers().values() if offer.directory] == ["Folder zoo"]


def test_another_visitor_sees_nothing_of_it(home, monkeypatch):
    drop(page())
    monkeypatch.setattr(visitors, "visitor", lambda: "b" * 16)
    assert not [b for b in page().button if b.label in ("Delete", "Scan")]


def test_one_click_deletes_it(home):
    at = press(press(drop(page()), "Scan it"), "Delete")
    assert not at.exception
    assert brought.kept(ANNA) == []
    assert home.list() == []
    assert not at.query_params


def test_a_network_is_looked_into_by_a_program_of_its_own(tmp_path, monkeypatch):
    monkeypatch.undo()
    (tmp_path / "x.pt").write_bytes(b"<html>")
    with pytest.raises(StoreError, match=r"x\.pt"):
        looking.look(tmp_path / "x.pt")
    monkeypatch.setattr(looking, "PROGRAM", "this_is_no_module")
    with pytest.raises(StoreError, match="could not be read"):
        looking.look(tmp_path / "x.pt")
