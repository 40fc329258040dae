"""What is exported of the marts: against the rule, counted anew in plain Python, and against who
reads what."""

import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from analytics_pipeline.core.day import day_start_ms
from analytics_pipeline.storage.warehouse import EXPORTED, load_export, open_warehouse
from tests.dbt import hand_made, random_day
from tests.dbt.conftest import RANDOM_DAY
from tests.dbt.deployment import PLATFORM, PROJECT_DIR, Deployment
from tests.support import kpi_oracle
from tests.support.kpi_oracle import View

PACKAGE = Path(__file__).parents[2] / "analytics_pipeline"
K = 10
DAYS = [RANDOM_DAY - timedelta(days=back) for back in range(5)]
VIDEOS = [*hand_made.VIDEOS, *random_day.VIDEOS]
NO_UNIT = ("--exclude-resource-type", "unit_test")
SELECTED = ("+export_platform_day", "+export_creator_day")
KEY: dict[str, Callable[[View], str]] = {
    "creator_day": lambda view: view.creator_id,
    "video_day": lambda view: view.video_id,
    "region_day": lambda view: view.country,
    "storage_provider_day": lambda view: view.provider,
}
COLUMN = {
    "creator_day": "creator_id",
    "video_day": "video_id",
    "region_day": "country",
    "storage_provider_day": "provider",
}


def events_of(day: date) -> list[dict[str, Any]]:
    """Days from crowded to all but empty, and one with a creator and a country of few viewers."""
    number = DAYS.index(day)
    if number == len(DAYS) - 1:
        return uneven_events(day)
    return random_day.random_events(day, 40 + number, sessions=(400, 150, 60, 9)[number])


def uneven_events(day: date) -> list[dict[str, Any]]:
    """Forty viewers of one video each: 3 of creator-1's, 14 of creator-2's; 2 in FR, 12 in BR."""
    events = []
    for number in range(40):
        session = {
            "session_id": f"session-{number}",
            "viewer": f"{number:032x}",
            "country": "FR" if number < 2 else "BR" if number < 14 else "DE",
            "video_id": "w1" if number < 3 else "w2" if number < 17 else "w0",
            "provider": "ipfs",
            "received_at_ms": 0,
        }
        for seq, kind in enumerate(("play", "heartbeat")):
            at_ms = day_start_ms(day) + number + 10_000 * seq
            events.append(session | {"type": kind, "at_ms": at_ms, "seq": seq})
    return events


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Five days, built; dbt's own tests of the exports have passed."""
    deployment = Deployment(tmp_path_factory.mktemp("exports"))
    deployment.write_videos(VIDEOS)
    for day in DAYS:
        deployment.write_events(day, events_of(day))
    result = deployment.build(DAYS[-1], DAYS[0], *NO_UNIT)
    assert result.returncode == 0, result.stdout + result.stderr
    return deployment


def exported(deployment: Deployment, mart: str, day: date) -> list[dict[str, Any]]:
    key = deployment.warehouse_key
    with open_warehouse(deployment.warehouse_path, key, read_only=True) as warehouse:
        return load_export(warehouse, mart, PLATFORM, day).drop("platform", "day").to_dicts()


def views_of(day: date) -> list[View]:
    """From the events alone, by the independent recomputation."""
    fields = kpi_oracle.OracleEvent.__dataclass_fields__
    events = [
        kpi_oracle.OracleEvent(**{name: event[name] for name in fields if name in event})
        for event in events_of(day)
    ]
    videos = {row[1]: kpi_oracle.OracleVideo(*row[1:]) for row in VIDEOS if row[0] == PLATFORM}
    start = day_start_ms(day)
    inside = [event for event in events if start <= event.at_ms < start + kpi_oracle.DAY_MS]
    return kpi_oracle.views_of(kpi_oracle.distinct_events(inside), videos)


def viewers(views: list[View], key: Callable[[View], str]) -> dict[str, set[str]]:
    """Who played, by key; keys that nobody played are there too."""
    found: dict[str, set[str]] = defaultdict(set)
    for view in views:
        found[key(view)] |= {view.viewer} if view.played else set()
    return dict(found)


@pytest.mark.parametrize("mart", sorted(KEY))
def test_no_row_and_no_difference_of_rows_is_about_few_viewers(
    deployment: Deployment, mart: str
) -> None:
    """Every row shown has k viewers, and is the mart's. What a total that is shown too and the rows
    shown leave open is about k viewers at least."""
    hidden_somewhere = shown_somewhere = 0
    for day in DAYS:
        by_key = viewers(views_of(day), KEY[mart])
        rows = {row[COLUMN[mart]]: row for row in exported(deployment, mart, day)}
        of_mart = {row[COLUMN[mart]]: row for row in deployment.rows(mart, day)}
        for key, row in rows.items():
            assert len(by_key[key]) >= K, (day, key)
            assert {name: row[name] for name in of_mart[key]} == of_mart[key]
        for total in totals_of(deployment, mart, day):
            missing = [by_key[key] for key in by_key.keys() - rows if total(key)]
            if missing:
                assert len(set().union(*missing)) >= K, (day, mart)
                hidden_somewhere += 1
        shown_somewhere += len(rows)
    assert hidden_somewhere > 0
    assert shown_somewhere > 0


def totals_of(deployment: Deployment, mart: str, day: date) -> Iterator[Callable[[str], bool]]:
    """Which keys add up to something that is shown: the platform's day, and of videos each
    creator's."""
    if exported(deployment, "platform_day", day):
        yield lambda key: True
    if mart == "video_day":
        creator_of = {row[1]: row[2] for row in VIDEOS}
        for row in exported(deployment, "creator_day", day):
            yield lambda key, creator=row["creator_id"]: creator_of[key] == creator  # type: ignore[misc]


def test_ends_and_minutes_are_about_k_viewers(deployment: Deployment) -> None:
    """Retention counts viewers of a part, concurrency those who played during the minute."""
    shown = 0
    for day in DAYS:
        views = views_of(day)
        videos = {row["video_id"] for row in exported(deployment, "video_day", day)}
        ends = viewers([v for v in views if v.played], lambda v: f"{v.video_id} {v.bin}")
        for row in exported(deployment, "retention_day", day):
            assert len(ends[f"{row['video_id']} {row['bin']}"]) == row["viewers"] >= K
            assert row["video_id"] in videos
            shown += 1
        present: dict[int, set[str]] = defaultdict(set)
        for view in views:
            for start, end in view.present:
                if end > start:
                    minutes = range(start // 60_000, (end - 1) // 60_000 + 1)
                    for minute in minutes:
                        present[minute - day_start_ms(day) // 60_000].add(view.viewer)
        minutes_shown = exported(deployment, "concurrency_minute", day)
        assert all(len(present[row["minute"]]) >= row["viewers"] >= K for row in minutes_shown)
        peaks = exported(deployment, "concurrency_day", day)
        assert {row["peak_minute"] for row in peaks} <= {row["minute"] for row in minutes_shown}
        shown += len(minutes_shown)
    assert shown > 0


def test_a_day_of_few_viewers_exports_nothing(deployment: Deployment) -> None:
    """Not even its total."""
    assert deployment.rows("video_day", DAYS[3])
    for mart in EXPORTED:
        assert exported(deployment, mart, DAYS[3]) == [], mart


def test_every_export_goes_by_the_macro_and_is_tested() -> None:
    """One rule: no export without it, and no mart without an export but those a release is made
    from."""
    models = {path.stem: path for path in PROJECT_DIR.glob("models/exports/*.sql")}
    assert set(models) == {f"export_{mart}" for mart in EXPORTED}
    for path in models.values():
        last = path.read_text().rstrip().splitlines()[-1]
        assert re.match(r"(qualify|where) \{\{ at_least_k_viewers\(", last), path.name
        described = path.with_suffix(".yml").read_text()
        assert "- about_k_viewers:" in described
        assert "- names_no_viewer:" in described
    uses = [p for p in PROJECT_DIR.glob("**/*.sql") if "at_least_k_viewers(" in p.read_text()]
    assert {p.stem for p in uses if "target" not in p.parts} == {*models, "k_anonymity"}


def test_exports_have_the_columns_of_their_marts() -> None:
    """In the same words and types; some add how many viewers a row is about."""
    for mart in EXPORTED:
        columns = {}
        for path in (f"marts/{mart}", f"exports/export_{mart}"):
            described = yaml.safe_load((PROJECT_DIR / "models" / f"{path}.yml").read_text())
            found = described["models"][0]["columns"]
            columns[path] = {column["name"]: column for column in found}
        of_mart, of_export = columns.values()
        if mart == "retention_day":  # where plays ended, not how many came that far
            of_mart = {k: v for k, v in of_mart.items() if k not in ("reached", "retention")}
        added = {**of_export}.keys() - of_mart.keys()
        assert added <= {"viewers"}, mart
        assert {k: v for k, v in of_export.items() if k not in added} == of_mart, mart


@pytest.mark.slow
def test_the_rule_cannot_be_lost_by_a_model_alone(deployment: Deployment, tmp_path: Path) -> None:
    """A model that leaves the macro out, or hides rows without a second one, fails dbt's tests."""
    project = tmp_path / "project"
    ignored = shutil.ignore_patterns("target", "logs")
    shutil.copytree(PROJECT_DIR, project, ignore=ignored)
    for rule in ("1 = 1", "viewers >= {{ k_anonymity() }}"):
        model = project / "models" / "exports" / "export_creator_day.sql"
        model.write_text(
            "with creators as ({{ built_rows('creator_day') }})\n"
            f"select * from creators where {rule}\n"
        )
        home = tmp_path / f"home {len(rule)}"
        shutil.copytree(deployment.home, home, ignore=ignored)
        broken = Deployment(home, project_dir=project)
        result = broken.build(DAYS[-1], DAYS[0], "--select", *SELECTED, *NO_UNIT)
        assert result.returncode != 0
        failed = "export_creator_day_about_k" if rule == "1 = 1" else "export_creator_day_rest"
        assert re.search(rf"FAIL \d+ {failed}", result.stdout), result.stdout


@pytest.mark.slow
def test_k_is_no_switch_to_turn_the_rule_off(deployment: Deployment) -> None:
    """Fewer than two viewers would be everybody."""
    variables = f"{{start_day: {DAYS[3]}, end_day: {DAYS[3]}, k_anonymity: 1}}"
    arguments = ("--vars", variables, "--select", "+export_region_day", *NO_UNIT)
    result = deployment.dbt("build", *arguments)
    assert result.returncode != 0
    assert "k_anonymity must be an integer of at least 2" in result.stdout


def test_only_the_release_reads_the_marts_themselves() -> None:
    """Whatever shows figures to people reads the exports; tally and contributions, which become
    the release, are read by the steps that make and audit it."""
    readers = {
        path.relative_to(PACKAGE).as_posix(): set(re.findall(r"load_mart\([^)]*\)", text))
        for path in PACKAGE.rglob("*.py")
        if "load_mart(" in (text := path.read_text())
    }
    del readers["storage/warehouse.py"]
    assert readers.keys() == {
        *("defs/audit.py", "defs/audit_home.py"),
        *("defs/steps/day_commitments.py", "defs/steps/inputs.py"),
    }
    named = {call for calls in readers.values() for call in calls if '"' in call}
    assert all('"tally"' in call or '"contributions"' in call for call in named), named
    text = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    assert not re.search(r"marts\.(?!contributions|\{mart\}|\*)\w", text)
