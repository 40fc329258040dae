"""docs/notebooks/viewership.ipynb runs, from the first cell to the last."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.analysts.conftest import Home

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "viewership.ipynb"


def test_it_is_kept_without_outputs() -> None:
    """No figure of anybody's stands in the repository, and no picture makes it large."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    assert NOTEBOOK.stat().st_size < 20_000


@pytest.mark.slow
def test_it_runs_on_the_sample_day_and_an_export(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both routes: sixteen checks pass, and the tables are those of the export."""
    export = tmp_path / "viewership.duckdb"
    assert home.run("export", "--duckdb", str(export)).returncode == 0
    monkeypatch.setenv("VIEWERSHIP_EXPORT", str(export))
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=180, kernel_name="python3", resources=resources).execute()
    said = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    assert said.count("passed") + said.count("trusted, not checked") >= 16
    assert "export_video_day" in said
    expected = home.sql(
        "SELECT sum(plays)::bigint FROM warehouse.exports.export_platform_day"
    ).item()
    assert expected > 0
    first = home.sql("SELECT plays FROM warehouse.exports.export_platform_day ORDER BY day").item(
        0, 0
    )
    assert str(first) in said
    assert "watched per viewer:" in said
