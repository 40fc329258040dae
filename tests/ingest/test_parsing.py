"""The pure parts of ingestion: plain events, addresses, pseudonyms, rate, country."""

import json
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from analytics_pipeline.core.errors import InvalidInput, InvalidSettings
from analytics_pipeline.core.event import (
    MAX_AT_MS,
    MIN_AT_MS,
    PLAYER_EVENT_TYPES,
    PROVIDERS,
    parse_event,
)
from analytics_pipeline.core.regions import REGIONS
from analytics_pipeline.ingest.client import build_pseudonym
from analytics_pipeline.ingest.plain import parse_plain_event, plain_batch_id
from analytics_pipeline.storage.country import CountryDatabase
from analytics_pipeline.web.addresses import TrustedProxies, parse_address
from analytics_pipeline.web.limits import TokenBuckets

SECRET = bytes(32)
AT_MS = st.integers(MIN_AT_MS, MAX_AT_MS - 1)
SECONDS = st.floats(0, 604_800) | st.integers(0, 604_800)


@st.composite
def plain_events(draw: st.DrawFn) -> dict[str, object]:
    """Valid request bodies."""
    event_type = draw(st.sampled_from(PLAYER_EVENT_TYPES))
    payload = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "currentTime": SECONDS,
                "duration": SECONDS,
                "deliveredBytes": st.integers(0, 2**40),
                "provider": st.sampled_from(PROVIDERS),
            },
        )
    )
    if event_type == "play":
        payload["startupTime"] = draw(st.floats(0, 3600))
    if event_type == "error":
        payload["errorCode"] = "MEDIA_ERR_DECODE"
    return {
        "sessionId": draw(st.from_regex(r"[A-Za-z0-9_-]{8,64}", fullmatch=True)),
        "videoId": draw(st.from_regex(r"[A-Za-z0-9._:-]{1,128}", fullmatch=True)),
        "eventType": event_type,
        "timestamp": draw(AT_MS),
        "payload": payload,
    }


def encode(event: dict[str, object]) -> bytes:
    return json.dumps(event).encode()


@given(plain_events())
def test_valid_plain_event_is_a_valid_event(plain: dict[str, object]) -> None:
    """Whatever the API accepts the sealer accepts too, with the same facts."""
    event = parse_plain_event(encode(plain))
    assert parse_event(msgspec.to_builtins(event)) == event
    payload = plain["payload"]
    assert isinstance(payload, dict)
    assert (event.type, event.at_ms) == (plain["eventType"], plain["timestamp"])
    if "currentTime" in payload:
        assert event.position_ms is not None
        assert abs(event.position_ms - payload["currentTime"] * 1000) <= 0.5


@given(plain_events(), st.text(min_size=1, max_size=12), st.sampled_from(["", "payload"]))
def test_unknown_field_is_always_refused(plain: dict[str, object], name: str, inside: str) -> None:
    """No field slips through: neither a typing error nor an identifier the client should keep."""
    target = plain[inside] if inside else plain
    assert isinstance(target, dict)
    if name in {"currentTime", "duration", "startupTime", "deliveredBytes", "provider"}:
        return
    if name in {"errorCode", *plain}:
        return
    target[name] = 1
    with pytest.raises(InvalidInput) as caught:
        parse_plain_event(encode(plain))
    assert inside in caught.value.field


@given(st.binary(max_size=300) | st.text(max_size=80).map(str.encode))
def test_arbitrary_bytes_raise_nothing_but_invalid_input(body: bytes) -> None:
    """The parser faces the internet: every other exception would be a bug."""
    with pytest.raises(InvalidInput):
        parse_plain_event(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=8,
)


@given(plain_events(), st.data())
def test_value_of_another_type_is_refused_by_name(
    plain: dict[str, object], data: st.DataObject
) -> None:
    """A field replaced by any other JSON value is accepted only if it is still valid."""
    field = data.draw(st.sampled_from(sorted(plain)))
    plain[field] = data.draw(JSON)
    blamed = ""
    try:
        event = parse_plain_event(encode(plain))
    except InvalidInput as error:
        blamed = error.field.split(".")[0].split("[")[0]
    if blamed:
        assert blamed in {field, "payload", "body"}
    else:
        assert parse_event(msgspec.to_builtins(event)) == event


@given(AT_MS, st.integers(-14 * 60, 14 * 60))
@example(at_ms=2191939642785, offset_minutes=0)  # a float loses its last millisecond
def test_written_times_equal_numbers(at_ms: int, offset_minutes: int) -> None:
    """An RFC 3339 string with any offset is the same instant as its Unix milliseconds."""
    zone = timezone(timedelta(minutes=offset_minutes))
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    written = moment.astimezone(zone).isoformat(timespec="milliseconds")
    plain = {"sessionId": "s" * 8, "videoId": "v", "eventType": "play", "timestamp": written}
    assert parse_plain_event(encode(plain)).at_ms == at_ms


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_times_at_the_ends_of_the_calendar_are_refused(written: str) -> None:
    """Dates whose UTC form does not exist are out of range like any other, not a crash."""
    plain = {"sessionId": "s" * 8, "videoId": "v", "eventType": "play", "timestamp": written}
    with pytest.raises(InvalidInput) as caught:
        parse_plain_event(encode(plain))
    assert caught.value.field == "timestamp"


@given(plain_events(), plain_events())
def test_batch_id_is_the_identity_of_a_plain_event(
    first: dict[str, object], second: dict[str, object]
) -> None:
    """Equal identity, equal batch id; anything else differs, and so do other secrets."""

    def identity(event: dict[str, object]) -> tuple[object, ...]:
        timed = event["eventType"] != "complete"
        key = (event["sessionId"], event["videoId"], event["eventType"])
        return (*key, event["timestamp"] if timed else None)

    def batch_id(event: dict[str, object], secret: bytes = SECRET) -> str:
        return plain_batch_id(secret, "demo", parse_plain_event(encode(event)))

    assert (batch_id(first) == batch_id(second)) == (identity(first) == identity(second))
    assert batch_id(first) == batch_id({**first, "payload": {}})
    assert batch_id(first) != batch_id(first, b"\x01" * 32)
    assert len(batch_id(first)) == 32


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1:8080 ", "192.0.2.1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_addresses_are_read_in_every_usual_form(text: str, address: str) -> None:
    """Ports, brackets, zones and mapped IPv4 do not make another viewer."""
    assert parse_address(text) == ip_address(address)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("198.51.100.1", b"203.0.113.9", "198.51.100.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", b"203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", b"1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", b"1.1.1.1,203.0.113.9:1234", "203.0.113.9"),
        ("10.0.0.1", b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", b"203.0.113.9, unknown", "10.0.0.1"),
        ("10.0.0.1", b"\xff\xfe", "10.0.0.1"),
        ("10.0.0.1", b"", "10.0.0.1"),
        ("fd00::1", b"2001:db8::7", "2001:db8::7"),
    ],
)
def test_client_is_the_rightmost_untrusted_hop(
    peer: str, forwarded: bytes | None, client: str
) -> None:
    """Only what trusted proxies wrote counts; the client cannot choose its own address."""
    proxies = TrustedProxies(["10.0.0.0/8", "fd00::1"])
    assert proxies.client_address(peer, forwarded) == ip_address(client)


def test_malformed_proxy_setting_is_named() -> None:
    """A typing error must not quietly trust nobody."""
    with pytest.raises(InvalidSettings, match="ANALYTICS_TRUSTED_PROXIES"):
        TrustedProxies(["localhost"])


def test_pseudonym_vector() -> None:
    """The construction is fixed: HMAC-SHA256 over length-prefixed fields, 128 bits in hex."""
    address = ip_address("192.0.2.1")
    pseudonym = build_pseudonym(bytes(range(32)), "demo", address, b"UA")
    assert pseudonym == "ac7457bedf917b5887550e78c35cd05e"


@given(st.binary(max_size=20), st.binary(max_size=20), st.text(max_size=5), st.text(max_size=5))
def test_fields_of_a_pseudonym_do_not_run_together(
    agent: bytes, other_agent: bytes, project: str, other_project: str
) -> None:
    """Moving a byte from one field to the next gives another pseudonym."""
    address = ip_address("192.0.2.1")
    same = build_pseudonym(SECRET, project, address, agent) == build_pseudonym(
        SECRET, other_project, address, other_agent
    )
    assert same == ((agent, project) == (other_agent, other_project))


def test_ipv6_counts_by_its_64_bit_prefix() -> None:
    """Temporary addresses of one home are one viewer; the neighbour's prefix is another."""
    one, same, other = (
        build_pseudonym(SECRET, "demo", ip_address(text), b"UA")
        for text in ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1")
    )
    assert one == same != other


def test_bucket_allows_the_rate_and_says_when() -> None:
    """A burst of one second's worth passes, then the rate; keys do not share."""
    buckets = TokenBuckets(10)
    assert [buckets.take("a", 0.0) for _ in range(11)] == [0] * 10 + [1]
    assert buckets.take("b", 0.0) == 0
    assert [buckets.take("a", 0.25) for _ in range(3)] == [0, 0, 1]
    assert [buckets.take("a", 100.0) for _ in range(11)] == [0] * 10 + [1]
    assert buckets.take("a", 99.0) == 1


def test_a_full_bucket_is_forgotten() -> None:
    """With it the hash of an address: by the first request two seconds later, however few come."""
    buckets = TokenBuckets(10)
    buckets.take("a", 0.0)
    buckets.take("b", 0.5)
    buckets.take("c", 1.1)
    assert buckets._buckets.keys() == {"b", "c"}
    buckets.take("d", 2.5)
    assert buckets._buckets.keys() == {"d"}


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("134.96.7.73", "DE"),
        ("::ffff:134.96.7.73", "DE"),
        ("2a02:2e0:3fe:1001::1", "DE"),
        ("133.11.0.1", "JP"),
        ("200.160.2.3", "BR"),
        ("127.0.0.1", "ZZ"),
        ("fd00::1", "ZZ"),
    ],
)
def test_shipped_database_knows_countries(address: str, country: str) -> None:
    """University networks that have not moved for decades are where they are."""
    assert CountryDatabase().country_of(ip_address(address)) == country


@given(st.ip_addresses())
def test_country_is_always_a_region(address: object) -> None:
    """Only codes that have a row in the report come out."""
    assert DATABASE.country_of(address) in REGIONS  # type: ignore[arg-type]


DATABASE = CountryDatabase()


def test_other_record_layouts_are_understood(tmp_path: Path) -> None:
    """GeoLite2's layout works too; codes outside the list of regions become ZZ."""
    writer = MMDBWriter(ip_version=4)
    writer.insert_network(IPSet(["192.0.2.0/25"]), {"country": {"iso_code": "FR"}})
    writer.insert_network(IPSet(["192.0.2.128/25"]), {"country_code": "XK"})
    writer.to_db_file(str(tmp_path / "test.mmdb"))
    database = CountryDatabase(tmp_path / "test.mmdb")
    assert database.country_of(ip_address("192.0.2.1")) == "FR"
    assert database.country_of(ip_address("192.0.2.200")) == "ZZ"
    assert database.country_of(ip_address("2001:db8::1")) == "ZZ"
    database.close()


def test_missing_or_foreign_database_is_named(tmp_path: Path) -> None:
    """A wrong path is found at start, with the setting's name."""
    (tmp_path / "text.mmdb").write_text("hello")
    for name in ("absent.mmdb", "text.mmdb"):
        with pytest.raises(InvalidSettings, match="ANALYTICS_COUNTRY_DB"):
            CountryDatabase(tmp_path / name)
