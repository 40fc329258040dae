"""Reports: what is written is read back, single rows prove themselves, nothing else is accepted."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core import canonical, merkle
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.report import (
    ReportHeader,
    ReportRow,
    build_report,
    parse_header,
    parse_report,
    parse_row,
    row_proof,
)
from tests.support.world import SMALL_POLICY, edit_json, noised_rows, small_tally

HEADER = ReportHeader("demo", date(2026, 3, 1), 1, bytes(32), bytes(32), 125_000_000, 3)


def small_report() -> tuple[bytes, list[ReportRow]]:
    rows = noised_rows(small_tally(SMALL_POLICY), SMALL_POLICY, seed=1)
    return build_report(replace(HEADER, row_count=len(rows)), rows), rows


def test_round_trip() -> None:
    """A parsed report has the header and rows it was built from."""
    data, rows = small_report()
    report = parse_report(data)
    assert report.header == replace(HEADER, row_count=len(rows))
    assert list(report.rows) == rows
    assert build_report(report.header, report.rows) == data


def test_the_root_covers_header_and_rows_in_order() -> None:
    """Leaf 0 is the header; the leaves joined by commas are the report itself."""
    data, _ = small_report()
    report = parse_report(data)
    header, *rows = report.leaves
    assert data == b'{"header":' + header + b',"rows":[' + b",".join(rows) + b"]}"
    assert report.root == merkle.root(report.leaves)


def test_every_row_proves_itself() -> None:
    """Each row's proof holds, and not for another row, index or root."""
    data, rows = small_report()
    report = parse_report(data)
    for row in rows:
        proof = row_proof(report, *row.name)
        assert proof.holds()
        assert parse_row(proof.leaf) == row
        assert proof.root == report.root
        assert not replace(proof, leaf=report.leaves[0]).holds()
        assert not replace(proof, index=proof.index - 1).holds()
        assert not replace(proof, root=bytes(32)).holds()


def test_a_missing_row_has_no_proof() -> None:
    """Asking for a row that is not there is an error."""
    with pytest.raises(InvalidInput, match="no row"):
        row_proof(parse_report(small_report()[0]), "video", "nothing", "viewers")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("value", 0),
        ("value", -1),
        ("value", 1.5),
        ("value", True),
        ("value", "1"),
        ("sigma", 0),
        ("sigma", None),
        ("error_95", -0.5),
        ("error_95", True),
        ("scope", 1),
        ("key", None),
        ("metric", []),
    ],
)
def test_malformed_rows_name_their_field(field: str, value: object) -> None:
    """A row with a field of another type or range is refused."""
    with pytest.raises(InvalidInput) as caught:
        parse_report(edit_json(small_report()[0], lambda r: r["rows"][2].update({field: value})))
    assert caught.value.field == f"rows[2].{field}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "viewership-report/2"),
        ("revision", 0),
        ("revision", True),
        ("spend_nano_rho", -1),
        ("row_count", "3"),
        ("platform", 7),
        ("day", 20_000),
        ("manifest_root", "00"),
        ("policy_hash", None),
    ],
)
def test_malformed_headers_name_their_field(field: str, value: object) -> None:
    """A header with a field of another type or range is refused."""
    leaf = canonical.encode({**HEADER.to_json(), field: value})
    with pytest.raises(InvalidInput) as caught:
        parse_header(leaf)
    assert caught.value.field == f"header.{field}"


@given(st.binary(max_size=50) | st.dictionaries(st.text(max_size=6), st.lists(st.none())))
def test_only_invalid_input_leaves_the_parser(thing: bytes | dict[str, list[None]]) -> None:
    """Arbitrary bytes and objects are refused as such."""
    data = thing if isinstance(thing, bytes) else canonical.encode(thing)
    with pytest.raises(InvalidInput):
        parse_report(data)
