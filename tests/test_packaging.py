"""What a wheel holds: every package that lies in the tree is named in pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

from mesa_core.assets import shipped_references
from mesa_core.reference import record

ROOT = Path(__file__).resolve().parents[1]


def named() -> set[str]:
    with open(ROOT / "pyproject.toml", "rb") as file:
        return set(tomllib.load(file)["tool"]["setuptools"]["packages"])


def there(root: Path) -> set[str]:
    found = set()
    for top in ("mesa_core", "dashboard"):
        found |= {".".join(p.parent.relative_to(root).parts) for p in (root / top).rglob("__init__.py")}
    return found | ({"mesa_lab_assets"} if (root / "assets" / "__init__.py").exists() else set())


def test_every_package_is_shipped():
    assert there(ROOT) == named()


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


def test_a_package_that_is_not_named_would_be_noticed(tmp_path):
    (tmp_path / "mesa_core" / "new").mkdir(parents=True)
    (tmp_path / "mesa_core" / "new" / "__init__.py").touch()
    assert "mesa_core.new" in there(tmp_path) - named()


def test_a_reference_that_is_added_is_shipped_and_another_folder_is_not(tmp_path):
    for name in ("references", "elsewhere"):
        record.write(tmp_path / name / f"{'0' * 24}-0", {}, {})
    assert {path.name for path in taken_from(tmp_path)} == {"reference.json", "reference.npz"}
    assert {path.parts[len(tmp_path.parts)] for path in taken_from(tmp_path)} == {"references"}
    assert shipped_references() == ROOT / "assets" / "references"
