"""What is built can be used without the tree: the wheel, installed alone into an empty folder, opens the page."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("mesa_core", "dashboard", "assets", "pyproject.toml", "setup.py", "README.md", "LICENSE")
OPEN = """
import pathlib, sys
# An editable installation would lend what the wheel lacks.
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "")]
import dashboard, mesa_core
from mesa_core.store.shipped import shipped_runs
from streamlit.testing.v1 import AppTest

site = pathlib.Path(sys.argv[1]).resolve()
for there in (mesa_core.__file__, dashboard.__file__, shipped_runs()):
    assert site in pathlib.Path(there).resolve().parents, there
from dashboard.serving import queue
queue.ensure_worker = lambda store: None
at = AppTest.from_file(str(site / "dashboard" / "app.py"), default_timeout=120).run()
assert not at.exception, at.exception
assert at.get("bidi_component"), "no component is on the page"
from dashboard.views.listed import PAGES
from mesa_core.registry import load
for name in PAGES:  # each is imported when it is first shown
    load(PAGES[name].place)
import mesa_core.api
"""


def done(*words: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(words, cwd=cwd, env=kept | more, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of this tree, installed without what it needs into a folder of its own."""
    place = tmp_path_factory.mktemp("wheel")
    tree = place / "tree"
    tree.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, tree / part)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    built = done(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(place), str(tree), cwd=place)
    assert built.returncode == 0, built.stderr
    (wheel,) = place.glob("*.whl")
    put = done(*pip, "install", "--no-deps", "--target", str(place / "site"), str(wheel), cwd=place)
    assert put.returncode == 0, put.stderr
    return place / "site"


def opened(site: Path, home: Path) -> subprocess.CompletedProcess[str]:
    code = [sys.executable, "-c", OPEN, str(site)]
    return done(*code, cwd=home, PYTHONPATH=str(site), MESA_LAB_HOME=str(home))


@pytest.mark.slow
def test_the_page_opens_from_the_wheel(site, tmp_path):
    found = opened(site, tmp_path)
    assert found.returncode == 0, found.stderr


@pytest.mark.slow
def test_the_command_speaks_from_the_wheel(site, tmp_path):
    found = done(sys.executable, "-m", "mesa_core", "--help", cwd=tmp_path, PYTHONPATH=str(site))
    assert found.returncode == 0, found.stderr
    assert "landscape" in found.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "lost", ["dashboard/views/learn", "mesa_core/measures", "dashboard/components/scatter/scatter.js"]
)
def test_a_wheel_that_lacks_something_would_be_seen(site, tmp_path, lost):
    copy = shutil.copytree(site, tmp_path / "site")
    gone = copy / lost
    if gone.is_dir():
        shutil.rmtree(gone)
    else:
        gone.unlink()
    assert opened(copy, tmp_path).returncode != 0
