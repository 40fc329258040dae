"""Making the grant for an auditor, from the operator's own stores.

Belongs here: which secrets go in, and that no grant is made for events that are gone. Does not
belong here: the format (`core.audit_grant`).
"""

import os
from datetime import date
from pathlib import Path

from analytics_pipeline.core.audit_grant import Grant, GrantedSegment, GrantedVideo, build_grant
from analytics_pipeline.core.errors import InvalidInput, ReleaseError
from analytics_pipeline.core.listing import Listing, parse_listing
from analytics_pipeline.core.manifest import parse_manifest
from analytics_pipeline.defs.steps.state import present
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    Release,
    find_segment,
    list_releases,
    list_videos,
    load_seed,
    require_events,
    wrapped_data_key,
)


def make_grant(stores: Stores, day: date) -> Grant:
    """The grant of the day's newest release.

    Raises:
        EventsExpired: the day's data keys were destroyed.
        ReleaseError: the day was not released, or a listed video is no longer in the catalogue.
        KeyUnavailable: a key or the seed is not there.
    """
    require_events(stores.catalogue, stores.platform, day)
    release = _newest_release(stores, day)
    manifest = parse_manifest(present(release.manifest_json))
    return Grant(
        platform=stores.platform,
        day=day,
        revision=release.revision,
        seed=load_seed(stores.catalogue, stores.keyring, stores.platform, day),
        selection_key=stores.keyring.storage_key("video-selection"),
        segments=tuple(_grant_segment(stores, s.segment_id) for s in manifest.segments),
        videos=_grant_videos(stores, parse_listing(present(release.catalogue_json))),
    )


def write_grant(grant: Grant, path: Path) -> None:
    """Write the grant for its owner alone (0600). Raises InvalidInput if there is such a file."""
    data = build_grant(grant)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InvalidInput("--out", f"{path} exists; a grant replaces no file") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _newest_release(stores: Stores, day: date) -> Release:
    releases = [r for r in list_releases(stores.catalogue, stores.platform, day) if r.released]
    if not releases:
        raise ReleaseError(f"{stores.platform} {day} is not released: there is nothing to audit")
    return releases[-1]


def _grant_segment(stores: Stores, segment_id: str) -> GrantedSegment:
    segment = find_segment(stores.catalogue, segment_id)
    wrapped = wrapped_data_key(stores.catalogue, segment_id)
    return GrantedSegment(
        segment_id=segment.segment_id,
        cid=segment.cid,
        batch_digest=segment.batch_digest,
        data_key=stores.keyring.unwrap(segment.platform, segment.day, *wrapped),
        counts=segment.counts,
        counts_salt=segment.counts_salt,
    )


def _grant_videos(stores: Stores, listing: Listing) -> tuple[GrantedVideo, ...]:
    """The videos that were listed then, with what the catalogue says of them now."""
    known = {video.video_id: video for video in list_videos(stores.catalogue, stores.platform)}
    granted = []
    for listed in listing.videos:
        video = known.get(listed.video_id)
        if video is None:
            raise ReleaseError(
                f"the listed video {listed.video_id} is no longer in the catalogue, and its length "
                "is needed: put it back with `analytics-pipeline videos`"
            )
        granted.append(GrantedVideo(listed.video_id, listed.creator_id, video.duration_ms))
    return tuple(granted)
