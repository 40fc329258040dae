"""Commands in the wrong folder, with wrong arguments: one clear line, and nothing left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli.app import app
from analytics_pipeline.cli.console import explain
from analytics_pipeline.core.errors import PipelineError
from analytics_pipeline.storage.read_keys import load_read_keys

ROW = "video_id,creator_id,title,duration_ms\n"


def cli(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "analytics_pipeline", *arguments],
        env={**os.environ, "ANALYTICS_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def failure(home: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """The expected error of a command, run in this process."""
    monkeypatch.setenv("ANALYTICS_HOME", str(home))
    result = CliRunner().invoke(app, list(arguments))
    assert isinstance(result.exception, PipelineError), result.output
    return f"{type(result.exception).__name__}: {result.exception}"


@pytest.mark.parametrize(
    "arguments",
    [
        ("keys", "create"),
        ("up",),
        ("ingest",),
        ("api-keys", "create", "x"),
        ("read-keys", "create", "x"),
        ("simulate", "--api-key", "ak_x"),
    ],
)
def test_home_that_cannot_be_made(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback: the error names setting and path."""
    (tmp_path / "file").touch()
    said = failure(tmp_path / "file" / "home", monkeypatch, *arguments)
    assert said.startswith("InvalidSettings: ANALYTICS_HOME: ")
    assert str(tmp_path) in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("videos", "list"),
        ("api-keys", "list"),
        ("api-keys", "revoke", "0123456789ab"),
        ("read-keys", "list"),
        ("read-keys", "revoke", "0123456789ab"),
        ("serve",),
        ("budget",),
        ("keys", "list"),
        ("keys", "rotate"),
        ("compute", "2026-11-01"),
        ("seal", "--once"),
        ("mf", "list", "metrics"),
        ("export", "--duckdb", "v.duckdb"),
    ],
)
def test_where_there_is_no_deployment_none_is_made(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking into the wrong folder says so and leaves no trace."""
    assert "no deployment in" in failure(tmp_path / "home", monkeypatch, *arguments)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x00\xff\xfe\x80", "UTF-8"),
        (b"video,title\n", "line 1"),
        (ROW.encode() + b"v,c,t,\xc2\xb2\n", "line 2: duration_ms"),
        (ROW.encode() + b"v,c,t," + b"9" * 30 + b"\n", "line 2: duration_ms"),
        (ROW.encode() + b"v\n", "line 2: duration_ms"),
        (ROW.encode() + b",c,t,5\n", "line 2: video_id"),
    ],
)
def test_list_of_videos_that_is_none(
    content: bytes, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of another kind, and rows that cannot be taken, are refused by file and line."""
    file = tmp_path / "videos.csv"
    file.write_bytes(content)
    said = failure(tmp_path / "home", monkeypatch, "videos", "import", str(file))
    assert said.startswith("InvalidInput: videos.csv")
    assert says in said


@pytest.mark.parametrize(("videos", "creators"), [(1001, 3), (251, 251), (1000, 250)])
def test_more_videos_than_a_proof_has_room_for_are_said_to_be(
    videos: int, creators: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When they are listed, not when the night's release fails."""
    monkeypatch.setenv("ANALYTICS_HOME", str(tmp_path))
    rows = "".join(f"v{number},c{number % creators},t,5\n" for number in range(videos))
    file = tmp_path / "videos.csv"
    file.write_text(ROW + rows)
    result = CliRunner().invoke(app, ["videos", "import", str(file)])
    assert result.exit_code == 0
    assert f"{videos} videos imported." in result.output
    warned = f"{videos} videos of {creators} creators are listed" in result.output
    assert warned is (videos > 1000 or creators > 250)


def test_unknown_api_key_names_the_command_that_lists_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the list command exists under that name."""
    said = failure(tmp_path, monkeypatch, "api-keys", "revoke", "xyz")
    assert "`analytics-pipeline api-keys list`" in said


def test_read_keys_are_made_listed_and_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is shown once; the list has what it grants."""
    monkeypatch.setenv("ANALYTICS_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["read-keys", *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    secret = run("create", "Ana's page", "--grant", "creator:ana").strip()
    listed = run("list")
    assert secret.startswith("rk_")
    assert secret not in listed
    assert "Ana's page" in listed
    assert "creator:ana" in listed
    (key,) = load_read_keys(tmp_path / "keys" / "read_keys.json")
    assert run("revoke", key.key_id).startswith(f"Revoked {key.key_id} (Ana's page)")
    assert load_read_keys(tmp_path / "keys" / "read_keys.json") == []
    said = failure(tmp_path, monkeypatch, "read-keys", "create", "x", "--grant", "admin")
    assert said.startswith("InvalidInput: grant")


def test_simulating_nothing_is_refused() -> None:
    """Zero events are a slip, not a wish."""
    assert CliRunner().invoke(app, ["simulate", "--events", "0"]).exit_code == 2


def test_a_mistyped_command_is_suggested_once() -> None:
    """One hint, not two."""
    assert CliRunner().invoke(app, ["computee"]).output.count("compute'") == 1


def test_errors_of_the_system_are_one_line_with_the_path(tmp_path: Path) -> None:
    """Whatever command meets them; and what was made is for its owner alone."""
    home = tmp_path / "home"
    assert cli(home, "keys", "create").returncode == 0
    modes = {p.stat().st_mode & 0o077 for p in [home, *home.rglob("*")] if "public" not in str(p)}
    assert modes == {0}
    (home / "keys" / "api_keys.json").mkdir()
    ran = cli(home, "api-keys", "list")
    assert ran.returncode == 1
    assert ran.stderr.startswith("IsADirectoryError: ")
    assert "api_keys.json" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_an_error_cannot_paint_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters in messages are shown as what they are."""
    explain(PipelineError("a\x1b[2Jb"))
    assert "\x1b" not in capsys.readouterr().err


def test_api_keys_show_their_viewer_model(tmp_path: Path) -> None:
    """A key made for devices that count for themselves says so in the list."""
    for arguments in (("our pages", "--privacy", "high"), ("our server",)):
        assert cli(tmp_path, "api-keys", "create", *arguments).returncode == 0
    listed = cli(tmp_path, "api-keys", "list").stdout.splitlines()
    assert [("high" in line, "standard" in line) for line in listed if "our" in line] == [
        (True, False),
        (False, True),
    ]
