"""What a wheel holds: every folder of the program, found by itself, and every asset."""

from __future__ import annotations

import runpy
import tomllib
from pathlib import Path

import pytest
import setuptools

from mesa_core.reference import record
from mesa_core.store.shipped import shipped_references

ROOT = Path(__file__).resolve().parents[1]


def named(root: Path) -> set[str]:
    """The packages that setup.py finds in a tree."""
    said: dict[str, list[str]] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(setuptools, "setup", said.update)
        patched.chdir(root)
        runpy.run_path(str(ROOT / "setup.py"))
    return set(said["packages"])


def there(root: Path) -> set[str]:
    found = set()
    for top in ("mesa_core", "dashboard"):
        found |= {".".join(p.parent.relative_to(root).parts) for p in (root / top).rglob("*.py")}
    return found | ({"mesa_lab_assets"} if (root / "assets" / "__init__.py").exists() else set())


def test_every_package_is_shipped():
    assert there(ROOT) == named(ROOT)


def taken_from(folder: Path) -> set[Path]:
    """What a wheel takes of a folder of assets."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        globs = tomllib.load(file)["tool"]["setuptools"]["package-data"]["mesa_lab_assets"]
    return {path for glob in globs for path in folder.glob(glob) if path.is_file()}


def test_every_asset_is_shipped():
    taken = taken_from(ROOT / "assets")
    lying = {p for p in (ROOT / "assets").rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")}
    assert lying, "no assets at all"
    assert lying == taken


def test_a_new_package_is_found_and_a_folder_that_is_none_would_be_noticed(tmp_path):
    (tmp_path / "mesa_core" / "new").mkdir(parents=True)
    (tmp_path / "mesa_core" / "__init__.py").touch()
    (tmp_path / "mesa_core" / "new" / "one.py").touch()
    assert "mesa_core.new" in there(tmp_path) - named(tmp_path)
    (tmp_path / "mesa_core" / "new" / "__init__.py").touch()
    assert "mesa_core.new" in there(tmp_path) & named(tmp_path)


def test_a_reference_that_is_added_is_shipped_and_another_folder_is_not(tmp_path):
    for name in ("references", "elsewhere"):
        record.write(tmp_path / name / f"{'0' * 24}-0", {}, {})
    assert {path.name for path in taken_from(tmp_path)} == {"reference.json", "reference.npz"}
    assert {path.parts[len(tmp_path.parts)] for path in taken_from(tmp_path)} == {"references"}
    assert shipped_references() == ROOT / "assets" / "references"
