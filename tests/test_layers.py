"""Who may import whom; each rule beside a check that it can fail."""

import subprocess
import sys
from pathlib import Path

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
        imported("import mesa_core.experiment, mesa_core.cli, mesa_core.small", ["streamlit", "plotly", "dashboard"])
        == ""
    )


def test_the_page_never_imports_torch():
    assert imported("import dashboard.views.lab, dashboard.jobs", ["torch", "mesa_core.experiment"]) == ""


def test_figures_and_commands_need_neither_torch_nor_plotly_to_be_imported():
    what = (
        "import mesa_core.figures, mesa_core.planes, mesa_core.command, mesa_core.thumbnails, mesa_core.saving, "
        "mesa_core.compact, mesa_core.sweep, mesa_core.paper.everything, mesa_core.paper.difficulty"
    )
    assert imported(what, ["torch", "plotly", "streamlit", "dashboard"]) == ""


def test_a_cluster_is_joined_only_when_asked_for():
    assert imported("import mesa_core.cli, mesa_core.cluster, mesa_core.sweep", ["ray", "torch", "streamlit"]) == ""


def test_landscape_compare_and_paper_need_no_torch():
    what = "import dashboard.views.landscape, dashboard.views.compare, dashboard.views.paper, dashboard.report"
    assert imported(what, ["torch", "mesa_core.experiment"]) == ""


def test_a_reference_is_read_without_torch_and_without_what_is_slow_to_import():
    assert imported("import mesa_core.reference.record, dashboard.exact", ["torch", "sklearn"]) == ""


def test_these_checks_can_fail():
    assert imported("import mesa_core.experiment", ["torch"]) == "torch"
