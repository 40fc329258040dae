"""The table of lies that a browser must notice: what is lied about, the step, the error's name.

Three liars: the server of the figures (`edited`: figure, proof, files), the node (`edited`: node),
and the operator, who publishes consistently with the lie (`told`, `published`): for the last kind
`core.verify` is asked too, and says the same name.
"""

import hashlib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from eth_utils.crypto import keccak

from analytics_pipeline.core.chain_values import cid_text
from analytics_pipeline.core.checks.history import MAX_WITHHELD
from analytics_pipeline.core.record import Commit, CommitRecord
from analytics_pipeline.core.report import Report, build_report, parse_report
from analytics_pipeline.core.unixfs import cid_of_bytes
from tests.browser_verify.scenarios import (
    NAME,
    Json,
    Scenario,
    figure_json,
    honest_small_world,
    log_json,
    proof_json,
    scenario_of,
    small_world,
)
from tests.lies.cases import row_changed
from tests.lies.proof_cases import beacon_moved
from tests.lies.record_lies import OTHER_CID
from tests.support.world import DAYS, Lies, World, edit_json

FIRST, SECOND, THIRD = DAYS
#: The release that most lies are told about: a correction, the newest of its day.
HONEST = scenario_of(honest_small_world(), SECOND, 2)
#: What is lied about, the scenario, the step that must notice, the error's name.
Lie = tuple[str, Callable[[], Scenario], str, str]
#: Place of the row `NAME` in `Report.rows`.
ROW = HONEST.document["proof"]["leaf_index"] - 1


def edited(change: Callable[[Json], None]) -> Callable[[], Scenario]:
    """Somebody changes what the browser is told; nothing else is adapted."""

    def edit() -> Scenario:
        document = deepcopy(HONEST.document)
        change(document)
        return Scenario(document)

    return edit


def shown(**fields: Any) -> Callable[[], Scenario]:
    """The page displays something else."""
    return edited(lambda document: document["figure"].update(fields))


def told(**lies: Any) -> Callable[[], Scenario]:
    """The operator tells the lie and publishes consistently with it."""

    def tell() -> Scenario:
        world = small_world()
        world.publish(FIRST)
        world.publish(SECOND, lies=Lies(**lies))
        return scenario_of(world, SECOND, 1)

    return tell


def published(act: Callable[[World], int]) -> Callable[[], Scenario]:
    """The operator does something on chain; gives the revision of the second day to look at."""

    def publish() -> Scenario:
        world = small_world()
        world.publish(FIRST)
        return scenario_of(world, SECOND, act(world))

    return publish


# ---- no lies ------------------------------------------------------------------------------------


def _commit(**fields: Any) -> Commit:
    """As somebody with the publisher's key can commit to the second day after its last release."""
    records = honest_small_world().records
    ours = next(r for r in records if isinstance(r, CommitRecord) and r.day == SECOND)
    return replace(ours.body, **fields)


#: Commits that follow the honest history. They discredit nothing that was released.
LATER_COMMITS: list[tuple[Commit, ...]] = [
    (_commit(revision=3),),
    (_commit(revision=1),),
    (_commit(revision=9), _commit(revision=3, policy_hash=b"\x02" * 32)),
    tuple(_commit(revision=3 + number) for number in range(MAX_WITHHELD + 1)),
]


def with_later(*commits: Commit) -> Scenario:
    """The honest release, and commits of its day after it."""
    world = honest_small_world()
    for commit in commits:
        world.records.append(world.append_commit(commit))
    return scenario_of(world, SECOND, 2)


# ---- the server ----------------------------------------------------------------------------------


def report_of_honest() -> Report:
    return parse_report(honest_small_world().bundles[SECOND, 2]["report.json"])


def forged_consistently() -> Scenario:
    """Another value, with a report, a tree, a path and a root that all agree with it."""
    world = honest_small_world()
    honest = report_of_honest()
    rows = row_changed(ROW, value=999_999)(list(honest.rows))
    data = build_report(honest.header, rows)
    report = parse_report(data)
    document = deepcopy(HONEST.document)
    document["figure"] = figure_json(world, report, SECOND, 2, NAME)
    document["proof"] = proof_json(report, NAME)
    document["files"][cid_of_bytes(data)] = data.decode()
    for cid, text in document["files"].items():
        if text == world.bundles[SECOND, 2]["report.json"].decode():
            document["files"][cid] = data.decode()
    return Scenario(document)


def row_of_another_day(document: Json) -> None:
    """An honest figure and its honest proof, shown as those of another day."""
    other = scenario_of(honest_small_world(), FIRST, 1).document
    document["figure"] = other["figure"] | {"day": SECOND.isoformat(), "revision": 2}
    document["proof"] = other["proof"]


def corrected_since(document: Json) -> None:
    """The first revision, by everything that was published with it."""
    other = scenario_of(honest_small_world(), SECOND, 1).document
    document.update({part: other[part] for part in ("figure", "proof", "files")})


def header_as_row(document: Json) -> None:
    document["proof"]["leaf_index"] = 0


def changed_file(name: str, change: Callable[[str], str]) -> Callable[[], Scenario]:
    """The server sends other bytes for a file."""

    def edit(document: Json) -> None:
        marker = '{"header"' if name == "report.json" else '{"bounds"'
        for cid, text in document["files"].items():
            if text.startswith(marker):
                document["files"][cid] = change(text)

    return edited(edit)


def siblings(change: Callable[[list[str]], list[str]]) -> Callable[[], Scenario]:
    def edit(document: Json) -> None:
        document["proof"]["siblings"] = change(document["proof"]["siblings"])

    return edited(edit)


# ---- the node ------------------------------------------------------------------------------------


def node(**fields: Any) -> Callable[[], Scenario]:
    return edited(lambda document: document["node"].update(fields))


def without_log(place: int) -> Callable[[], Scenario]:
    def drop(document: Json) -> None:
        del document["node"]["logs"][str(place)]

    return edited(drop)


LAST = len(HONEST.document["node"]["logs"]) - 1


def forged_log(document: Json) -> None:
    """The root in the newest release's event is another one; its topics are as they were."""
    log = document["node"]["logs"][str(LAST)]
    root = document["proof"]["report_root"][2:]
    assert root in log["data"]
    log["data"] = log["data"].replace(root, "11" * 32)


def forged_history(document: Json) -> None:
    """The same, with all heads computed anew: only the contract's head disagrees."""
    world = honest_small_world()
    forged = replace(world.records[-1], report_root=b"\x11" * 32)  # type: ignore[call-arg]
    document["node"]["logs"][str(LAST)] = log_json(world, forged)


def swapped_logs(document: Json) -> None:
    logs = document["node"]["logs"]
    for one, other in (("0", "1"), ("1", "0")):
        log, place = HONEST.document["node"]["logs"][one], HONEST.document["node"]["logs"][other]
        logs[other] = log | {"blockNumber": place["blockNumber"]}


def truncated_log(document: Json) -> None:
    log = document["node"]["logs"][str(LAST)]
    log["data"] = log["data"][: len(log["data"]) // 2 // 64 * 64 + 2]


def empty_history(document: Json) -> None:
    document["node"] |= {"logs": {}, "head": "0x" + "00" * 32}


# ---- the operator --------------------------------------------------------------------------------


def other_root_on_record() -> Scenario:
    """The recorded root is that of the figures shown; the published report is another one."""
    world = small_world()
    world.publish(FIRST)
    honest = small_world()
    honest.publish(FIRST)
    honest.publish(SECOND)
    shown_report = parse_report(honest.bundles[SECOND, 1]["report.json"])
    lies = Lies(
        rows=row_changed(ROW, value=777_777),
        release=lambda record: replace(record, report_root=shown_report.root),
    )
    world.publish(SECOND, lies=lies)
    scenario = scenario_of(world, SECOND, 1)
    scenario.document["figure"] = figure_json(world, shown_report, SECOND, 1, NAME)
    scenario.document["proof"] = proof_json(shown_report, NAME)
    return scenario


def policy_told(change: Callable[[Any], None]) -> Callable[[], Scenario]:
    altered = edit_json(small_world().policy.canonical_bytes, change)
    digest = hashlib.sha256(altered).digest()
    return told(
        policy_bytes=lambda _: altered,
        commit=lambda record: replace(record, policy_hash=digest),
    )


def committed_twice(world: World) -> int:
    world.commit(SECOND, 1)
    world.publish(SECOND)
    return 1


def gap(world: World) -> int:
    world.publish(SECOND)
    world.publish(SECOND, 3)
    return 3


def best_of_many(world: World) -> int:
    for revision in range(1, MAX_WITHHELD + 2):
        world.commit(SECOND, revision)
    world.publish(SECOND, MAX_WITHHELD + 2)
    return MAX_WITHHELD + 2


def two_readings() -> Scenario:
    """The report has white space; the root is that of its rows all the same."""
    roots: list[bytes] = []

    def spelt(data: bytes) -> bytes:
        roots.append(parse_report(data).root)
        return data.replace(b'"rows":', b'"rows": ')

    return told(report_bytes=spelt, release=lambda r: replace(r, report_root=roots[0]))()


def other_cid_on_record() -> Scenario:
    """Whoever asks for the CID on record gets the report that was made."""
    scenario = told(release=lambda r: replace(r, report_cid=OTHER_CID))()
    files = scenario.document["files"]
    files[OTHER_CID] = next(text for text in files.values() if text.startswith('{"header"'))
    return scenario


def in_a_larger_tree() -> Scenario:
    """Where both sizes have the same way up, only the report tells how large the tree is."""
    document = scenario_of(honest_small_world(), SECOND, 2, ("platform", "", "viewers")).document
    document["proof"]["tree_size"] += 1
    return Scenario(document)


SERVER_LIES: list[Lie] = [
    ("the value is another one", shown(value=386), "row", "RootMismatch"),
    ("the error is smaller", shown(error_95=9.602), "row", "RootMismatch"),
    ("σ is smaller", shown(sigma=5.001), "row", "RootMismatch"),
    ("the figure is that of another region", shown(key="ZZ"), "row", "RootMismatch"),
    ("the figure is that of another scope", shown(scope="provider"), "row", "RootMismatch"),
    ("the figure is that of another metric", shown(metric="peak_viewers"), "row", "RootMismatch"),
    ("viewers are shown as seconds", shown(unit="seconds"), "row", "RowInvalid"),
    ("the value is negative", shown(value=-3), "row", "RowInvalid"),
    ("the value is a fraction", shown(value=385.5), "row", "RowInvalid"),
    ("the value is a text", shown(value="385"), "row", "RowInvalid"),
    ("a shown figure is called suppressed", shown(suppressed=True), "row", "RowInvalid"),
    ("a shown figure is shown as suppressed", shown(value=None, suppressed=True),
     "row", "RootMismatch"),
    ("a sibling is another one", siblings(lambda s: ["0x" + "22" * 32, *s[1:]]),
     "row", "RootMismatch"),
    ("a sibling is no hash", siblings(lambda s: ["0x22", *s[1:]]), "row", "RootMismatch"),
    ("a sibling is missing", siblings(lambda s: s[:-1]), "row", "RootMismatch"),
    ("there is a sibling too many", siblings(lambda s: [*s, s[0]]), "row", "RootMismatch"),
    ("siblings are in another order", siblings(lambda s: s[::-1]), "row", "RootMismatch"),
    ("the index is another one", edited(lambda d: d["proof"].update(leaf_index=ROW)),
     "row", "RootMismatch"),
    ("the index is beyond the tree", edited(lambda d: d["proof"].update(leaf_index=999)),
     "row", "RootMismatch"),
    ("the tree has another size", edited(lambda d: d["proof"].update(tree_size=9)),
     "row", "RootMismatch"),
    ("the tree is a leaf larger", in_a_larger_tree, "report", "RowMissing"),
    ("the header is passed off as a row", edited(header_as_row), "row", "RootMismatch"),
    ("the root is another one",
     edited(lambda d: d["proof"].update(report_root="0x" + "33" * 32)), "row", "RootMismatch"),
    ("everything the server says agrees with the lie", forged_consistently,
     "release", "RootMismatch"),
    ("the day is another one", edited(row_of_another_day), "release", "RootMismatch"),
    ("the day was never released", shown(day="2026-02-28"), "release", "RecordNotOnChain"),
    ("the day is none", shown(day="2026-02-30"), "release", "RecordNotOnChain"),
    ("the revision was never released", shown(revision=3), "release", "RecordNotOnChain"),
    ("the figures were corrected since", edited(corrected_since), "release", "Superseded"),
    ("a digit of the report is another one",
     changed_file("report.json", lambda text: text.replace('"value":', '"value":1', 1)),
     "report", "ReportMismatch"),
    ("the report is that of another day",
     changed_file("report.json", lambda text: text.replace(SECOND.isoformat(), "2026-03-09")),
     "report", "ReportMismatch"),
    ("the report is empty", changed_file("report.json", lambda _: ""),
     "report", "ReportMismatch"),
    ("the policy is another one",
     changed_file("policy.json", lambda text: text.replace('"threshold":31', '"threshold":11')),
     "policy", "PolicyMismatch"),
    ("the threshold is lower", shown(threshold=11), "policy", "NoiseMisstated"),
    ("the loss of privacy is smaller", shown(epsilon=0.05), "policy", "NoiseMisstated"),
    ("the budget spent is smaller", shown(rho=0.0005), "policy", "NoiseMisstated"),
    ("δ is smaller", shown(delta=1e-9), "policy", "NoiseMisstated"),
]  # fmt: skip

NODE_LIES: list[Lie] = [
    ("the node is of another chain", node(chainId=1), "records", "WrongChain"),
    ("there is no such registry", node(deployedAt=None), "records", "RecordNotOnChain"),
    ("the registry's address is none",
     edited(lambda d: d["place"].update(registry="0x12")), "records", "RecordNotOnChain"),
    ("the registry knows nothing of the platform", edited(empty_history),
     "records", "RecordNotOnChain"),
    ("a record is dropped", without_log(2), "records", "HistoryBroken"),
    ("the first record is dropped", without_log(0), "records", "HistoryBroken"),
    ("the newest record is dropped", without_log(LAST), "records", "HeadMismatch"),
    ("the registry was deployed later", node(deployedAt=104), "records", "HistoryBroken"),
    ("the head is another one", node(head="0x" + "44" * 32), "records", "HeadMismatch"),
    ("a record's root is another one", edited(forged_log), "records", "HistoryBroken"),
    ("a record's root is another one, and all heads agree", edited(forged_history),
     "records", "HeadMismatch"),
    ("two records are swapped", edited(swapped_logs), "records", "HistoryBroken"),
    ("a record is cut short", edited(truncated_log), "records", "HistoryBroken"),
    ("the figures are held against another platform's records",
     edited(lambda d: d["place"].update(platform="rival")), "records", "HistoryBroken"),
    ("the beacon's block has another randomness",
     edited(lambda d: d["node"]["mixHashes"].update(
         dict.fromkeys(d["node"]["mixHashes"], "0x" + "55" * 32))),
     "beacon", "BeaconMismatch"),
]  # fmt: skip

OPERATOR_LIES: list[Lie] = [
    ("the recorded report CID is another one", other_cid_on_record, "report", "ReportMismatch"),
    ("the recorded report CID names no file",
     told(release=lambda r: replace(r, report_cid=cid_text(b"\x01\x55\x12\x20short"))),
     "report", "ReportMismatch"),
    ("the report has two readings", two_readings, "report", "ReportNotCanonical"),
    ("the recorded root is not the report's", other_root_on_record, "report", "RootMismatch"),
    ("a row is told twice",
     told(rows=lambda rows: [*rows[: ROW + 1], *rows[ROW:]]), "report", "RowMissing"),
    ("the report is of another platform",
     told(header=lambda h: replace(h, platform="rival")), "header", "WrongPlatform"),
    ("the report is of another day",
     told(header=lambda h: replace(h, day=FIRST)), "header", "WrongDay"),
    ("the report is of another revision",
     told(header=lambda h: replace(h, revision=2)), "header", "WrongRevision"),
    ("the report names other segments",
     told(header=lambda h: replace(h, manifest_root=bytes(32))), "header", "HeaderMismatch"),
    ("the report names another policy",
     told(header=lambda h: replace(h, policy_hash=bytes(32))), "header", "HeaderMismatch"),
    ("the report states another spend",
     told(header=lambda h: replace(h, spend_nano_rho=1)), "header", "HeaderMismatch"),
    ("the report states more rows",
     told(header=lambda h: replace(h, row_count=h.row_count + 1)), "header", "HeaderMismatch"),
    ("the policy is of another format",
     policy_told(lambda policy: policy.update(format="viewership-policy/9")),
     "policy", "PolicyUnsound"),
    ("the row claims less noise than its query has",
     told(rows=row_changed(ROW, sigma=5.001)), "policy", "NoiseMisstated"),
    ("a value that is mostly noise is shown",
     told(rows=row_changed(ROW, value=3)), "policy", "SuppressedValueShown"),
    ("a commit is missing", told(skip_commit=True), "release", "RecordNotOnChain"),
    ("a revision is committed to twice", published(committed_twice), "release", "ReleaseReplayed"),
    ("a revision is missing", published(gap), "release", "RevisionGap"),
    ("the best of many draws is published", published(best_of_many),
     "release", "TooManyWithheld"),
    ("a release shares its commit's block", told(same_block=True),
     "release", "ReleaseBeforeCommit"),
    ("the beacon was known at the commit", told(beacon=beacon_moved(-2)),
     "beacon", "BeaconBeforeCommit"),
    ("the beacon came after the release", told(beacon=beacon_moved(1)),
     "beacon", "WrongBeaconBlock"),
    ("the beacon is made up", told(beacon=lambda found: (found[0], keccak(b"made up"))),
     "beacon", "BeaconMismatch"),
]  # fmt: skip
LIES = [*SERVER_LIES, *NODE_LIES, *OPERATOR_LIES]
