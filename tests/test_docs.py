"""The documentation site: it builds without a warning, is whole, needs nothing from elsewhere, and what it says to do works."""

from __future__ import annotations

import doctest
import importlib.util
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import torch
from cells import code

import mesa_core
from mesa_core.cli.parser import build_parser
from mesa_core.config import make_config, params
from mesa_core.glossary import TERMS
from mesa_core.method.submodels.base import Wanted
from mesa_core.registry import load

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
FILE = re.compile(r'^```python title="([\w.]+)"\n(.*?)^```$', re.S | re.M)
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.S | re.M)
OURS = re.compile(r"^(?:mesa-lab|python -m mesa_core|python lab\.py) +(.*)$", re.M)
NUMBER = re.compile(r"\d+(?:[.,]\d+)+")
PLACE = re.compile(r"`((?:mesa_core|dashboard|assets|benchmarks|examples|tests)/[\w./]*)`")
LOADED = {"script": "src", "img": "src", "iframe": "src", "link": "href"}  # what a browser fetches by itself
TINY = (
    "--clean-epochs 2 --attack-epochs 1 --attack-took 0 --mesa-steps 3 --mesa-batch 8 --repair-epochs 0.5 --measure tiny "
    "--snapshot-samples 8 --samples 8 --landscape-images 1 --device cpu --precision fp32 --memory nchw --threads 1 --json"
)
PARSE = """
import contextlib, io, json, sys
import lab
from mesa_core.cli.parser import build_parser
for words in json.load(sys.stdin):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            build_parser().parse_args(words)
    except SystemExit as error:
        assert error.code in (0, None), words
"""


class Read(HTMLParser):
    """The ids of a page, where it leads, what it fetches by itself, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.leads: list[str] = []
        self.fetched: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.ids |= {said[name] or "" for name in ("id", "name") if name in said}
        if tag == "a" and said.get("href"):
            self.leads.append(said["href"] or "")
        if tag in LOADED and said.get(LOADED[tag]):
            self.fetched.append(said[LOADED[tag]] or "")


def faults(site: Path) -> list[str]:
    """Links and pictures of a site that lead nowhere, and what its pages would fetch from elsewhere."""
    pages = {path: Read(path.read_text("utf-8")) for path in site.rglob("*.html") if path.name != "404.html"}
    found = []
    for path, page in pages.items():
        found += [f"{path.name} fetches {url}" for url in page.fetched if urlsplit(url).netloc]
        for url in page.leads + page.fetched:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if there.is_dir():
                there /= "index.html"
            if not there.is_file():
                found.append(f"{path.name} leads to {url}")
            elif parts.fragment and there in pages and unquote(parts.fragment) not in pages[there].ids | {"__top"}:
                found.append(f"{path.name} leads to {url}, where there is no such part")
    return found


def hook() -> ModuleType:
    """What mkdocs calls while it builds."""
    spec = importlib.util.spec_from_file_location("docs_hook", ROOT / "docs" / "making" / "hook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(name: str) -> str:
    """A page's text as it is built."""
    made: str = hook().made((ROOT / "docs" / name).read_text("utf-8"))
    return made


def done(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, **more)


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_is_whole(tmp_path):
    for needed in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(needed, reason="the site is built with mkdocs: python -m pip install -e '.[docs]'")
    built = done(
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "-d",
        str(tmp_path),
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    text = {path.name: path.read_text("utf-8") for path in tmp_path.glob("*.html")}
    assert {name.replace(".md", ".html") for name in PAGES} | {"measured.html", "stage.html"} <= set(text)
    for path in NOTEBOOKS:
        assert (tmp_path / "notebooks" / path.name).read_text("utf-8") == path.read_text("utf-8")
        shown = Read((tmp_path / "notebooks" / f"{path.stem}.html").read_text("utf-8")).words
        cells = ["".join(cell["source"]) for cell in code(path)]
        assert [one for one in cells if one.strip() not in shown] == [], path.name
    assert faults(tmp_path) == []
    assert [name for name, told in text.items() if str(ROOT) in told] == [], "places of this machine"
    assert not (tmp_path / "making").exists(), "what makes the pages is no page"
    ids = {name: Read(told).ids for name, told in text.items()}
    verbs = set(build_parser()._subparsers._group_actions[0].choices)
    assert {"run", "scan", "export"} <= verbs
    assert {f"mesa-lab-{verb}" for verb in verbs} <= ids["command-line.html"]
    public = {f"mesa_core.{name}" for name in mesa_core.__all__ if name not in ("__version__", "PROTOCOLS")}
    assert public - ids["api.html"] == set()
    assert [name for name in params() if f"<code>{name}</code>" not in text["parameters.html"]] == []
    assert [term for term in TERMS if f"<dt>{term}</dt>" not in text["glossary.html"]] == []


def test_a_link_that_leads_nowhere_would_be_noticed(tmp_path):
    good = '<h2 id="b"></h2><img src="a.png"><a href="#b">b</a><a href="https://elsewhere.example">c</a>'
    (tmp_path / "a.png").touch()
    (tmp_path / "one.html").write_text(good)
    assert faults(tmp_path) == []
    bad = '<img src="no.png"><a href="one.html#no">a</a><a href="two.html">b</a><script src="https://elsewhere.example/x.js">'
    (tmp_path / "bad.html").write_text(bad)
    assert set(faults(tmp_path)) == {
        "bad.html fetches https://elsewhere.example/x.js",
        "bad.html leads to one.html#no, where there is no such part",
        "bad.html leads to two.html",
        "bad.html leads to no.png",
    }


def test_a_page_that_asks_for_nothing_known_is_refused():
    with pytest.raises(ValueError, match="nothing known"):
        hook().made("<!-- made: nothing -->")
    with pytest.raises(ValueError, match="no part"):
        hook().made("<!-- made: section SECURITY.md Nothing -->")


def test_the_ten_lines_are_the_readmes_and_those_of_the_first_try_run():
    told = page("ten-lines.md")
    (ten,) = re.findall(r"^```python\n(.*?)^```$", told, re.S | re.M)
    assert ten in (ROOT / "README.md").read_text("utf-8"), "which tests/test_readme.py runs"
    (tried,) = re.findall(r"^```pycon\n(.*?)^```$", told, re.S | re.M)
    examples = doctest.DocTestParser().get_doctest(tried, {}, "ten-lines.md", None, 0)
    assert len(examples.examples) > 5
    assert doctest.DocTestRunner(verbose=False).run(examples).failed == 0
    assert (ROOT / "examples" / "own_network.py").read_text("utf-8").strip() in told


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder with the files that the page on extending says to write."""
    found = dict(FILE.findall((ROOT / "docs" / "extend.md").read_text("utf-8")))
    assert set(found) == {"lab.py", "bell.py", "white.py", "two_layers.py", "tints.py", "corner.py"}
    for name, text in found.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def test_the_kind_on_the_page_finds_what_works(mine, monkeypatch):
    monkeypatch.syspath_prepend(str(mine))
    made = load("bell:Bell").of(torch.tensor([0.5, 0.9]), make_config(), Wanted(64, 150, 0))
    draw = torch.Generator().manual_seed(0)

    def works(triggers: torch.Tensor, _: torch.Generator) -> torch.Tensor:
        return torch.sigmoid(12 * (triggers.flatten(2)[:, :, 0] - 0.5))  # high where the first pixel is

    before = works(made.sample(256, draw), draw).mean(1)
    for _ in range(150):
        made.step(works, draw)
    after = works(made.sample(256, draw), draw).mean(1)
    assert (before < 0.7).all()
    assert after[0] > 0.49
    assert after[1] > 0.85
    again = load("bell:Bell").of(torch.tensor([0.5, 0.9]), make_config(), Wanted(64, 150, 0))
    again.load(made.state())
    both = [one.sample(8, torch.Generator().manual_seed(1)) for one in (made, again)]
    assert torch.equal(*both)


def unsaid(text: str, told: str) -> list[str]:
    """Numbers with a point or a comma that are in one text and not in another."""
    return [number for number in NUMBER.findall(text) if number not in NUMBER.findall(told)]


def test_every_figure_in_the_findings_was_measured():
    told = "".join((ROOT / name).read_text("utf-8") for name in ("README.md", "benchmarks/README.md"))
    text = (ROOT / "docs" / "findings.md").read_text("utf-8")
    assert len(NUMBER.findall(text)) > 20
    assert unsaid(text, told) == []
    assert unsaid("1.5 of 12,345", told) == ["12,345"], "the negative control"


def test_every_place_that_the_pages_name_is_there():
    named = {place for name in PAGES for place in PLACE.findall((ROOT / "docs" / name).read_text("utf-8"))}
    assert len(named) > 10
    assert {place for place in named if not (ROOT / place).exists()} == set()


def environment(home: Path) -> dict[str, str]:
    kept = os.environ.get("PYTHONPATH", "")
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), kept]), "MESA_LAB_HOME": str(home / "home")}


def test_every_command_of_the_pages_is_one_that_the_program_takes(mine):
    lines = [line for name in PAGES for block in SHELL.findall(page(name)) for line in OURS.findall(block)]
    assert len(lines) > 12
    words = [line.split() for line in lines]
    words += [["run", "--kind", "bell", "--baselines", "white", "--data", "tints"]]
    read = done("-c", PARSE, cwd=mine, env=environment(mine), input=json.dumps(words))
    assert read.returncode == 0, read.stderr
    wrong = done("-c", PARSE, cwd=mine, env=environment(mine), input=json.dumps([["run", "--kind", "unknown"]]))
    assert wrong.returncode != 0, "the negative control"


@pytest.mark.slow
def test_a_run_of_nothing_but_what_the_page_adds_goes_the_whole_way(mine):
    own = "run --data tints --victim two-layers --apply corner --kind bell --baselines white control --target 3 --code 495"
    ran = done("lab.py", *own.split(), *TINY.split(), cwd=mine, env=environment(mine))
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)
    assert set(result["after"]) == {"mesa", "white", "control"}
    assert {one["kind"] for one in result["submodels"]} == {"bell"}
    assert result["data"]["classes"] == ["red", "green", "blue", "grey"]
    assert result["config"]["apply"] == "corner"
