"""`spec/segment.md` says what the code does."""

import json
import re
from datetime import date
from hashlib import sha256
from pathlib import Path

from analytics_pipeline.core.segment import SegmentHeader, batch_digest, pad, seal_segment
from analytics_pipeline.core.unixfs import cid_of_bytes
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS, NULLABLE_COLUMNS

PAGE = (Path(__file__).parents[2] / "spec/segment.md").read_text(encoding="utf-8")


def test_worked_example():
    """Every value of the page's example follows from its inputs."""
    example = json.loads(PAGE.split("```json\n")[1].split("```")[0])
    fields = json.loads(example["header"])
    assert fields.pop("format") == "viewership-segment/1"
    assert fields["batch_digest"] == batch_digest(example["batch_ids"])
    header = SegmentHeader(**{**fields, "day": date.fromisoformat(fields["day"])})
    assert header.to_bytes().decode() == example["header"]
    assert sha256(header.to_bytes()).hexdigest() == example["header_sha256"]
    content = example["content"].encode()
    sealed = seal_segment(
        content,
        header,
        data_key=bytes.fromhex(example["data_key"]),
        nonce=bytes.fromhex(example["nonce"]),
    )
    assert sealed.key_commitment == example["key_commitment"]
    assert len(pad(content)) == example["padded_bytes"]
    assert len(sealed.envelope) == example["envelope_bytes"]
    assert sealed.envelope.hex().startswith(example["envelope_first_bytes"])
    assert sealed.envelope.hex().endswith(example["envelope_last_16_bytes"])
    assert sha256(sealed.envelope).hexdigest() == example["envelope_sha256"]
    assert cid_of_bytes(sealed.envelope) == example["cid"]


def test_columns_of_the_page():
    """The page's table of columns is the schema."""
    cells = re.findall(r"\| (\w+) \| (string|int32|int64|boolean)( N)? (?=\|)", PAGE)
    of_page = {name: (kind, bool(null)) for name, kind, null in cells}
    names = {"String": "string", "Int32": "int32", "Int64": "int64", "Boolean": "boolean"}
    of_code = {n: (names[str(dtype)], n in NULLABLE_COLUMNS) for n, dtype in EVENT_COLUMNS.items()}
    assert of_page == of_code
