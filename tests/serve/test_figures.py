"""Numbers: those of the report, each with the proof that it is in it; sums as `core` sums them."""

import io
import json
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analytics_pipeline.core.accounting import published_epsilon
from analytics_pipeline.core.derived import (
    derive_average_watch_seconds,
    derive_completion,
    derive_retention,
    derive_total,
)
from analytics_pipeline.core.merkle import verify_inclusion
from analytics_pipeline.core.policy import parse_policy
from analytics_pipeline.core.quantiles import derive_startup_quantile, derive_startup_share
from analytics_pipeline.core.report import Report
from analytics_pipeline.published.folder import load_folder
from tests.serve.support import SAMPLE_DAY, Served
from tests.support.world import DAYS

DAY = "2026-11-21"


@pytest.fixture(scope="module")
def report() -> Report:
    return load_folder(SAMPLE_DAY).report


@pytest.fixture(scope="module")
def figures(sample: Served) -> list[dict[str, Any]]:
    """Every figure of the sample day, over pages."""
    return [each for page in sample.pages("/api/v1/figures", limit=500) for each in page]


def test_every_figure_is_a_row_of_the_report(report: Report, figures: list[dict[str, Any]]) -> None:
    """In its order, each once, with nothing added to it."""
    columns = ("scope", "key", "metric", "value", "sigma", "error_95")
    shown = [tuple(figure[name] for name in columns) for figure in figures]
    rows = [(*row.name, row.value, row.sigma, row.error_95) for row in report.rows]
    assert shown == rows


def test_every_figure_states_its_query(figures: list[dict[str, Any]]) -> None:
    """Threshold, unit and what it cost are those of the policy."""
    policy = parse_policy(load_folder(SAMPLE_DAY).files["bundle/policy.json"])
    epsilons = {}
    for figure in figures:
        query = policy.by_row[figure["scope"], figure["metric"]]
        assert (figure["day"], figure["revision"]) == (DAY, 1)
        assert figure["suppressed"] is (figure["value"] is None)
        assert figure["threshold"] == query.threshold
        assert figure["rho"] * 1e9 == pytest.approx(query.rho_nano)
        epsilons[query.rho_nano] = figure["epsilon"]
        unit = {"watch_seconds": "seconds", "views": "views"}.get(figure["metric"], "viewers")
        assert figure["unit"] == unit
    assert epsilons == {rho_nano: published_epsilon(rho_nano) for rho_nano in epsilons}


def test_every_proof_leads_to_the_recorded_root(
    sample: Served, report: Report, figures: list[dict[str, Any]]
) -> None:
    """The inline proof, from the row's canonical bytes to the root in the record."""
    root = sample.json(f"/api/v1/days/{DAY}")["report_root"]
    for figure, leaf in zip(figures, report.leaves[1:], strict=True):
        proof = figure["proof"]
        siblings = [bytes.fromhex(each[2:]) for each in proof["siblings"]]
        assert proof["report_root"] == root
        assert verify_inclusion(
            leaf, proof["leaf_index"], proof["tree_size"], siblings, bytes.fromhex(root[2:])
        )


def test_the_linked_proof_has_the_leaf(sample: Served, figures: list[dict[str, Any]]) -> None:
    """Its text hashes to the root with what the figure says inline."""
    for figure in figures[:: len(figures) // 20]:
        proof = sample.json(figure["proof"]["href"])
        row = json.loads(proof["leaf"])
        assert row == {name: figure[name] for name in row}
        for name in ("leaf_index", "tree_size", "siblings", "report_root"):
            assert proof[name] == figure["proof"][name]
        day = sample.json(f"/api/v1/days/{DAY}")
        for name in ("report_cid", "bundle_cid", "block_number"):
            assert proof[name] == day[name]


def test_proofs_can_be_left_out(sample: Served) -> None:
    link = sample.json("/api/v1/figures", proofs="link", limit=1)["data"][0]["proof"]
    assert sorted(link) == ["href", "leaf_index", "report_root", "tree_size"]
    assert "proof" not in sample.json("/api/v1/figures", proofs="none", limit=1)["data"][0]


def test_bundle_files_are_those_of_the_bundle(sample: Served) -> None:
    """Byte for byte."""
    for name, data in load_folder(SAMPLE_DAY).files.items():
        folder, _, file = name.rpartition("/")
        if folder:
            response = sample.get(f"/api/v1/days/{DAY}/revisions/1/bundle/{file}")
            assert response.content == data


def test_videos_sum_as_core_sums(sample: Served, report: Report) -> None:
    """A list item, the totals of its page, and the day on it."""
    items = [each for page in sample.pages("/api/v1/videos", limit=7) for each in page]
    assert len(items) == 40
    values = [item["viewers"]["value"] if item["viewers"] else -1 for item in items]
    assert values == sorted(values, reverse=True)
    for item in items[:3]:
        video = item["video_id"]
        whole = derive_total([report], "video", video, "viewers")
        assert whole is not None
        assert item["viewers"] == vars(whole)
        detail = sample.json(f"/api/v1/videos/{video}")
        assert detail["totals"] == {name: item[name] for name in detail["totals"]}
        (day,) = detail["days"]
        completion = derive_completion(report, video)
        assert day["completion"] == (vars(completion) if completion else None)
        average = derive_average_watch_seconds(report, "video", video)
        assert day["average_watch_seconds"] == (vars(average) if average else None)
        assert day["figures"]["viewers"]["value"] == whole.value


def test_retention_is_the_curve_of_the_bins(sample: Served, report: Report) -> None:
    document = sample.json("/api/v1/videos/video-0000/retention")
    curve = derive_retention(report, "video-0000")
    assert curve is not None
    assert document["curve"] == {
        "reached": list(curve.reached),
        "errors_95": list(curve.errors_95),
        "suppressed_bins": curve.suppressed_bins,
    }
    names = [each["metric"] for each in document["bins"]]
    assert names == [f"furthest_bin_{position:02d}" for position in range(20)]


def test_creators_have_their_audience_and_videos(sample: Served, report: Report) -> None:
    creator = sample.json("/api/v1/creators")["data"][0]
    detail = sample.json(f"/api/v1/creators/{creator['creator_id']}")
    assert creator["videos"] == len(detail["videos"])
    assert {v["creator_id"] for v in detail["videos"]} == {creator["creator_id"]}
    audience = detail["days"][0]["audience"]
    assert sorted(audience) == ["af", "an", "as", "eu", "na", "oc", "sa", "zz"]
    for continent, figure in audience.items():
        row = report.by_name["creator", creator["creator_id"], f"viewers_{continent}"]
        assert figure["value"] == row.value


def test_providers_have_histograms_quantiles_and_shares(sample: Served, report: Report) -> None:
    detail = sample.json("/api/v1/storage-providers/ipfs")
    (day,) = detail["days"]
    median = derive_startup_quantile(report, "ipfs", 50)
    assert day["startup_ms"]["p50"] == (vars(median) if median else None)
    share = derive_startup_share(report, "ipfs", 1000)
    assert day["startup_below_ms"]["1000"] == (vars(share) if share else None)
    assert [f["metric"] for f in day["startup"]] == [f"startup_{n}" for n in range(8)]
    assert [f["metric"] for f in day["rebuffer"]] == [f"rebuffer_{n}" for n in range(8)]
    listed = {item["provider"]: item for item in sample.json("/api/v1/storage-providers")["data"]}
    assert listed["ipfs"]["latest"] == day


def test_weeks_and_months_count_each_viewer_once(world: Served) -> None:
    """1 March 2026 is a Sunday: its week has one released day, the next one two."""
    document = world.json("/api/v1/platform/figures")
    weeks = {week["week"]: week for week in document["weekly_viewers"]}
    assert sorted(weeks) == ["2026-W09", "2026-W10"]
    assert (weeks["2026-W09"]["viewers"]["days"], weeks["2026-W10"]["viewers"]["days"]) == (1, 2)
    firsts = [day["figures"]["first_of_week"]["value"] for day in document["days"]]
    assert weeks["2026-W10"]["viewers"]["value"] == firsts[1] + firsts[2]
    (month,) = document["monthly_viewers"]
    assert (month["month"], month["first_day"], month["last_day"]) == (
        *("2026-03", "2026-03-01", "2026-03-31"),
    )
    total = sum(day["figures"]["viewers"]["value"] for day in document["days"])
    assert document["totals"]["viewers"]["value"] == total
    one = world.json("/api/v1/platform/figures", **{"from": DAYS[2], "to": DAYS[2]})
    assert one["weekly_viewers"] == [weeks["2026-W10"]]  # a week is a week, whatever is asked for


def test_concurrency_is_the_peak_of_each_day(world: Served) -> None:
    found = world.json("/api/v1/concurrency")["data"]
    assert [(each["day"], each["revision"]) for each in found] == [
        (str(DAYS[0]), 1),
        (str(DAYS[1]), 2),
        (str(DAYS[2]), 2),
    ]
    assert {each["metric"] for each in found} == {"peak_viewers"}


def test_budget_is_recomputed_from_the_records(world: Served) -> None:
    """Two releases of the second day, one of each other; a withheld commit spends nothing."""
    budget = world.json("/api/v1/budget")
    assert budget["caps"] == {"per_release": 0.125, "per_day": 0.25, "per_30_days": 5.0}
    spent = {day["day"]: day for day in budget["days"] if day["releases"]}
    assert {day: (s["releases"], s["rho_spent"], s["rho_left"]) for day, s in spent.items()} == {
        str(DAYS[0]): (1, 0.125, 0.125),
        str(DAYS[1]): (2, 0.25, 0.0),
        str(DAYS[2]): (1, 0.125, 0.125),
    }
    assert len(budget["days"]) == 30
    thirty = budget["thirty_days"]
    assert (thirty["first_day"], thirty["last_day"]) == ("2026-02-02", str(DAYS[2]))
    assert (thirty["rho_spent"], thirty["rho_cap"]) == (0.5, 5.0)
    assert thirty["rho_left"] == pytest.approx(5 - 0.5 - 27 * 0.125)


def test_records_are_those_of_chain_json(sample: Served) -> None:
    evidence = json.loads(load_folder(SAMPLE_DAY).files["chain.json"])
    records = [each for page in sample.pages("/api/v1/records", limit=2) for each in page]
    assert records == evidence["records"]


def test_erasures_are_those_of_the_bundles(world: Served) -> None:
    (receipt,) = world.json("/api/v1/erasures")["data"]
    assert (receipt["day"], receipt["revision"]) == (str(DAYS[0]), 1)
    published = world.json(f"/api/v1/days/{DAYS[1]}")
    place = {name: published[name] for name in ("day", "revision", "bundle_cid")}
    assert receipt.pop("published_in") == place
    file = world.json(f"/api/v1/days/{DAYS[1]}/revisions/2/bundle/erasures.json")
    assert file["receipts"] == [receipt]


def flat(figures: list[dict[str, Any]]) -> pl.DataFrame:
    """JSON figures as the columns of exports."""
    rows = []
    for figure in figures:
        row = {name: value for name, value in figure.items() if name != "proof"}
        proof = dict(figure.get("proof", {}))
        if proof:
            row["proof_href"] = proof.pop("href")
        rows.append(row | proof)
    return pl.DataFrame(rows, infer_schema_length=None)


@pytest.mark.parametrize("proofs", ["inline", "link", "none"])
def test_csv_and_parquet_say_what_json_says(sample: Served, proofs: str) -> None:
    """All three from one request each, value for value."""
    query = {"scope": "video", "proofs": proofs, "limit": 1000}
    expected = flat(sample.json("/api/v1/figures", **query)["data"])
    parquet = sample.get("/api/v1/figures", **query, format="parquet")
    assert parquet.headers["content-type"] == "application/vnd.apache.parquet"
    read = pl.read_parquet(io.BytesIO(parquet.content))
    assert read.schema["day"] == pl.Date
    casts = dict(read.schema)
    assert_frame_equal(read, expected.with_columns(pl.col("day").str.to_date()).cast(casts))
    csv = sample.get("/api/v1/figures", **query, format="csv")
    assert csv.headers["content-type"] == "text/csv; charset=utf-8"
    text = pl.read_csv(io.BytesIO(csv.content), try_parse_dates=True, infer_schema_length=None)
    if proofs == "inline":
        text = text.with_columns(pl.col("siblings").str.split(" "))
    assert_frame_equal(text.cast(casts), read)


def test_exports_follow_the_accept_header(sample: Served) -> None:
    for accept, media_type in (
        ("text/csv", "text/csv; charset=utf-8"),
        ("application/vnd.apache.parquet;q=0.9", "application/vnd.apache.parquet"),
        ("application/json, text/csv", "application/json"),
        ("text/html", "application/json"),
    ):
        response = sample.request("GET", "/api/v1/concurrency", {"accept": accept})
        assert response.headers["content-type"] == media_type
    asked = sample.request("GET", "/api/v1/concurrency", {"accept": "text/csv"}, format="json")
    assert asked.headers["content-type"] == "application/json"


def test_an_export_is_whole_or_says_where_the_rest_is(sample: Served) -> None:
    """Without a limit, everything at once; with one, the next page is linked."""
    whole = sample.get("/api/v1/figures", format="csv")
    assert len(whole.text.splitlines()) == 1 + 1301
    assert "link" not in whole.headers
    part = sample.get("/api/v1/figures", format="csv", limit=1000)
    target = part.headers["link"].removeprefix("<").partition(">")[0]
    assert part.headers["link"].endswith('>; rel="next"')
    rest = sample.get(target)
    assert part.text.splitlines()[1:] + rest.text.splitlines()[1:] == whole.text.splitlines()[1:]


def test_examples_are_real_answers(sample: Served, world: Served) -> None:
    """Run `python -m tests.serve.examples` when an answer changes on purpose."""
    from tests.serve.examples import FILE, build_examples

    assert json.loads(FILE.read_text()) == build_examples(sample, world)
    described = sample.json("/openapi.json")["paths"]
    for path, operations in described.items():
        content = operations["get"]["responses"]["200"]["content"]
        assert "example" in content["application/json"], path
