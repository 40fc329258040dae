"""Records, their hash chain and chain.json, without a chain."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_pipeline.core import canonical
from analytics_pipeline.core.chain_values import cid_raw, cid_text, genesis_head
from analytics_pipeline.core.errors import InvalidRecord
from analytics_pipeline.core.record import (
    DEVELOPMENT_CHAIN_ID,
    ChainEvidence,
    Commit,
    CommitRecord,
    Record,
    Release,
    ReleaseRecord,
    build_evidence,
    pair_releases,
    parse_evidence,
)
from tests.chain.support import PLATFORM, a_commit, a_release, digest

REGISTRY = "0xF2E246BB76DF876Cef8b38ae84130F4F55De395b"
PUBLISHER = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
GENESIS = genesis_head(DEVELOPMENT_CHAIN_ID, REGISTRY, PLATFORM)


def chained(*bodies: tuple[Commit | Release, int]) -> tuple[Record, ...]:
    """Records with these bodies in blocks of these numbers."""
    head, records = GENESIS, []
    for body, block in bodies:
        kind = CommitRecord if isinstance(body, Commit) else ReleaseRecord
        placed = {
            "previous_head": head,
            "block_number": block,
            "block_time": 1_767_225_600 + block,
            "publisher": PUBLISHER,
        }
        if kind is ReleaseRecord:
            placed |= {"beacon_block": 2, "beacon": digest("beacon")}
        record = kind(**vars(body), **placed)
        head = record.head
        records.append(record)
    return tuple(records)


def evidence(*bodies: tuple[Commit | Release, int]) -> ChainEvidence:
    return ChainEvidence(DEVELOPMENT_CHAIN_ID, REGISTRY, PLATFORM, chained(*bodies))


ONE_DAY = evidence((a_commit(), 3), (a_release(), 4))

bodies = st.lists(
    st.tuples(
        st.one_of(
            st.builds(
                Commit,
                st.dates(date(1970, 1, 1)),
                st.integers(1, 2**32 - 1),
                *[st.binary(min_size=32, max_size=32)] * 5,
            ),
            st.builds(
                Release,
                st.dates(date(1970, 1, 1)),
                st.integers(1, 2**32 - 1),
                st.binary(min_size=32, max_size=32),
                st.binary(min_size=3, max_size=63).map(lambda raw: cid_text(b"\x01" + raw)),
                st.binary(min_size=3, max_size=63).map(lambda raw: cid_text(b"\x01" + raw)),
                st.integers(0, 2**53 - 1),
                st.binary(min_size=32, max_size=32),
            ),
        ),
        st.integers(0, 2**40),
    ),
    max_size=6,
)


@given(bodies)
def test_chain_json_round_trips(items: list[tuple[Commit | Release, int]]) -> None:
    """Whatever the records say, parsing what was built gives the same evidence."""
    before = evidence(*items)
    assert parse_evidence(build_evidence(before)) == before


def test_every_flipped_bit_is_noticed() -> None:
    """No bit of chain.json can change without a named error."""
    data = build_evidence(ONE_DAY)
    for position in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[position] ^= 1 << bit
            with pytest.raises(InvalidRecord):
                parse_evidence(bytes(changed))


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_rejected_by_name(data: bytes) -> None:
    """The parser answers garbage with InvalidRecord and nothing else."""
    with pytest.raises(InvalidRecord):
        parse_evidence(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("revision", 0),
        ("revision", 2**32),
        ("revision", True),
        ("revision", "1"),
        ("day", "2026-1-1"),
        ("day", "1969-12-31"),
        ("day", 20_000),
        ("manifest_root", "0x" + "AB" * 32),
        ("manifest_root", "0x00"),
        ("policy_hash", None),
        ("tally_root", "0x"),
        ("catalogue_root", 7),
        ("seed_commitment", "0x" + "0" * 63),
        ("block_number", -1),
        ("block_time", 1.5),
        ("publisher", PUBLISHER.lower()),
        ("publisher", "0x12"),
        ("kind", "note"),
    ],
)
def test_malformed_fields_are_named(field: str, value: object) -> None:
    """A bad field of a record is rejected under its own name."""
    raw = canonical.parse(build_evidence(ONE_DAY))
    raw["records"][0][field] = value
    with pytest.raises(InvalidRecord) as caught:
        parse_evidence(canonical.encode(raw))
    assert caught.value.field == f"records[0].{field}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("beacon_block", -1),
        ("beacon_block", None),
        ("beacon", "0x" + "00" * 31),
        ("figure_sum", 5),
        ("spend_nano_rho", -1),
    ],
)
def test_malformed_fields_of_a_release_are_named(field: str, value: object) -> None:
    """The same for the fields that only a release has."""
    raw = canonical.parse(build_evidence(ONE_DAY))
    raw["records"][1][field] = value
    with pytest.raises(InvalidRecord) as caught:
        parse_evidence(canonical.encode(raw))
    assert caught.value.field == f"records[1].{field}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chain_id", 0),
        ("chain_id", "1"),
        ("registry", "nowhere"),
        ("registry", None),
        ("platform", "two words"),
        ("format", "viewership-chain/1"),
        ("head", "0x" + "00" * 32),
        ("records", {}),
    ],
)
def test_malformed_evidence_is_named(field: str, value: object) -> None:
    """A bad member of the document is rejected under its own name."""
    raw = canonical.parse(build_evidence(ONE_DAY))
    raw[field] = value
    with pytest.raises(InvalidRecord) as caught:
        parse_evidence(canonical.encode(raw))
    assert caught.value.field == field


@pytest.mark.parametrize("change", [{"extra": 1}, {"revision": None}])
def test_unknown_and_missing_members_are_rejected(change: dict[str, object]) -> None:
    """A record has exactly its fields."""
    raw = canonical.parse(build_evidence(ONE_DAY))
    for name, value in change.items():
        if value is None:
            del raw["records"][0][name]
        else:
            raw["records"][0][name] = value
    with pytest.raises(InvalidRecord, match="missing or unknown"):
        parse_evidence(canonical.encode(raw))


def test_a_missing_record_breaks_the_chain() -> None:
    """Leaving a record out, or changing their order, does not hash to the head."""
    three = evidence((a_commit(0), 1), (a_commit(1), 1), (a_release(0), 2))
    raw = canonical.parse(build_evidence(three))
    for records in (raw["records"][1:], raw["records"][:-1], raw["records"][::-1], []):
        with pytest.raises(InvalidRecord, match="do not hash"):
            parse_evidence(canonical.encode(raw | {"records": records}))


def test_evidence_binds_chain_registry_and_platform() -> None:
    """Records of one registry are not evidence for another."""
    raw = canonical.parse(build_evidence(ONE_DAY))
    for change in ({"chain_id": 1}, {"registry": PUBLISHER}, {"platform": "other"}):
        with pytest.raises(InvalidRecord, match="do not hash"):
            parse_evidence(canonical.encode(raw | change))


def test_records_must_follow_each_other() -> None:
    """Evidence cannot be built from records with another record before them."""
    first, second = ONE_DAY.records
    with pytest.raises(InvalidRecord, match="does not follow"):
        replace(ONE_DAY, records=(second, first))


def test_cids_have_one_text() -> None:
    """A second spelling of the same CID is rejected."""
    text = a_release().report_cid
    assert cid_text(cid_raw(text)) == text
    for other in (text.upper(), text + "a", text[:-1], "z" + text[1:], "", text + "="):
        with pytest.raises(InvalidRecord):
            cid_raw(other)


def test_pairs_follow_the_contract() -> None:
    """Commits pair with releases in order; one that was skipped is withheld."""
    records = chained(
        (a_commit(0), 1),
        (a_commit(1), 1),
        (a_commit(2), 2),
        (a_release(0), 3),
        (a_release(2), 3),
        (a_commit(1, revision=2), 4),
    )
    assert pair_releases(records) == [
        (records[0], records[3]),
        (records[1], None),
        (records[2], records[4]),
        (records[5], None),
    ]


@pytest.mark.parametrize(
    "items",
    [
        [(a_release(0), 3)],
        [(a_commit(0), 1), (a_release(1), 3)],
        [(a_commit(0), 1), (a_release(0, revision=2), 3)],
        [(a_commit(0), 3), (a_release(0), 3)],
        [(a_commit(0), 1), (a_commit(1), 1), (a_release(1), 2), (a_release(0), 2)],
        [(a_commit(0), 1), (a_release(0), 2), (a_release(0), 3)],
        [
            (a_commit(0), 1),
            (a_commit(1), 1),
            (a_release(1), 2),
            (a_commit(2), 3),
            (a_release(0), 4),
        ],
    ],
    ids=["alone", "other day", "other revision", "same block", "order", "twice", "overtaken"],
)
def test_releases_without_their_commit_are_rejected(
    items: list[tuple[Commit | Release, int]],
) -> None:
    """What the contract would not have accepted does not pair."""
    with pytest.raises(InvalidRecord):
        pair_releases(chained(*items))
