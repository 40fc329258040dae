"""The examples of spec/ingest.md are what they say they are."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from analytics_pipeline.core.batch import (
    HPKE_SUITE,
    MAX_EVENTS,
    MAX_FRAME_BYTES,
    MAX_HEADER_BYTES,
    build_frame,
    hpke_info,
    parse_frame,
    parse_payload,
)
from analytics_pipeline.core.event import parse_event
from analytics_pipeline.ingest.plain import MAX_PLAIN_BYTES, parse_plain_event
from analytics_pipeline.web.problem import KINDS
from tests.ingest.support import Api

PAGE = (Path(__file__).parents[2] / "spec" / "ingest.md").read_text()


def blocks(language: str) -> list[str]:
    """The page's code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)\n```", PAGE, re.DOTALL)


def test_frame_example_opens_as_described() -> None:
    """Header, info and payload of the page are those of its frame, under its key."""
    body = bytes.fromhex(blocks("hex")[0])
    header_text, payload_text, _ = blocks("json")
    frame = parse_frame(body)
    header = frame.header
    assert body[2 : 2 + int(body[:2].hex(), 16)].decode() == header_text
    info = hpke_info(header.project, header.key_id, header.batch_id)
    assert info.decode() == blocks("text")[0]
    private = re.search(r"private key `([0-9a-f]{64})`", PAGE)
    public = re.search(r"public `([0-9a-f]{64})`", PAGE)
    assert private is not None
    assert public is not None
    key = X25519PrivateKey.from_private_bytes(bytes.fromhex(private[1]))
    assert key.public_key().public_bytes_raw().hex() == public[1]
    payload = HPKE_SUITE.decrypt(frame.sealed, key, info)
    assert payload.decode() == payload_text
    assert parse_event(parse_payload(payload)[0]).video_id == "big-buck-bunny"


def test_plain_example_parses() -> None:
    """The plain example is the event it looks like."""
    event = parse_plain_event(blocks("json")[2].encode())
    assert (event.at_ms, event.position_ms) == (1767225600000, 12_500)


def test_examples_are_answered_as_described(api: Api) -> None:
    """A running API answers both examples (the frame under its own key) with 202."""
    answer = blocks("http")[0].partition("\n\n")[2]
    frame = parse_frame(bytes.fromhex(blocks("hex")[0]))
    header = json.loads(blocks("json")[0]) | {"key_id": api.key_id, "api_key": api.api_key}
    body = build_frame(type(frame.header)(**header), frame.sealed)
    assert api.post_frame(body).text == answer
    headers = {"x-api-key": api.api_key, "content-type": "application/json"}
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    example = blocks("json")[2].replace("2026-01-01T01:00:00+01:00", now)
    plain = api.client.post("/api/ingest", content=example, headers=headers)
    assert plain.status_code == 202


def test_page_states_the_limits_and_statuses_of_the_code() -> None:
    """Numbers in prose follow the constants."""
    for number in (MAX_FRAME_BYTES, MAX_PLAIN_BYTES):
        assert f"{number:,}".replace(",", " ") in PAGE
    assert f"1–{MAX_EVENTS} events" in PAGE
    assert f"2..{MAX_HEADER_BYTES}" in PAGE
    table = {int(status) for status in re.findall(r"^ +\| (\d{3}) \|", PAGE, re.MULTILINE)}
    assert table == {kind.status for kind in KINDS.values()} - {404, 405}
