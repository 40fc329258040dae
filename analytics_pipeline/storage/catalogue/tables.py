"""The catalogue's tables, the same on SQLite and Postgres.

Days are ISO dates as text, times Unix milliseconds, rho in integer nano (1e-9), CIDs CIDv1 base32
text. Belongs here: columns and constraints. Does not belong here: any statement.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

metadata: Final = MetaData()

#: one row: the layout's version, checked on opening
layout: Final = Table("layout", metadata, Column("version", Integer, primary_key=True))
LAYOUT_VERSION: Final = 3

#: what the sealer wrote; never changed, and kept when the day's keys are destroyed
segments: Final = Table(
    "segments",
    metadata,
    Column("segment_id", Text, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("cid", Text, nullable=False, unique=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("batch_digest", Text, nullable=False),
    #: the wrapping key in force when the segment was sealed; part of its header, never re-written
    Column("wrapping_key_id", Text, nullable=False),
    Column("key_commitment", Text, nullable=False),
    Column("schema", Text, nullable=False),
    Column("sealed_at_ms", BigInteger, nullable=False),
    #: exact, hence private: JSON {"accepted", "duplicate", "late", "rejected": {reason: n}}
    Column("counts", Text, nullable=False),
    #: 32 random bytes; the manifest publishes only sha256(salt ‖ JCS(counts))
    Column("counts_salt", LargeBinary, nullable=False),
    Index("segments_by_day", "platform", "day"),
)

#: data keys, wrapped by their day's retention key and then by a wrapping key; deleting a row makes
#: its segment unreadable for whoever has no backup, destroying the retention key for everybody
data_keys: Final = Table(
    "data_keys",
    metadata,
    Column("segment_id", Text, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("day", Text, nullable=False),
    #: the wrapping key that unwraps this row now
    Column("wrapping_key_id", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Index("data_keys_by_day", "platform", "day"),
    Index("data_keys_by_wrapping_key", "wrapping_key_id"),
)

#: batches already counted: sealing one again is refused by the primary key
sealed_batches: Final = Table(
    "sealed_batches",
    metadata,
    Column("platform", Text, nullable=False),
    Column("batch_id", Text, nullable=False),
    Column("sealed_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("platform", "batch_id"),
)

#: content about to be pinned; a row without its segment is a pin to take back
pin_intents: Final = Table(
    "pin_intents",
    metadata,
    Column("cid", Text, primary_key=True),
    Column("created_at_ms", BigInteger, nullable=False),
)

#: events by fate; kind: received, accepted, late, duplicate, rejected (reason set)
counters: Final = Table(
    "counters",
    metadata,
    Column("platform", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("events", BigInteger, nullable=False),
    PrimaryKeyConstraint("platform", "day", "kind", "reason"),
)

#: public metadata of the videos that may appear in a report
videos: Final = Table(
    "videos",
    metadata,
    Column("platform", Text, nullable=False),
    Column("video_id", Text, nullable=False),
    Column("creator_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("platform", "video_id"),
)

#: one row per revision; from `manifest_json` on, every column is set once
releases: Final = Table(
    "releases",
    metadata,
    Column("platform", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("inputs_digest", Text, nullable=False),
    Column("rho_nano", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("planned_at_ms", BigInteger, nullable=False),
    Column("withheld_reason", Text),
    Column("manifest_json", LargeBinary),
    Column("policy_json", LargeBinary),
    #: the listing, pinned: videos listed later are in the next day's
    Column("catalogue_json", LargeBinary),
    Column("shape", Text),
    #: 0x-hex of 32 bytes, like the heads and the beacon
    Column("tally_root", Text),
    Column("catalogue_root", Text),
    Column("seed_commitment", Text),
    Column("commit_head", Text),
    Column("beacon_block", BigInteger),
    Column("beacon", Text),
    Column("report_json", LargeBinary),
    Column("proof_json", LargeBinary),
    #: receipts that this release publishes; `core.erasure`
    Column("erasures_json", LargeBinary),
    Column("bundle_cid", Text),
    Column("release_head", Text),
    PrimaryKeyConstraint("platform", "day", "revision"),
)

#: what a day's noise and salts follow from; made before the day, never changed. Seed and salt are
#: wrapped one by one: with them everybody could take the noise off the day's figures
seeds: Final = Table(
    "seeds",
    metadata,
    Column("platform", Text, nullable=False),
    Column("day", Text, nullable=False),
    #: 0x-hex; public, and on chain before the day's beacon exists
    Column("commitment", Text, nullable=False),
    #: the wrapping key that unwraps this row now
    Column("wrapping_key_id", Text, nullable=False),
    Column("wrapped_value", LargeBinary, nullable=False),
    Column("wrapped_salt", LargeBinary, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("platform", "day"),
    Index("seeds_by_wrapping_key", "wrapping_key_id"),
)

#: the ledger of privacy budget: one row per revision that spends
spends: Final = Table(
    "spends",
    metadata,
    Column("platform", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("rho_nano", BigInteger, nullable=False),
    Column("spent_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("platform", "day", "revision"),
)

#: days whose raw events were destroyed, or are about to be: written before the first key goes
expiries: Final = Table(
    "expiries",
    metadata,
    Column("platform", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("expired_at_ms", BigInteger, nullable=False),
    Column("data_keys_destroyed", Integer, nullable=False),
    #: null until nothing is left; then the day has its receipt
    Column("completed_at_ms", BigInteger),
    PrimaryKeyConstraint("platform", "day"),
)

#: erasure receipts, a hash chain per platform; never changed
receipts: Final = Table(
    "receipts",
    metadata,
    Column("platform", Text, nullable=False),
    #: 1, 2, 3, …
    Column("number", Integer, nullable=False),
    Column("day", Text, nullable=False),
    #: canonical JSON (`core.erasure`)
    Column("receipt_json", LargeBinary, nullable=False),
    PrimaryKeyConstraint("platform", "number"),
    UniqueConstraint("platform", "day"),
)
