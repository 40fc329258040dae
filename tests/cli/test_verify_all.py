"""`verify --all` of a history in a folder or a CAR file, as a stranger runs it."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from analytics_pipeline.cli import console
from analytics_pipeline.core.bundle import history_folder
from analytics_pipeline.core.verify import CHECK_NAMES
from analytics_pipeline.core.verify_all import RULE_NAMES
from tests.cli.test_verify import SAMPLE, run
from tests.lies.history_cases import days_world
from tests.support.archives import believing, save_history
from tests.support.world import DAYS, Lies, World, honest_world

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def world() -> World:
    """Three days, a correction, a withheld commit and an erasure."""
    return honest_world()


@pytest.fixture(scope="module")
def saved(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the history as `history` and `history.car`, and a table of circuits."""
    folder = tmp_path_factory.mktemp("saved")
    save_history(world, folder / "history")
    save_history(world, folder / "history.car")
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy of the history as a folder, to do something to."""
    return Path(shutil.copytree(saved / "history", tmp_path / "history"))


@pytest.fixture
def believed(world: World, tmp_path: Path) -> tuple[str, ...]:
    return believing(world, tmp_path)


def ask(target: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and document."""
    code, output = run("verify", "--all", str(target), "--json", *arguments)
    document: dict[str, Any] = json.loads(output)
    return code, document


def test_folder_and_car_are_the_same_history(saved: Path, believed: tuple[str, ...]) -> None:
    """Every revision by its own bundle; the documents differ in where it was read only."""
    documents = []
    for name in ("history", "history.car"):
        code, document = ask(saved / name, *believed)
        assert code == 0
        assert document["verified"] is True
        assert document.pop("records_from") == document.pop("bundles_from") == str(saved / name)
        documents.append(document)
    assert documents[0] == documents[1]
    document = documents[0]
    assert (document["days"], document["counts"]["verified"]) == (3, 4)
    assert [(r["day"], r["revision"], r["reason"]) for r in document["releases"]] == [
        (str(DAYS[0]), 1, "first release"),
        (str(DAYS[1]), 1, "first release"),
        (str(DAYS[1]), 2, "late events"),
        (str(DAYS[2]), 2, "first release"),
    ]
    assert {r["checks"] for r in document["releases"]} == {len(CHECK_NAMES) - 1}
    assert {tuple(r["trusted"]) for r in document["releases"]} == {("proof",)}
    assert [rule["name"] for rule in document["rules"]] == list(RULE_NAMES)
    names = [each["name"] for each in document["reservations"]]
    assert names == ["BeaconSoon", "CommitsWithheld"]


def test_every_member_of_the_document_is_documented(saved: Path, believed: tuple[str, ...]) -> None:
    """docs/verify.md names each, so that machines can rely on it."""
    page = (ROOT / "docs" / "verify.md").read_text()
    _, document = ask(saved / "history", *believed)
    members = {*document}
    for inner in ("policies", "rules", "releases", "reservations"):
        members |= {f"{inner}[].{name}" for each in document[inner] for name in each}
    missing = {name for name in members if f"`{name}`" not in page}
    assert missing == set()


def test_lines_for_people(saved: Path, believed: tuple[str, ...]) -> None:
    """A line for each release and rule, and a verdict with reservations; 80 columns."""
    code, output = run("verify", "--all", str(saved / "history.car"), *believed)
    assert code == 0, output
    assert sum(line.rstrip().endswith(" verified") for line in output.splitlines()) == 4
    assert output.count(" ok ") == len(RULE_NAMES)
    assert "Passed: 3 days, 4 releases, 60 checks, 10 rules." in output
    assert "Verified, but the beacon came 2 blocks after the commit" in output
    assert "Verified, but the proof of 4 releases was trusted, not checked" in output
    assert "Verified, but 2026-03-03 revision 2: 1 of the day's commits have no release" in output
    assert "Offline: everything hangs together" in output
    table = output[: output.index("Passed")]
    assert max(map(len, table.splitlines())) <= 80


def test_a_long_history_is_a_calendar(
    believed: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line for each month, a cell for each day: corrected, failed, unavailable, missing, not
    asked for."""
    monkeypatch.setattr("analytics_pipeline.cli.history_table.MAX_LINES", 7)
    world = days_world(12, 4)
    world.publish(DAYS[1], 2)
    history = save_history(world, tmp_path / "history")
    shutil.rmtree(history / history_folder(DAYS[2], 1))
    (history / history_folder(DAYS[0], 1) / "report.json").write_bytes(b"{}")
    code, output = run("verify", "--all", str(history), "--to", "2026-03-10", *believed)
    assert code == 1
    [line] = [line for line in output.splitlines() if line.startswith("2026-03")]
    assert line.split() == [
        "2026-03",
        *["✗", "2", "?", "✓", "!", "✓", "✓", "✓", "✓", "✓", "·", "·"],
    ]
    assert len(line) <= 80
    assert "DayMissing – rule 2, no day is missing" in output
    assert "none of 2026-03-05" in output


def test_what_fails_is_named_and_the_rest_is_checked(
    folder: Path, believed: tuple[str, ...]
) -> None:
    """Exit code 1, with the release, the check and the error."""
    manifest = folder / history_folder(DAYS[0], 1) / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"bytes":', b'"bytes":1'))
    code, document = ask(folder, *believed)
    assert code == 1
    assert document["verified"] is False
    assert document["counts"] == {"verified": 3, "failed": 1, "unavailable": 0, "skipped": 0}
    error = document["releases"][0]["error"]
    assert (error["number"], error["name"]) == (2, "BundleMismatch")
    code, output = run("verify", "--all", str(folder), *believed)
    assert code == 1
    assert "FAILED BundleMismatch" in output
    assert f"Does not verify: BundleMismatch – {DAYS[0]} revision 1 (check 2)" in output
    assert "Verified" not in output


def test_a_bundle_that_is_not_there(folder: Path, believed: tuple[str, ...]) -> None:
    """Exit code 3 and its name; a lie beside it is a lie all the same."""
    shutil.rmtree(folder / history_folder(DAYS[1], 2))
    code, document = ask(folder, *believed)
    assert code == 3
    assert document["verified"] is None
    assert document["releases"][2]["state"] == "unavailable"
    assert document["releases"][2]["error"]["name"] == "ContentUnavailable"
    partly = [rule["number"] for rule in document["rules"] if rule["state"] == "checked in part"]
    assert partly == [8, 9]
    (folder / "notes.txt").write_text("trust me")
    code, document = ask(folder, *believed)
    assert code == 1
    [error] = document["rules"][0]["errors"]
    assert error["name"] == "UnexpectedFile"


def test_records_that_are_none(folder: Path, believed: tuple[str, ...]) -> None:
    """Without records nothing else can be looked at: the table ends there."""
    chain = folder / "chain.json"
    chain.write_bytes(chain.read_bytes()[:-2])
    code, document = ask(folder, *believed)
    assert (code, document["verified"], document["error"]) == (1, False, "ChainFileMalformed")
    code, output = run("verify", "--all", str(folder), *believed)
    assert code == 1
    assert "Does not verify: ChainFileMalformed (rule 1)" in output
    assert output.count("not reached") == len(RULE_NAMES) - 1


def test_a_block_beyond_the_calendar(believed: tuple[str, ...], tmp_path: Path) -> None:
    """The time of a block is whatever its chain says; it is shown, and nothing stumbles."""
    world = World()
    world.publish(DAYS[0], lies=Lies(release=lambda r: replace(r, block_time=2**53 - 1)))
    code, output = run("verify", "--all", str(save_history(world, tmp_path / "h")), *believed)
    assert code == 0, output
    assert "second 9007199254740991" in output.replace("\n", " ")


def test_a_span_of_days(saved: Path, believed: tuple[str, ...]) -> None:
    """Only their bundles are checked, and that is a reservation."""
    span = ("--from", str(DAYS[2]), "--to", str(DAYS[2]))
    code, document = ask(saved / "history", *span, *believed)
    assert code == 0
    assert document["counts"] == {"verified": 1, "failed": 0, "unavailable": 0, "skipped": 3}
    assert "PartOfHistory" in [each["name"] for each in document["reservations"]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--all", str(SAMPLE)), "holds a single day, not a history"),
        (("{history}",), "holds a whole history: check it with --all"),
        (("{history}", "2020-01-01"), "2020-01-01 is not released in"),
        (("{history}", str(DAYS[0]), "--revision", "2"), f"has no bundles/{DAYS[0]}/2"),
        (("--all", "{history}", str(DAYS[0])), "day: --all checks every day"),
        (("--all", "{history}", "--revision", "1"), "--revision: --all checks every day"),
        (("{history}", str(DAYS[0]), "--from", str(DAYS[0])), "--from: belongs to --all"),
        (("--all", "{history}", "--from", "soon"), "--from: 'soon' is not a date"),
        (("--all", "{history}", "--from", str(DAYS[1]), "--to", str(DAYS[0])), "is before"),
        (("--all", "{history}", "--from", "2030-01-01"), "no day is released"),
        (("--all", "{history}", "--gateway", "https://example.org"), "is checked offline"),
        (("--all", "no/where"), "no such folder"),
        (("--all", "nowhere.txt/x"), "no such folder"),
        ((), "give a bundle folder, a CAR file, or a platform and a day"),
    ],
)
def test_wrong_arguments_say_what_to_do(
    arguments: tuple[str, ...], says: str, saved: Path, believed: tuple[str, ...]
) -> None:
    """Exit code 2, one clear error."""
    given = [argument.format(history=saved / "history") for argument in arguments]
    code, output = run("verify", *given, *believed)
    assert code == 2, output
    assert says in output
    code, output = run("verify", *given, *believed, "--json")
    document = json.loads(output)
    assert (code, document["verified"]) == (2, None)
    assert document["error"] in ("InvalidInput", "ContentUnavailable")
    assert ("format" in document) == ("--all" in given)


def test_one_day_of_a_history(saved: Path, believed: tuple[str, ...]) -> None:
    """The newest revision of the day, or an older one that is asked for."""
    for name in ("history", "history.car"):
        code, output = run("verify", str(saved / name), str(DAYS[1]), *believed)
        assert code == 0, output
        assert "Revision 2, the newest of the day" in output
        arguments = (str(saved / name), str(DAYS[1]), "--revision", "1")
        code, output = run("verify", *arguments, *believed)
        assert code == 0, output
        assert "Revision 1, corrected since" in output


def test_a_copy_of_what_was_checked(saved: Path, believed: tuple[str, ...], tmp_path: Path) -> None:
    """From a folder to a CAR and back: the same bytes, and the same CAR."""
    car, again = tmp_path / "copy.car", tmp_path / "copy"
    arguments = ("verify", "--all", *believed)
    assert run(*arguments, str(saved / "history"), "--save", str(car))[0] == 0
    assert car.read_bytes() == (saved / "history.car").read_bytes()
    assert run(*arguments, str(car), "--save", str(again))[0] == 0
    for path in (saved / "history").rglob("*.json"):
        assert (again / path.relative_to(saved / "history")).read_bytes() == path.read_bytes()
    (tmp_path / "file").touch()
    for target in ("file/copy", "file/copy.car"):
        code, output = run(*arguments, str(car), "--save", str(tmp_path / target))
        assert code == 2
        assert "InvalidInput: --save: " in output


def test_one_day_as_a_car(believed: tuple[str, ...], tmp_path: Path) -> None:
    """`--save x.car`, verified again; altered or cut, it is refuted, and a file that is no CAR is
    wrong input."""
    world = World()
    world.publish(DAYS[0])
    folder, car = save_history(world, tmp_path / "history"), tmp_path / "day.car"
    assert run("verify", str(folder), str(DAYS[0]), "--save", str(car), *believed)[0] == 0
    code, output = run("verify", str(car), *believed)
    assert code == 0, output
    whole = car.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for data, error, expected in (
        (bytes(flipped), "IntegrityError", 1),
        (whole[:-1], "InvalidContent", 1),
        (b"no car", "ContentUnavailable", 2),
        (b"", "ContentUnavailable", 2),
    ):
        car.write_bytes(data)
        code, output = run("verify", str(car), *believed)
        assert (code, error in output) == (expected, True), output
        for whole_history in ((), ("--all",)):
            code, output = run("verify", str(car), *whole_history, "--json", *believed)
            document = json.loads(output)
            assert (code, document["error"]) == (expected, error)
            assert document["verified"] is (False if expected == 1 else None)


def test_progress_says_which_release_was_checked(
    saved: Path, believed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal; elsewhere nothing is written to stderr."""
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(console, "err", terminal)
    assert run("verify", "--all", str(saved / "history"), *believed)[0] == 0
    assert isinstance(terminal.file, io.StringIO)
    shown = terminal.file.getvalue()
    assert f"Checked {DAYS[2]} revision 2" in shown
    assert "4/4" in shown
