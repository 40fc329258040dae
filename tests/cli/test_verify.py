"""`analytics-pipeline verify` as a stranger runs it, on the sample day that is committed."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli.app import app
from analytics_pipeline.core.circuits import build_circuits
from analytics_pipeline.core.proof_document import DEVELOPMENT
from analytics_pipeline.core.record import DEVELOPMENT_CHAIN_ID
from analytics_pipeline.core.verify import CHECK_NAMES, verify_bundle
from analytics_pipeline.core.verify_errors import VerificationFailed
from analytics_pipeline.published.folder import PublishedDay, load_folder, save_folder
from tests.support.archives import believing, save_history
from tests.support.world import DAYS, World, honest_world

SAMPLE = Path(__file__).parents[2] / "data" / "sample_day"
#: what a verifier must not need
OPERATORS_ONLY = {"dagster", "dbt", "duckdb", "fastapi", "polars", "sqlalchemy", "eth", "opendp"}


class Day(NamedTuple):
    """A bundle folder on disk, and the table of the circuits its stand-in proofs are of."""

    folder: Path
    circuits: Path


def save(world: World, where: Path) -> Day:
    """Publish a day and write it down."""
    world.publish(DAYS[0])
    folder, circuits = where / "day", where / "circuits.json"
    save_folder(PublishedDay(world.folder(DAYS[0], 1), None), folder)
    circuits.write_bytes(build_circuits(world.circuits.entries))
    return Day(folder, circuits)


@pytest.fixture
def day(tmp_path: Path) -> Day:
    """An honest day; a test may do with it what it wants."""
    return save(World(), tmp_path)


def check(day: Day, *arguments: str) -> tuple[int, str]:
    """Verify the day with its circuits, and nothing to check its stand-in proof with."""
    return run(
        *("verify", str(day.folder), "--circuits", str(day.circuits), "--verifier", "none"),
        *arguments,
    )


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and output of a command, which handles its expected errors itself."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_sample_day_verifies() -> None:
    """Right after the clone, offline, with exit code 0 and one line per check."""
    code, output = run("verify", str(SAMPLE))
    assert code == 0, output
    assert "Verified" in output
    assert output.count(" ok ") >= len(CHECK_NAMES) - 1, "all but, perhaps, the proof"


def test_a_day_verifies_but_for_a_proof_that_nothing_here_checks(day: Day) -> None:
    """Exit code 0, and nobody can take what was trusted for what was checked."""
    code, output = check(day)
    assert code == 0, output
    assert output.count(" ok ") == len(CHECK_NAMES) - 1
    assert "TRUSTED" in output
    assert "Verified, but the proof was trusted, not checked: left to whoever made" in output
    assert "Verified." not in output


def test_an_earlier_revision_stays_verifiable(tmp_path: Path) -> None:
    """By its own bundle, if it is asked for; otherwise it is refused, for it was corrected. Which
    one was verified, and which is the newest, is said."""
    world = World()
    days = [save(world, tmp_path / "1")]
    world.publish(DAYS[0], 2)
    for revision in (1, 2):
        folder = tmp_path / f"corrected-{revision}"
        save_folder(PublishedDay(world.folder(DAYS[0], revision), None), folder)
        days.append(Day(folder, days[0].circuits))
    code, output = check(days[0])
    assert (code, "Revision 1, the newest of the day: first release." in output) == (0, True)
    code, output = check(days[1])
    assert (code, "Superseded" in output) == (1, True)
    code, output = check(days[1], "--revision", "1")
    assert code == 0, output
    assert "Revision 1, corrected since: the newest is revision 2." in output
    code, output = check(days[2])
    assert (code, "Revision 2, the newest of the day: late events." in output) == (0, True)
    code, output = check(days[2], "--revision", "1")
    assert (code, "WrongRevision" in output) == (1, True)
    document = json.loads(check(days[1], "--revision", "1", "--json")[1])
    assert (document["revision"], document["newest_revision"]) == (1, 2)


def test_a_proof_that_must_be_checked(day: Day) -> None:
    """--require-proof: what cannot be checked has failed."""
    code, output = check(day, "--require-proof")
    assert code == 1
    assert "Does not verify: ProofUnchecked (check 14)" in output


def test_json_for_machines(day: Day) -> None:
    """The same as a document, with a state for each check."""
    code, output = check(day, "--json")
    document = json.loads(output)
    assert code == 0
    assert document["verified"] is True
    assert document["trusted"] == ["proof"]
    assert document["development_setup"] is False
    proof = document["checks"][14]
    checked = [check for check in document["checks"] if check is not proof]
    assert [c["number"] for c in document["checks"]] == list(range(len(CHECK_NAMES)))
    assert all(c["passed"] and c["state"] == "passed" for c in checked)
    assert (proof["passed"], proof["state"]) == (False, "trusted, not checked")


def test_reservations_are_in_the_verdict(tmp_path: Path) -> None:
    """What no check refutes and nobody may overlook: said in words, and counted for machines."""
    world = World()
    for revision in (1, 2):
        world.commit(DAYS[0], revision)
    world.publish(DAYS[0], 3)
    folder, circuits = tmp_path / "day", tmp_path / "circuits.json"
    save_folder(PublishedDay(world.folder(DAYS[0], 3), None), folder)
    circuits.write_bytes(build_circuits(world.circuits.entries))
    code, output = check(Day(folder, circuits))
    assert code == 0
    assert "Verified, but 2 of the day's commits have no release" in output
    assert "Verified, but the beacon came 2 blocks after the commit, not 132" in output
    document = json.loads(check(Day(folder, circuits), "--json")[1])
    assert document["withheld_revisions"] == 2
    assert [each["name"] for each in document["reservations"]] == ["CommitsWithheld", "BeaconSoon"]


def test_a_development_set_up_is_named_in_every_output(tmp_path: Path) -> None:
    """Fine on the development chain, loudly; a failure where production is demanded."""
    world = World(chain_id=DEVELOPMENT_CHAIN_ID, setup=DEVELOPMENT)
    development = save(world, tmp_path)
    code, output = check(development)
    assert code == 0
    assert output.lower().count("development set-up: convinces nobody") >= 3
    assert json.loads(check(development, "--json")[1])["development_setup"] is True
    code, output = check(development, "--production")
    assert code == 1
    assert "DevelopmentSetup" in output
    assert "the chain is a development chain, by its own word" in check(development)[1]
    assert "Development set-up: convinces nobody" in output


def test_circuits_are_not_taken_on_the_bundles_word(day: Day, tmp_path: Path) -> None:
    """Without a table that has them, the keys of a bundle are believed by nobody."""
    code, output = run("verify", str(day.folder), "--verifier", "none")
    assert code == 1
    assert "UnknownCircuit" in output
    for table in (tmp_path / "nowhere.json", SAMPLE / "chain.json"):
        code, output = run("verify", str(day.folder), "--circuits", str(table))
        assert code == 2
        assert "InvalidInput: --circuits" in output


#: Runs a command where whatever only an operator installs is not there.
_BASE_INSTALL = """
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
sys.argv = ["analytics-pipeline", *{arguments!r}]
from analytics_pipeline.cli import main
main()
"""


@pytest.mark.parametrize("name", ["day", "history", "history.car"])
def test_needs_the_base_install_only(name: str, tmp_path: Path) -> None:
    """A day, a folder with a history, and a CAR verify without anything that only an operator
    installs; the proof is left to whoever made the folder, and that is said."""
    world = honest_world()
    believed = believing(world, tmp_path)
    save_folder(PublishedDay(world.folder(DAYS[0], 1), None), tmp_path / "day")
    if name != "day":
        save_history(world, tmp_path / name)
    form = () if name == "day" else ("--all",)
    arguments = ["verify", *form, str(tmp_path / name), *believed[:2]]
    script = _BASE_INSTALL.replace("{absent!r}", repr(OPERATORS_ONLY))
    ran = subprocess.run(
        [sys.executable, "-c", script.replace("{arguments!r}", repr(arguments))],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert "trusted, not checked" in ran.stdout
    assert "a local EVM needs the extra [pipeline]" in ran.stdout


#: Runs a command and tells on standard error what it imported.
_IMPORTED = """
import atexit, sys
atexit.register(lambda: print(*{name.split(".")[0] for name in sys.modules}, file=sys.stderr))
sys.argv = ["analytics-pipeline", *{arguments!r}]
from analytics_pipeline.cli import main
main()
"""


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (("verify", "--help"), {"Crypto", "eth_hash", "requests", "web3"}),
        (("verify", "{day}"), {"ipfshttpclient", "requests", "web3"}),
        (("verify", "--all", "{history}"), {"ipfshttpclient", "requests", "web3"}),
        (("verify", "--all", "{history}.car"), {"ipfshttpclient", "requests", "web3"}),
    ],
)
def test_begins_without_libraries_it_does_not_need(
    arguments: tuple[str, ...], absent: set[str], tmp_path: Path
) -> None:
    """A verifier starts in under a second (`benchmarks.verify` measures it): the chain's libraries,
    those of remote sources, and what those bring along, take longer than all checks of a day."""
    world = honest_world()
    places = {"day": SAMPLE, "history": save_history(world, tmp_path / "history")}
    save_history(world, tmp_path / "history.car")
    given = [argument.format(**places) for argument in arguments]
    if "--help" not in given:
        given += ["--verifier", "none"]
    if "--all" in given:
        given += believing(world, tmp_path)[:2]
    ran = subprocess.run(
        [sys.executable, "-c", _IMPORTED.replace("{arguments!r}", repr(given))],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    imported = set(ran.stderr.split())
    assert not imported & (absent | OPERATORS_ONLY | {"eth_abi", "eth_utils", "pydantic"})


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


def test_a_lie_is_named_with_exit_code_1(day: Day) -> None:
    """The table ends with the failing check; the message names the lie."""
    manifest = day.folder / "bundle" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"bytes":', b'"bytes":1'))
    code, output = check(day)
    assert code == 1
    assert output.count("BundleMismatch") == 2, "its name in the table, its meaning once below"
    assert output.count("is not the one that was published") == 1
    assert output.count("not reached") == len(CHECK_NAMES) - 3
    assert "FAILED" in output
    code, output = check(day, "--json")
    assert (code, json.loads(output)["error"]) == (1, "BundleMismatch")


def test_another_day_than_asked_for(day: Day) -> None:
    """A folder of one day does not pass for another."""
    code, output = check(day, "2020-01-01")
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


def test_a_folder_is_not_checked_against_a_chain_in_silence(day: Day) -> None:
    """Options that only the other form uses are refused, not ignored."""
    code, output = check(day, "--chain", "http://127.0.0.1:1")
    assert code == 2
    assert "checked offline" in output


@pytest.mark.parametrize("target", ["loop", "/nonexistent", "/"])
def test_links_in_a_folder_are_refused(target: str, day: Day) -> None:
    """Whatever they lead to: in a circle, nowhere, or to a directory nobody would look into."""
    (day.folder / "loop").symlink_to(target)
    code, output = check(day)
    assert code == 2
    assert "ContentUnavailable" in output
    assert "link" in output


def test_a_pipe_in_a_folder_is_not_waited_for(day: Day) -> None:
    """Reading it would block for ever."""
    os.mkfifo(day.folder / "pipe")
    assert check(day)[0] == 2


def test_a_file_cannot_paint_its_own_result(day: Day) -> None:
    """Control characters of a name or document do not reach the terminal."""
    (day.folder / "x\x1b[2J\nVerified.").touch()
    code, output = check(day)
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


def test_table_fits_a_terminal(day: Day) -> None:
    """80 columns; hashes are cut for the eye, and whole for machines."""
    _, output = check(day)
    table = output[: output.index("Verified")]
    assert max(len(line) for line in table.splitlines()) <= 80
    assert "…" in table
    _, document = check(day, "--json")
    assert "…" not in document


def test_folder_that_cannot_be_saved_to(day: Day, tmp_path: Path) -> None:
    """The day verifies; where it was to be written is wrong input."""
    (tmp_path / "file").touch()
    code, output = check(day, "--save", str(tmp_path / "file" / "day"))
    assert code == 2
    assert "Verified, but" in output
    assert "InvalidInput: --save: " in output
    assert check(day, "--save", str(tmp_path / "copy"))[0] == 0
    assert check(day._replace(folder=tmp_path / "copy"))[0] == 0
