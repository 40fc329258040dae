"""Sealed segments, opened with the keys of a grant instead of the deployment's."""

import polars as pl

from analytics_pipeline.core.audit import PublishedRelease, verify_envelope
from analytics_pipeline.core.audit_errors import SegmentDiffers, SegmentUnreadable, WrongDataKey
from analytics_pipeline.core.audit_grant import GrantedSegment
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.errors import DecryptionFailed, InvalidSegment
from analytics_pipeline.core.manifest import ManifestSegment
from analytics_pipeline.core.segment import SegmentHeader, open_segment, parse_key_commitment
from analytics_pipeline.storage.segments import SCHEMAS, parse_parquet


def open_granted(
    published: PublishedRelease,
    segment: ManifestSegment,
    granted: GrantedSegment,
    envelope: bytes,
) -> pl.DataFrame:
    """The events of one segment of the manifest.

    Raises:
        SegmentDiffers, WrongDataKey, SegmentUnreadable.
    """
    try:
        carried = parse_key_commitment(envelope)
    except InvalidSegment as error:
        raise SegmentDiffers(f"segment {segment.segment_id}, an envelope", str(error)) from None
    verify_envelope(segment, envelope, carried)
    commitment = hash_text(segment.key_commitment)
    # Neither manifest nor grant names the schema: the header that fits the commitment has it.
    for schema in SCHEMAS:
        header = SegmentHeader(
            platform=published.platform,
            day=published.day,
            segment_id=segment.segment_id,
            schema=schema,
            wrapping_key_id=segment.wrapping_key_id,
            batch_digest=granted.batch_digest,
        )
        try:
            content = open_segment(
                envelope, header, data_key=granted.data_key, key_commitment=commitment
            )
            return parse_parquet(content, published.day, schema)
        except DecryptionFailed:
            continue
        except InvalidSegment as error:
            raise SegmentUnreadable(
                f"events of {published.day} in segment {segment.segment_id}", str(error)
            ) from None
    raise WrongDataKey(
        f"the data key of segment {segment.segment_id}, committed to as {commitment}",
        "another key",
    )
