"""`analytics-pipeline verify` as a stranger runs it, on the sample day that is committed."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli.app import app
from analytics_pipeline.cli.folder import load_folder
from analytics_pipeline.core.verify import verify_bundle
from analytics_pipeline.core.verify_errors import VerificationFailed

SAMPLE = Path(__file__).parents[2] / "data" / "sample_day"
#: what a verifier must not need
OPERATORS_ONLY = {"dagster", "dbt", "duckdb", "fastapi", "polars", "sqlalchemy", "eth", "opendp"}


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and output of a command, which handles its expected errors itself."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_sample_day_verifies() -> None:
    """Right after the clone, offline, with exit code 0 and one line per check."""
    code, output = run("verify", str(SAMPLE))
    assert code == 0
    assert "Verified." in output
    assert output.count(" ok ") == 9


def test_json_for_machines() -> None:
    """The same as a document."""
    code, output = run("verify", str(SAMPLE), "--json")
    document = json.loads(output)
    assert code == 0
    assert document["verified"] is True
    assert [check["number"] for check in document["checks"]] == list(range(9))


def test_needs_the_base_install_only() -> None:
    """Verifying a folder imports nothing that only an operator installs."""
    script = (
        "import sys\nfrom typer.testing import CliRunner\n"
        "from analytics_pipeline.cli.app import app\n"
        f"assert CliRunner().invoke(app, ['verify', {str(SAMPLE)!r}]).exit_code == 0\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert not OPERATORS_ONLY & set(ran.stdout.split())


def test_any_flipped_bit_names_the_check_that_failed() -> None:
    """Anywhere in the folder: 400 bits at random, and each file's first and last byte."""
    files = load_folder(SAMPLE).files
    rng = random.Random(1)
    places = [
        (name, rng.randrange(len(data)), rng.randrange(8))
        for name, data in files.items()
        for _ in range(80)
    ]
    places += [(name, at, 0) for name in files for at in (0, len(files[name]) - 1)]
    for name, at, bit in places:
        flipped = bytearray(files[name])
        flipped[at] ^= 1 << bit
        with pytest.raises(VerificationFailed) as caught:
            verify_bundle({**files, name: bytes(flipped)})
        assert caught.value.results[-1].passed is False, (name, at, bit)


def test_a_lie_is_named_with_exit_code_1(tmp_path: Path) -> None:
    """The table ends with the failing check; the message names the lie."""
    folder = tmp_path / "day"
    shutil.copytree(SAMPLE, folder)
    manifest = folder / "bundle" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"bytes":', b'"bytes":1'))
    code, output = run("verify", str(folder))
    assert code == 1
    assert output.count("BundleMismatch") == 2, "its name in the table, its meaning once below"
    assert output.count("is not the one that was published") == 1
    assert output.count("not reached") == 6
    assert "FAILED" in output
    code, output = run("verify", str(folder), "--json")
    assert (code, json.loads(output)["error"]) == (1, "BundleMismatch")


def test_another_day_than_asked_for() -> None:
    """A folder of one day does not pass for another."""
    code, output = run("verify", str(SAMPLE), "2020-01-01")
    assert code == 1
    assert "WrongDay" in output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("verify", "nowhere"),
            "no such folder: 'nowhere'; to check a platform, also give the day",
        ),
        (("verify", "no/where", "2026-11-01"), "no such folder"),
        (("verify", "demo", "yesterday"), "YYYY-MM-DD"),
        (("verify", "."), "not a bundle folder"),
    ],
)
def test_wrong_arguments_say_what_to_do(
    arguments: tuple[str, ...],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One clear error, never a traceback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANALYTICS_HOME", str(tmp_path / "home"))
    code, output = run(*arguments)
    assert code == 2
    assert says in output
    assert not (tmp_path / "home").exists()


def test_a_folder_is_not_checked_against_a_chain_in_silence() -> None:
    """Options that only the other form uses are refused, not ignored."""
    code, output = run("verify", str(SAMPLE), "--chain", "http://127.0.0.1:1")
    assert code == 2
    assert "checked offline" in output


@pytest.mark.parametrize("target", ["loop", "/nonexistent", "/"])
def test_links_in_a_folder_are_refused(target: str, tmp_path: Path) -> None:
    """Whatever they lead to: in a circle, nowhere, or to a directory nobody would look into."""
    folder = tmp_path / "day"
    shutil.copytree(SAMPLE, folder)
    (folder / "loop").symlink_to(target)
    code, output = run("verify", str(folder))
    assert code == 2
    assert "ContentUnavailable" in output
    assert "link" in output


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    """Reading it would block for ever."""
    folder = tmp_path / "day"
    shutil.copytree(SAMPLE, folder)
    os.mkfifo(folder / "pipe")
    assert run("verify", str(folder))[0] == 2


def test_a_file_cannot_paint_its_own_result(tmp_path: Path) -> None:
    """Control characters of a name or document do not reach the terminal."""
    folder = tmp_path / "day"
    shutil.copytree(SAMPLE, folder)
    (folder / "x\x1b[2J\nVerified.").touch()
    code, output = run("verify", str(folder))
    assert code == 1
    assert "UnexpectedFile" in output
    assert "\x1b" not in output
    assert "\nVerified." not in output


def test_no_chain_says_which_options_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger without a deployment is told about --chain, and nothing is created."""
    monkeypatch.setenv("ANALYTICS_HOME", str(tmp_path / "home"))
    code, output = run("verify", "demo", "2026-11-01")
    assert code == 2
    assert "--chain" in output
    assert not (tmp_path / "home").exists()


def test_table_fits_a_terminal() -> None:
    """80 columns; hashes are cut for the eye, and whole for machines."""
    _, output = run("verify", str(SAMPLE))
    assert max(len(line) for line in output.splitlines()) <= 80
    assert "…" in output
    _, document = run("verify", str(SAMPLE), "--json")
    assert "…" not in document


def test_folder_that_cannot_be_saved_to(tmp_path: Path) -> None:
    """The day verifies; where it was to be written is wrong input."""
    (tmp_path / "file").touch()
    code, output = run("verify", str(SAMPLE), "--save", str(tmp_path / "file" / "day"))
    assert code == 2
    assert "Verified." in output
    assert "InvalidInput: --save: " in output
    assert run("verify", str(SAMPLE), "--save", str(tmp_path / "day"))[0] == 0
    assert run("verify", str(tmp_path / "day"))[0] == 0
