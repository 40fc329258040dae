"""The worked example of spec/record.md: a chain.json, and every word hashed into its head."""

from typing import Final

from analytics_pipeline.core.chain_values import platform_id
from analytics_pipeline.core.record import (
    ChainEvidence,
    CommitRecord,
    Record,
    build_evidence,
)

_PLACEMENT: Final = ("block number", "block time, Unix seconds", "publisher")
_COMMIT_WORDS: Final = (
    "head before",
    "kind: 1 = commit",
    "day {number} = {day}",
    "revision",
    "manifest root",
    "policy hash",
    "tally root",
    "catalogue root",
    "seed commitment",
    *_PLACEMENT,
)
_RELEASE_WORDS: Final = (
    "head before",
    "kind: 2 = release",
    "day",
    "revision",
    "report root",
    "keccak256(report CID, binary)",
    "keccak256(bundle CID, binary)",
    "spend, 1e-9 rho",
    "figure sum",
    "beacon block",
    "beacon",
    *_PLACEMENT,
)


def record_example(evidence: ChainEvidence) -> str:
    """Step by step from the file to its head."""
    first = "\n".join(
        (
            f"platform id  {platform_id(evidence.platform).hex()}  "
            f'keccak256("{evidence.platform}")',
            f"genesis      {evidence.genesis.hex()}",
        )
    )
    parts = [
        f"```json\n{build_evidence(evidence).decode()}\n```\n",
        "Step by step:\n",
        _text(first),
    ]
    parts += [_step(record) for record in evidence.records]
    return "\n".join(parts)


def _step(record: Record) -> str:
    is_commit = isinstance(record, CommitRecord)
    data = record.preimage
    words = [data[i : i + 32] for i in range(0, len(data), 32)]
    names = _COMMIT_WORDS if is_commit else _RELEASE_WORDS
    shown = "\n".join(
        f"{word.hex()}  {name}".format(number=int.from_bytes(words[2], "big"), day=record.day)
        for word, name in zip(words, names, strict=True)
    )
    kind = "commit" if is_commit else "release"
    end = "" if is_commit else ", and the `head` of the file"
    return (
        f"The {kind}'s preimage, {len(words)} words:\n\n{_text(shown)}\n"
        f"keccak256 of it is the head after the {kind}{end}:\n\n{_text(record.head.hex())}"
    )


def _text(text: str) -> str:
    return f"```text\n{text}\n```\n"
