"""The grant: what is in it, who may read it, and when there is none."""

import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.core.audit_grant import build_grant, parse_grant
from analytics_pipeline.core.errors import EventsExpired, InvalidInput, ReleaseError
from analytics_pipeline.core.segment import SegmentHeader, open_segment
from analytics_pipeline.defs.audit_grant import make_grant, write_grant
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.settings import load_settings
from analytics_pipeline.storage.catalogue import (
    Video,
    expire_day,
    list_segments,
    put_videos,
    remove_videos,
)
from analytics_pipeline.storage.segments import SCHEMA_ID
from tests.audit.operator import Operator
from tests.support.world import edit_json


def test_round_trip(operator: Operator) -> None:
    """What the operator writes is what the auditor reads."""
    assert parse_grant(build_grant(operator.grant)) == operator.grant


def test_keys_open_exactly_the_segments_of_the_release(operator: Operator) -> None:
    """And each is its own segment's."""
    with operator.stores() as stores:
        sealed = {s.segment_id: s for s in list_segments(stores.catalogue, "demo", operator.day)}
        assert [s.segment_id for s in operator.grant.segments] == sorted(sealed)
        for granted in operator.grant.segments:
            segment = sealed[granted.segment_id]
            header = SegmentHeader(
                *("demo", operator.day, segment.segment_id, SCHEMA_ID),
                *(segment.wrapping_key_id, granted.batch_digest),
            )
            commitment = segment.key_commitment
            envelope = stores.content.get(segment.cid)
            key = granted.data_key
            assert open_segment(envelope, header, data_key=key, key_commitment=commitment)


def test_secrets_do_not_show(operator: Operator) -> None:
    """A grant in a log line or a traceback gives nothing away."""
    grant = operator.grant
    shown = repr(grant)
    for secret in (grant.selection_key, grant.segments[0].data_key, grant.segments[0].counts_salt):
        assert repr(secret) not in shown
        assert secret.hex() not in shown
    assert str(grant.seed.value) not in shown
    assert "accepted" not in shown


def test_file_is_for_its_owner_alone(operator: Operator, tmp_path: Path) -> None:
    """Whatever the umask; and it replaces nothing."""
    path = tmp_path / "grant.json"
    before = os.umask(0)
    try:
        write_grant(operator.grant, path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(InvalidInput, match="exists"):
        write_grant(replace(operator.grant, revision=2), path)
    assert parse_grant(path.read_bytes()) == operator.grant


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("grant.format", {"format": "viewership-audit-grant/0"}),
        ("grant.more", {"more": 1}),
        ("day", {"day": "2026-3-1"}),
        ("grant.revision", {"revision": 0}),
        ("grant.selection_key", {"selection_key": "0x00"}),
        ("grant.seed.salt", {"seed": {"value": "0x" + "00" * 32, "salt": 7}}),
        ("seed", {"seed": {"value": "0x" + "ff" * 32, "salt": "0x" + "00" * 32}}),
        ("grant.segments", {"segments": {}}),
        ("segments[0].data_key", {"segments": [{"data_key": "secret"}]}),
        ("segments[0].counts.accepted", {"segments": [{"counts": {"accepted": -1}}]}),
        ("videos[0].duration_ms", {"videos": [{"duration_ms": 0}]}),
    ],
)
def test_other_documents_are_refused(
    operator: Operator, field: str, change: dict[str, Any]
) -> None:
    """By the field that is wrong, and never by its value."""

    def apply(document: Any) -> None:
        for name, value in change.items():
            if isinstance(value, list):
                document[name][0].update(value[0])
            else:
                document[name] = value

    with pytest.raises(InvalidInput) as caught:
        parse_grant(edit_json(build_grant(operator.grant), apply))
    assert caught.value.field == field
    assert "secret" not in str(caught.value)


def test_videos_are_those_of_the_listing(operator: Operator) -> None:
    """A video listed later is none of the release's; one that is gone leaves no grant."""
    with operator.stores() as stores:
        put_videos(stores.catalogue, "demo", [Video("later", "creator-0", "Later", 1000)])
        assert make_grant(stores, operator.day) == operator.grant
        remove_videos(stores.catalogue, "demo", ["later", "video-1"])
        try:
            with pytest.raises(ReleaseError, match="video-1"):
                make_grant(stores, operator.day)
        finally:
            put_videos(
                stores.catalogue, "demo", [Video("video-1", "creator-1", "Video 1", 120_000)]
            )


def test_no_grant_for_a_day_without_release(operator: Operator) -> None:
    """There is nothing to compare with."""
    with operator.stores() as stores, pytest.raises(ReleaseError, match="not released"):
        make_grant(stores, operator.day.replace(year=2020))


def test_no_grant_after_expiry(operator: Operator, tmp_path: Path) -> None:
    """The keys are gone, for auditors too."""
    shutil.copytree(operator.deployment.settings.home, tmp_path / "home")
    stores = Stores(load_settings({"ANALYTICS_HOME": str(tmp_path / "home")}))
    assert make_grant(stores, operator.day) == operator.grant
    expire_day(stores.catalogue, "demo", operator.day, "retention time is over")
    with pytest.raises(EventsExpired, match="retention time is over"):
        make_grant(stores, operator.day)
    stores.close()
