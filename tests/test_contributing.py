"""What GitHub, pre-commit and citing programs read: each parses, and what it names is there."""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
FORMS = ("bug", "result", "idea")
NEEDED = {"cff-version", "message", "title", "authors"}  # by the Citation File Format 1.2.0


def parsed(place: str) -> dict[str, Any]:
    """A file of YAML. The word `on` is a truth value in YAML 1.1, and a key of GitHub's."""
    read = yaml.safe_load((ROOT / place).read_text("utf-8"))
    return {("on" if name is True else name): value for name, value in read.items()}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def uncitable(told: dict[str, Any]) -> list[str]:
    """What hinders a citation: keys that are missing, people and works without a name."""
    people = [
        *told.get("authors", []),
        *(who for work in told.get("references", []) for who in work.get("authors", [])),
    ]
    nameless = [f"an author {who}" for who in people if not ({"name"} <= set(who) or {"family-names"} <= set(who))]
    works = [f"a work {one}" for one in told.get("references", []) if not {"type", "title", "authors"} <= set(one)]
    return [*sorted(NEEDED - set(told)), *nameless, *works]


def test_the_citation_can_be_read_and_names_this_version_and_the_paper():
    told, own = parsed("CITATION.cff"), project()
    assert uncitable(told) == []
    assert told["version"] == own["version"]
    assert told["license"] == own["license"] == "MIT"
    assert [who["name"] for who in told["authors"]] == [who["name"] for who in own["authors"]]
    (paper,) = told["references"]
    assert [who["family-names"] for who in paper["authors"]] == ["Qiao", "Yang", "Li"]
    assert paper["title"] in (ROOT / "README.md").read_text("utf-8")
    assert paper["year"] == 2019


def test_a_citation_that_lacks_something_would_be_seen():
    told = parsed("CITATION.cff")
    assert uncitable({k: v for k, v in told.items() if k != "message"}) == ["message"]
    assert uncitable(told | {"authors": [{"given-names": "A"}]}) != []


def test_the_changelog_begins_with_this_version_on_the_day_of_the_citation():
    versions = re.findall(r"^## (\S+)(?: \((\S+)\))?$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    told = [one for one in versions if one[0] != "Unreleased"]
    assert told[0] == (project()["version"], str(parsed("CITATION.cff")["date-released"]))
    assert "0.1.0" in dict(told), "older versions keep their place"


def test_the_workflow_runs_what_a_contributor_runs():
    flow = parsed(".github/workflows/tests.yml")
    assert set(flow["on"]) == {"push", "pull_request"}
    (job,) = flow["jobs"].values()
    assert job["container"]["image"].endswith("bookworm"), "a Debian"
    said = [step["run"] for step in job["steps"] if "run" in step]
    assert said == [".ci/run"]
    assert os.access(ROOT / said[0], os.X_OK)
    assert not [step for step in job["steps"] if "cache" in str(step)], "nothing is kept from run to run"


@pytest.mark.parametrize("name", FORMS)
def test_a_form_for_issues_asks_what_one_can_answer(name):
    form = parsed(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert {"name", "description", "body"} <= set(form)
    asked = [part for part in form["body"] if part["type"] != "markdown"]
    names = [part["id"] for part in asked]
    assert len(names) == len(set(names)) > 1
    assert all(part["attributes"]["label"] for part in asked)
    assert any(part.get("validations", {}).get("required") for part in asked)


def test_the_commands_in_the_forms_are_those_of_the_program():
    from mesa_core.cli.parser import build_parser

    text = "".join(path.read_text("utf-8") for path in (ROOT / ".github").rglob("*.yml"))
    said = re.findall(r"`?(mesa-lab (?:run|runs|scan)\b[^`\n]*)", text)
    assert len(said) > 1
    for command in said:
        assert build_parser().parse_args(shlex.split(command)[1:])


def test_a_commit_is_checked_as_contributing_says():
    (own,) = parsed(".pre-commit-config.yaml")["repos"]
    assert own["repo"] == "local"
    assert {hook["language"] for hook in own["hooks"]} == {"system"}, "the tools of the dev extra, no others"
    entries = [hook["entry"] for hook in own["hooks"]]
    told = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert [entry.split(" --")[0] for entry in entries] == ["ruff format", "ruff check", "python -m mypy"]
    assert [entry for entry in entries if entry.split(" --")[0] not in told] == []


def test_the_form_of_a_pull_request_asks_for_what_contributing_says():
    text = (ROOT / ".github" / "pull_request_template.md").read_text("utf-8")
    told = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    asked = re.findall(r"`([^`]+)`", "".join(re.findall(r"^- \[ \] .*$", text, re.M)))
    assert len(asked) > 4
    assert [words for words in asked if words.removesuffix(" -q tests/...") not in told] == []
