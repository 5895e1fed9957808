"""Who may import whom; each rule beside a check that it can fail."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHECK = "import sys; {what}; bad = [m for m in {banned!r} if m in sys.modules]; sys.exit(' '.join(bad))"


def imported(what: str, banned: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CHECK.format(what=what, banned=banned)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr.strip()


def test_the_engine_never_imports_the_page():
    assert (
        imported(
            "import mesa_core.experiment, mesa_core.cli, mesa_core.experiment.landscape, mesa_core.experiment.train_victim",
            ["streamlit", "plotly", "dashboard"],
        )
        == ""
    )


def test_the_page_never_imports_torch():
    assert imported("import dashboard.views.lab.page, dashboard.serving.queue", ["torch", "mesa_core.experiment"]) == ""


def test_figures_and_commands_need_neither_torch_nor_plotly_to_be_imported():
    what = (
        "import mesa_core.pictures.charts, mesa_core.pictures.trigger_maps, mesa_core.cli.repeat, mesa_core.pictures.thumbnails, mesa_core.pictures.saving, "
        "mesa_core.store.compact, mesa_core.sweeps.grid, mesa_core.paper.everything, mesa_core.paper.difficulty"
    )
    assert imported(what, ["torch", "plotly", "streamlit", "dashboard"]) == ""


def test_a_cluster_is_joined_only_when_asked_for():
    assert (
        imported("import mesa_core.cli, mesa_core.sweeps.cluster, mesa_core.sweeps.grid", ["ray", "torch", "streamlit"])
        == ""
    )


def test_landscape_compare_and_paper_need_no_torch():
    what = "import dashboard.views.landscape.page, dashboard.views.compare.page, dashboard.views.paper.page, dashboard.views.shared.report"
    assert imported(what, ["torch", "mesa_core.experiment"]) == ""


def test_a_reference_is_read_without_torch_and_without_what_is_slow_to_import():
    assert (
        imported(
            "import mesa_core.reference.record, dashboard.views.shared.reference_tables, dashboard.views.lab.reference_layer",
            ["torch", "sklearn"],
        )
        == ""
    )


def test_these_checks_can_fail():
    assert imported("import mesa_core.experiment", ["torch"]) == "torch"


# -- folders: from the lowest to the highest, each with those that it may import. A name means a folder's own files, not
# those of folders inside it, but all of `method` and all of `components` count as one folder each.
ENGINE = {
    "mesa_core": "",
    "mesa_core/disk": "mesa_core",
    "mesa_core/apply": "mesa_core",
    "mesa_core/data": "mesa_core disk",
    "mesa_core/victims": "mesa_core disk data",
    "mesa_core/victims/forms": "mesa_core victims",
    "mesa_core/measures": "mesa_core disk apply data victims",
    "mesa_core/config": "mesa_core disk apply data victims",
    "mesa_core/brought": "mesa_core disk victims victims/forms measures",
    "mesa_core/store": "mesa_core disk measures config",
    "mesa_core/pictures": "mesa_core disk measures store",
    "mesa_core/stage": "mesa_core disk victims store",
    "mesa_core/method": "mesa_core disk apply data victims measures config",
    "mesa_core/reference": "mesa_core disk apply data pictures victims measures config store method",
    "mesa_core/probe": "mesa_core disk apply data victims measures config brought store",
    "mesa_core/paper": "mesa_core disk pictures measures config store",
    "mesa_core/experiment": "mesa_core disk apply data pictures victims measures config brought store method reference",
    "mesa_core/sweeps": "mesa_core disk config store experiment",
    "mesa_core/cli": "mesa_core disk data pictures victims measures config brought store stage probe reference paper experiment sweeps",
    "mesa_core/__main__.py": "cli",
    "mesa_core/api": "mesa_core apply data pictures victims measures config method",
    "mesa_core/__init__.py": "mesa_core victims config api",
}
PAGE = {  # each may import what it needs of the engine, too, but only the worker may import `experiment`
    "dashboard": "",
    "dashboard/components": "dashboard",
    "dashboard/serving": "dashboard",
    "dashboard/visit": "dashboard serving",
    "dashboard/views": "dashboard serving visit",
    "dashboard/views/shared": "dashboard components serving visit",
    "dashboard/views/compare": "dashboard components serving visit views views/shared",
    "dashboard/views/detect": "dashboard components serving visit views views/shared",
    "dashboard/views/landscape": "dashboard components serving visit views views/shared",
    "dashboard/views/learn": "dashboard components serving visit views views/shared",
    "dashboard/views/paper": "dashboard components serving visit views views/shared",
    "dashboard/views/lab": "dashboard components serving visit views views/shared",
    "dashboard/app.py": "dashboard serving views",
    "dashboard/worker.py": "serving",
}


def may() -> dict[str, set[str]]:
    """Every folder with those that it may import, in the order of the tables."""
    found = {}
    for top, table in (("mesa_core", ENGINE), ("dashboard", PAGE)):
        for folder, names in table.items():
            found[folder] = {name if name == top else f"{top}/{name}" for name in names.split()}
    engine = {folder for folder in ENGINE if not folder.endswith(".py")}
    for folder in PAGE:
        found[folder] |= engine - ({"mesa_core/experiment"} if folder != "dashboard/worker.py" else set())
    return found


def room(file: str) -> str:
    """The folder that a file counts to, by its path in the tree; files that start a program, and the public face, stand alone."""
    parts = file.split("/")
    if file in (
        "mesa_core/__main__.py",
        "mesa_core/__init__.py",
        "dashboard/app.py",
        "dashboard/worker.py",
    ):
        return file
    if parts[:2] in (["mesa_core", "method"], ["dashboard", "components"]):
        return "/".join(parts[:2])
    return "/".join(parts[:-1])


def sources(root: Path) -> dict[str, str]:
    """Every module's file, by its dotted name."""
    files = [p.relative_to(root).as_posix() for top in ("mesa_core", "dashboard") for p in (root / top).rglob("*.py")]
    return {file.removesuffix(".py").removesuffix("/__init__").replace("/", "."): file for file in files}


def arrows(root: Path) -> dict[tuple[str, str], list[str]]:
    """Who imports whom, folder by folder, with the places; imports inside functions count, too."""
    there, found = sources(root), {}
    for file in there.values():
        for node in ast.walk(ast.parse((root / file).read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                base = str(node.module or "")
                names = [f"{base}.{alias.name}" if f"{base}.{alias.name}" in there else base for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                if name in there and room(there[name]) != room(file):
                    found.setdefault((room(file), room(there[name])), []).append(f"{file}:{node.lineno}")
    return found


def offences(root: Path) -> dict[tuple[str, str], list[str]]:
    """The arrows that no line allows."""
    allowed = may()
    return {arrow: places for arrow, places in arrows(root).items() if arrow[1] not in allowed.get(arrow[0], set())}


def test_a_folder_imports_only_what_its_line_names():
    assert offences(ROOT) == {}


def test_every_folder_has_a_line_and_a_line_names_only_what_stands_above_it():
    allowed = may()
    assert {room(file) for file in sources(ROOT).values()} <= set(allowed)
    order = list(allowed)
    for folder, names in allowed.items():
        assert names <= set(order[: order.index(folder)]), folder


def test_every_file_of_the_program_lies_in_a_package():
    assert all((ROOT / file).with_name("__init__.py").is_file() for file in sources(ROOT).values())


def test_nobody_imports_by_a_way_that_these_checks_do_not_see():
    for file in sources(ROOT).values():
        for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), f"{file}:{node.lineno} is relative"


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("mesa_core/cli/commands.py", "import dashboard"),
        ("mesa_core/reference/build.py", "from mesa_core.experiment.snapshots import mark"),
        ("mesa_core/reference/build.py", "from mesa_core.experiment import snapshots"),
        ("mesa_core/disk/files.py", "def late():\n    from mesa_core.store import Run"),
        ("mesa_core/triggers.py", "import mesa_core.store.runs as runs"),
        ("mesa_core/method/submodels/mine.py", "from mesa_core.experiment import execute"),
        ("dashboard/serving/queue.py", "from mesa_core.experiment import execute"),
        ("dashboard/views/landscape/page.py", "from dashboard.views.paper import evidence"),
    ],
)
def test_an_import_upward_would_be_seen(tmp_path, file, line):
    for there in sources(ROOT).values():
        (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / there).touch()
    assert offences(tmp_path) == {}
    (tmp_path / file).write_text(line + "\n", "utf-8")
    assert [arrow[0] for arrow in offences(tmp_path)] == [room(file)]
