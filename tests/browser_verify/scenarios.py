"""What a browser sees of a `World`: a displayed figure, its proof, a node's answers, files by CID.

A scenario is plain JSON, so that the verifier in the browser is tested with what this builds (see
`tests.support.verify_vectors`). Belongs here: the honest forms. Lies are in `lies`.
"""

import datetime
import json
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from analytics_pipeline.chain.encoding import commit_record_tuple, release_record_tuple
from analytics_pipeline.core import canonical
from analytics_pipeline.core.accounting import DELTA, NANO, published_epsilon
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.chain_values import platform_id, word
from analytics_pipeline.core.day import day_number
from analytics_pipeline.core.policy import build_policy
from analytics_pipeline.core.record import CommitRecord, Record, ReleaseRecord
from analytics_pipeline.core.registry_facts import RegistryFacts
from analytics_pipeline.core.report import Report, ReportRow, parse_report, row_proof
from analytics_pipeline.core.unixfs import cid_of_bytes
from tests.support.world import World, honest_world

Json = dict[str, Any]
#: Small, so that reports are short: two regions, one provider, no videos.
POLICY = build_policy(regions=("DE", "ZZ"), providers=("ipfs",))
NAME = ("region", "DE", "viewers")
DEPLOYED_AT = 90

_PLACEMENT = "(uint64,uint64,address)"
_COMMIT = f"((uint32,uint32,{','.join(['bytes32'] * 5)}),{_PLACEMENT})"
_RELEASE = f"((uint32,uint32,bytes32,bytes,bytes,uint64,bytes32),(uint64,bytes32),{_PLACEMENT})"
COMMITTED = keccak(f"Committed(bytes32,uint32,bytes32,{_COMMIT})".encode())
RELEASED = keccak(f"Released(bytes32,uint32,bytes32,{_RELEASE})".encode())


@dataclass(frozen=True)
class Scenario:
    """Everything a verification in the browser reads; and what `core.verify` is given for the same
    release, where the world itself is the liar's."""

    document: Json
    folder: dict[str, bytes] = field(default_factory=dict)
    #: None: there is no commit to ask about
    facts: RegistryFacts | None = None


def small_world() -> World:
    """An empty world with the short reports."""
    return World(policy=POLICY, videos=0)


def honest_small_world() -> World:
    """The three days of `honest_world`."""
    return honest_world(world=small_world())


def scenario_of(
    world: World, day: datetime.date, revision: int, name: tuple[str, str, str] = NAME
) -> Scenario:
    """What honest servers answer about a figure of a published release."""
    bundle = world.bundles[day, revision]
    report = _readable_report(bundle["report.json"])
    figure = figure_json(world, report, day, revision, name)
    document = {
        "place": {
            "platform": world.platform,
            "chainId": world.chain_id,
            "registry": world.registry,
        },
        "figure": figure,
        "proof": proof_json(report, name),
        "superseded": False,
        "node": node_json(world),
        "files": {
            cid_of_bytes(bundle[file]): bundle[file].decode()
            for file in ("report.json", "policy.json")
        },
    }
    committed = any(
        isinstance(record, CommitRecord) and (record.day, record.revision) == (day, revision)
        for record in world.records
    )
    facts = world.facts(day, revision) if committed else None
    return Scenario(document, world.folder(day, revision), facts)


def _readable_report(data: bytes) -> Report:
    """The report as a lenient server reads it: whatever its spelling."""
    return parse_report(canonical.encode(json.loads(data)))


def figure_json(
    world: World, report: Report, day: datetime.date, revision: int, name: tuple[str, str, str]
) -> Json:
    """A figure as the read API gives it."""
    row = report.by_name[name]
    query = world.policy.by_row[row.scope, row.metric]
    return {
        "day": day.isoformat(),
        "revision": revision,
        **row_json(row),
        "unit": _unit(row.metric),
        "suppressed": row.suppressed,
        "threshold": query.threshold,
        "rho": query.rho_nano / NANO,
        "epsilon": published_epsilon(query.rho_nano),
        "delta": DELTA,
    }


def _unit(metric: str) -> str:
    return {"watch_seconds": "seconds", "views": "views"}.get(metric, "viewers")


def row_json(row: ReportRow) -> Json:
    return dict(vars(row))


def proof_json(report: Report, name: tuple[str, str, str]) -> Json:
    proof = row_proof(report, *name)
    return {
        "report_root": hash_text(proof.root),
        "leaf_index": proof.index,
        "tree_size": proof.size,
        "siblings": [hash_text(sibling) for sibling in proof.siblings],
    }


def node_json(world: World) -> Json:
    """What a node knows: enough to answer the questions a verifier asks."""
    return {
        "chainId": world.chain_id,
        "block": world.block + 5,
        "deployedAt": DEPLOYED_AT,
        "head": hash_text(world.head),
        # by their places, so that a lie about one is a short patch
        "logs": {str(place): log_json(world, each) for place, each in enumerate(world.records)},
        "mixHashes": {
            str(each.beacon_block): hash_text(world.randomness(each.beacon_block))
            for each in world.records
            if isinstance(each, ReleaseRecord)
        },
        #: from when each verifier counts, Unix seconds
        "verifiers": [1_772_000_000],
    }


def log_json(world: World, record: Record) -> Json:
    """A record's event."""
    if isinstance(record, CommitRecord):
        topic, data = COMMITTED, encode([_COMMIT], [commit_record_tuple(record)])
    else:
        topic, data = RELEASED, encode([_RELEASE], [release_record_tuple(record)])
    topics = (topic, platform_id(world.platform), word(day_number(record.day)), record.head)
    return {
        "blockNumber": record.block_number,
        "logIndex": 0,
        "topics": [hash_text(each) for each in topics],
        "data": "0x" + data.hex(),
    }
