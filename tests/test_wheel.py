"""What is built can be used without the tree: an sdist that holds all of it, and the wheel made of that, installed alone into
an empty folder, which opens the page and draws the figures.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from mesa_core import triggers

ROOT = Path(__file__).resolve().parents[1]
NOT_OURS = (".git", ".*_cache", ".hypothesis", ".venv", "__pycache__", "*.egg-info", "build", "dist", "site")
BUILD = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
ALONE = """
import pathlib, sys
# An editable installation would lend what the wheel lacks.
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "")]
"""
DRAW = f"""{ALONE}
from mesa_core.cli import main
from mesa_core.pictures import saving
saving.pictures = lambda: False  # HTML and tables alone, without a browser
raise SystemExit(main(["figures", "--json", "--out", sys.argv[1]]))
"""
OPEN = f"""{ALONE}
import dashboard, mesa_core
from mesa_core.store.shipped import shipped_runs
from streamlit.testing.v1 import AppTest

site = pathlib.Path(sys.argv[1]).resolve()
for there in (mesa_core.__file__, dashboard.__file__, shipped_runs()):
    assert site in pathlib.Path(there).resolve().parents, there
from dashboard.serving import queue
queue.ensure_worker = lambda store: None
at = AppTest.from_file(str(site / "dashboard" / "app.py"), default_timeout=300).run()
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


@dataclass(frozen=True)
class Built:
    """What was built of a copy of this tree, which holds `files`."""

    files: frozenset[str]
    sdist: Path
    site: Path


def tracked(root: Path) -> list[str] | None:
    """What git has of a tree, None where git does not know it, as in an unpacked sdist."""
    try:
        listed = subprocess.run(("git", "ls-files", "-z"), cwd=root, capture_output=True, text=True, check=False)
    except OSError:  # there is no git
        return None
    return [name for name in listed.stdout.split("\0") if name] if listed.returncode == 0 and listed.stdout else None


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist, and the wheel made of it, installed without what it needs into a folder of its own."""
    place = tmp_path_factory.mktemp("built")
    tree = shutil.copytree(ROOT, place / "tree", ignore=shutil.ignore_patterns(*NOT_OURS))
    there = {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}
    made = done(sys.executable, "-c", BUILD, str(place), cwd=tree)
    assert made.returncode == 0, made.stderr
    (sdist,) = place.glob("*.tar.gz")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    wheeled = done(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(place), str(sdist), cwd=place)
    assert wheeled.returncode == 0, wheeled.stderr
    (wheel,) = place.glob("*.whl")
    put = done(*pip, "install", "--no-deps", "--target", str(place / "site"), str(wheel), cwd=place)
    assert put.returncode == 0, put.stderr
    known = tracked(ROOT)
    return Built(frozenset(there if known is None else there & set(known)), sdist, place / "site")


@pytest.fixture(scope="module")
def site(built: Built) -> Path:
    """Where the wheel is installed."""
    return built.site


def inside(sdist: Path) -> set[str]:
    """The files of an sdist, without its own folder's name."""
    with tarfile.open(sdist) as archive:
        return {str(PurePosixPath(*PurePosixPath(one.name).parts[1:])) for one in archive if one.isfile()}


def opened(site: Path, home: Path) -> subprocess.CompletedProcess[str]:
    code = [sys.executable, "-c", OPEN, str(site)]
    return done(*code, cwd=home, PYTHONPATH=str(site), MESA_LAB_HOME=str(home))


@pytest.mark.slow
def test_the_sdist_holds_all_that_a_clone_holds(built):
    assert {"tests/test_wheel.py", ".ci/run", "assets/measured/lottery.json", "LICENSE"} <= built.files
    assert sorted(built.files - inside(built.sdist)) == []


@pytest.mark.slow
def test_the_sdist_and_the_wheel_have_the_version_of_the_project(built):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert built.sdist.name == f"mesa_lab-{version}.tar.gz"
    assert (built.site / f"mesa_lab-{version}.dist-info" / "METADATA").is_file()


@pytest.mark.slow
def test_all_figures_are_drawn_from_the_wheel(site, tmp_path):
    words = [sys.executable, "-c", DRAW, str(tmp_path / "figures")]
    found = done(*words, cwd=tmp_path, PYTHONPATH=str(site), MESA_LAB_HOME=str(tmp_path / "home"))
    assert found.returncode == 0, found.stderr
    told = json.loads(found.stdout)
    assert undrawn(told) == []
    rows = (tmp_path / "figures" / "figure4.csv").read_text("utf-8").splitlines()[1:]
    assert len(rows) == len(triggers.orbits()), "all 51 triggers"


def undrawn(told: dict[str, list[str]]) -> list[str]:
    """What `mesa-lab figures` did not draw of what the product ships the runs for."""
    wanted = {"figure4.html", "lottery.html", "claims.csv", "paper-protocol-figure4.html"}
    return [*told["missing"], *sorted(wanted - set(told["files"]))]


def test_a_figure_that_lacks_its_runs_would_be_seen():
    told = {"files": ["figure4.html", "claims.csv", "paper-protocol-figure4.html"], "missing": ["lottery"]}
    assert undrawn(told) == ["lottery", "lottery.html"]


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
