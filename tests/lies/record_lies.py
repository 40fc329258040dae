"""Lies about files, records, report, policy, manifest and history: checks 0 to 8."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from analytics_pipeline.core.chain_values import cid_text
from analytics_pipeline.core.checks.history import MAX_WITHHELD
from analytics_pipeline.core.record import CommitRecord, Record
from analytics_pipeline.core.unixfs import cid_of_directory
from tests.lies.cases import (
    FIRST,
    SECOND,
    Case,
    Lie,
    chained,
    edited,
    row_changed,
    told,
)
from tests.support.world import Lies, World, edit_json, honest_world, small_manifest

OTHER_CID = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def policy_told(change: Callable[[Any], None]) -> Callable[[], Case]:
    """The operator commits to and publishes an altered policy.json."""

    def tell() -> Case:
        world = World()
        altered = edit_json(world.policy.canonical_bytes, change)
        digest = hashlib.sha256(altered).digest()
        lies = Lies(
            policy_bytes=lambda _: altered,
            commit=lambda record: replace(record, policy_hash=digest),
        )
        world.publish(FIRST, lies=lies)
        return Case(world.folder(FIRST, 1))

    return tell


def missing_file() -> Case:
    folder = honest_world().folder(SECOND, 2)
    del folder["bundle/manifest.json"]
    return Case(folder)


def extra_file() -> Case:
    return Case({**honest_world().folder(SECOND, 2), "bundle/notes.txt": b"trust me"})


def older_history() -> Case:
    world = honest_world()
    old = world.chain_file(world.records[:4])
    return Case({**world.folder(SECOND, 1), "chain.json": old}, {"registry_head": world.head})


def other_platform() -> Case:
    return Case(honest_world().folder(SECOND, 2), {"platform": "rival"})


def bundle_of_other_platform() -> Case:
    world = World(platform="rival")
    world.publish(FIRST)
    rival = world.folder(FIRST, 1)
    return Case({**rival, "chain.json": honest_world().chain_file()})


def other_day() -> Case:
    return Case(honest_world().folder(SECOND, 2), {"day": FIRST})


def other_revision() -> Case:
    return Case(honest_world().folder(SECOND, 1), {"revision": 2})


def old_bundle() -> Case:
    return Case(honest_world().folder(SECOND, 1))


def never_published() -> Case:
    world = honest_world()
    published = world.chain_file()
    world.publish(FIRST, 2)
    return Case({**world.folder(FIRST, 2), "chain.json": published})


def swapped_bundle() -> Case:
    world = honest_world()
    folder = world.folder(FIRST, 1)
    return Case({**folder, "bundle/report.json": world.bundles[SECOND, 1]["report.json"]})


def overspent() -> Case:
    world = World()
    for revision in (1, 2, 3):
        world.publish(FIRST, revision)
    return Case(world.folder(FIRST, 3))


def month_world(*others: tuple[int, int]) -> World:
    """A policy whose 30 days have room for two releases. The first day is released, and others: so
    many days after it, in so many revisions."""
    policy = World().policy
    world = World(policy=replace(policy, rho_nano_per_30_days=2 * policy.rho_nano_per_release))
    world.publish(FIRST)
    for days, revisions in others:
        for revision in range(1, revisions + 1):
            world.publish(FIRST + timedelta(days=days), revision)
    return world


def month_of(*others: tuple[int, int]) -> Callable[[], Case]:
    """Of such a world, the first day is asked about."""
    return lambda: Case(month_world(*others).folder(FIRST, 1))


def another_day_pays_nothing() -> Case:
    """A spend that is left out of another day's record could hide that 30 days are overspent."""
    world = World()
    world.publish(FIRST)
    world.publish(SECOND, lies=Lies(release=lambda r: replace(r, spend_nano_rho=0)))
    return Case(world.folder(FIRST, 1))


def forgotten_release() -> Case:
    """The release that overspends 30 days is left out, and the records before it are chained."""
    world = month_world((1, 1), (2, 1))
    shorter = world.chain_file(world.records[:-2])
    return Case({**world.folder(FIRST, 1), "chain.json": shorter}, {"registry_head": world.head})


def best_of_many() -> Case:
    """Each commit has noise of its own, and one of them is released."""
    world = World()
    draws = MAX_WITHHELD + 2
    for revision in range(1, draws):
        world.commit(FIRST, revision)
    world.publish(FIRST, draws)
    return Case(world.folder(FIRST, draws))


def policy_changed() -> Case:
    world = World()
    strict = world.policy
    world.publish(FIRST)
    world.policy = replace(strict, rho_nano_per_day=strict.rho_nano_per_day * 2)
    world.publish(FIRST, 2)
    return Case(world.folder(FIRST, 2))


def revision_gap() -> Case:
    world = World()
    world.publish(FIRST)
    world.publish(FIRST, 3)
    return Case(world.folder(FIRST, 3))


def released_twice() -> Case:
    world = World()
    world.publish(FIRST)
    first = world.bundles[FIRST, 1]
    world.publish(FIRST)
    world.bundles[FIRST, 1] = first
    return Case(world.folder(FIRST, 1))


def unlinked_correction() -> Case:
    world = World()
    world.publish(FIRST)
    world.publish(FIRST, 2, Lies(info=lambda info: replace(info, previous=None)))
    return Case(world.folder(FIRST, 2))


def unexplained_correction() -> Case:
    world = World()
    world.publish(FIRST)
    world.publish(FIRST, 2, Lies(info=lambda info: replace(info, reason=" ")))
    return Case(world.folder(FIRST, 2))


def without(kind: type[Any]) -> Callable[[list[Record]], list[Record]]:
    """Drop the day's records of one kind of its revision 2."""
    return lambda records: [
        r for r in records if not (isinstance(r, kind) and r.day == SECOND and r.revision == 2)
    ]


def release_first(records: list[Record]) -> list[Record]:
    """Put the last release before its commit."""
    return [*records[:-2], records[-1], records[-2]]


def set_row(position: int, name: str, value: Any) -> Callable[[Any], None]:
    return lambda report: report["rows"][position].update({name: value})


RECORD_LIES: list[Lie] = [
    ("a file is missing", missing_file, 0, "MissingFile"),
    ("a file is added", extra_file, 0, "UnexpectedFile"),
    ("chain.json is of another format",
     edited("chain.json", lambda c: c.update(format="x")), 1, "ChainFileMalformed"),
    ("a record's field is edited",
     edited("chain.json", lambda c: c["records"][-1].update(spend_nano_rho=1)), 1, "HistoryBroken"),
    ("a record is taken out",
     edited("chain.json", lambda c: c["records"].pop(0)), 1, "HistoryBroken"),
    ("the history is not the registry's any more", older_history, 1, "HeadMismatch"),
    ("another platform's bundle is handed out", other_platform, 1, "WrongPlatform"),
    ("a bundle with another platform's history", bundle_of_other_platform, 1, "WrongPlatform"),
    ("another day's bundle is handed out", other_day, 1, "WrongDay"),
    ("another revision is handed out", other_revision, 1, "WrongRevision"),
    ("a corrected bundle is handed out", old_bundle, 1, "Superseded"),
    ("bundle.json has an odd member",
     edited("bundle/bundle.json", lambda b: b.update(note="x")), 1, "BundleInfoMalformed"),
    ("the release was never recorded", never_published, 1, "RecordNotOnChain"),
    ("the commit is not in the history", chained(without(CommitRecord)), 1, "RecordNotOnChain"),
    ("the report of another day is put in", swapped_bundle, 2, "BundleMismatch"),
    ("a row is edited in the folder",
     edited("bundle/report.json", set_row(3, "value", 999_999)), 2, "BundleMismatch"),
    ("the reason is edited in the folder",
     edited("bundle/bundle.json", lambda b: b.update(reason="x")), 2, "BundleMismatch"),
    ("the recorded bundle CID is another one",
     told(release=lambda r: replace(r, bundle_cid=cid_of_directory({"x": b""}))),
     2, "BundleMismatch"),
    ("the recorded bundle CID is none",
     told(release=lambda r: replace(r, bundle_cid=cid_text(b"\x01" + b"x" * 40))),
     2, "CidUnusable"),
    ("the recorded bundle CID is that of a file",
     told(release=lambda r: replace(r, bundle_cid=r.report_cid)), 2, "CidUnusable"),
    ("the recorded report CID is another one",
     told(release=lambda r: replace(r, report_cid=OTHER_CID)), 3, "ReportMismatch"),
    ("the report has white space", told(report_bytes=lambda b: b + b"\n"), 3, "ReportNotCanonical"),
    ("the report's header is of another day",
     told(header=lambda h: replace(h, day=FIRST)), 3, "WrongDay"),
    ("the report's header is of another platform",
     told(header=lambda h: replace(h, platform="rival")), 3, "WrongPlatform"),
    ("the report's header is of another revision",
     told(header=lambda h: replace(h, revision=2)), 3, "WrongRevision"),
    ("the report names other inputs",
     told(header=lambda h: replace(h, manifest_root=bytes(32))), 3, "HeaderMismatch"),
    ("the report names another policy",
     told(header=lambda h: replace(h, policy_hash=bytes(32))), 3, "HeaderMismatch"),
    ("the report miscounts its rows",
     told(header=lambda h: replace(h, row_count=h.row_count - 1)), 3, "HeaderMismatch"),
    ("the recorded root is another one",
     told(release=lambda r: replace(r, report_root=bytes(32))), 4, "RootMismatch"),
    ("another policy is handed out than committed to",
     told(policy_bytes=lambda b: edit_json(b, lambda p: p.update(rho_nano_per_day=10**12))),
     5, "PolicyMismatch"),
    ("the policy claims a smaller epsilon",
     policy_told(lambda p: p["epsilon"].update(per_release=0.1)), 5, "PolicyUnsound"),
    ("the policy claims a smaller sensitivity",
     policy_told(lambda p: p["queries"][0].update(sensitivity_squared=1)), 5, "PolicyUnsound"),
    ("the policy drops a query", policy_told(lambda p: p["queries"].pop()), 5, "PolicyUnsound"),
    ("a value is text",
     told(report_bytes=lambda b: edit_json(b, set_row(3, "value", "9"))), 5, "RowInvalid"),
    ("a value is negative", told(rows=row_changed(3, value=-5)), 5, "RowInvalid"),
    ("a row carries an extra member",
     told(report_bytes=lambda b: edit_json(b, set_row(3, "exact", 4))), 5, "RowInvalid"),
    ("two rows are swapped",
     told(rows=lambda rows: [rows[1], rows[0], *rows[2:]]), 5, "RowMissing"),
    ("a row is left out", told(rows=lambda rows: rows[:3] + rows[4:]), 5, "RowMissing"),
    ("a whole region is left out",
     told(rows=lambda rows: [r for r in rows if r.key != "US"]), 5, "RowMissing"),
    ("a region nobody asked for is added",
     told(rows=lambda rows: sorted([*rows, replace(rows[5], key="FR")], key=lambda r: r.name)),
     5, "RowMissing"),
    ("a row is doubled", told(rows=lambda rows: [rows[0], *rows]), 5, "RowMissing"),
    ("the platform's rows are left out",
     told(rows=lambda rows: [r for r in rows if r.scope != "platform"]), 5, "RowMissing"),
    ("the noise is stated too small", told(rows=row_changed(3, sigma=0.5)), 5, "NoiseMisstated"),
    ("the error is stated too small", told(rows=row_changed(3, error_95=1.0)), 5, "NoiseMisstated"),
    ("a suppressed value is shown", told(rows=row_changed(5, value=3)), 5, "SuppressedValueShown"),
    ("manifest.json is of another format",
     told(bundle=lambda f: {**f, "manifest.json": b"{}"}), 6, "ManifestMalformed"),
    ("the manifest of another day",
     told(bundle=lambda f: {**f, "manifest.json": small_manifest(FIRST).canonical_bytes}),
     6, "WrongDay"),
    ("the manifest of another platform",
     told(bundle=lambda f: {**f, "manifest.json": edit_json(
         f["manifest.json"], lambda m: m["header"].update(platform="rival"))}),
     6, "WrongPlatform"),
    ("a segment was added after the commit",
     told(bundle=lambda f: {**f, "manifest.json": small_manifest(SECOND, 3).canonical_bytes}),
     6, "ManifestMismatch"),
    ("another manifest was committed to",
     told(manifest=lambda m: replace(m, segments=m.segments[:1])), 6, "ManifestMismatch"),
    ("less is recorded as spent than was",
     told(release=lambda r: replace(r, spend_nano_rho=1),
          header=lambda h: replace(h, spend_nano_rho=1)),
     7, "SpendMismatch"),
    ("a third release overspends the day", overspent, 7, "BudgetExceeded"),
    ("a release of the next day overspends 30 days", month_of((1, 2)), 7, "WindowExceeded"),
    ("releases of four weeks overspend 30 days", month_of((-28, 1), (1, 1)), 7, "WindowExceeded"),
    ("the 30th day overspends 30 days", month_of((29, 2)), 7, "WindowExceeded"),
    ("a release that overspends 30 days is forgotten", forgotten_release, 1, "HeadMismatch"),
    ("a release of the day is cut out of the history",
     edited("chain.json", lambda c: c["records"].pop()), 1, "HistoryBroken"),
    ("another day's record says that it spent nothing", another_day_pays_nothing,
     7, "SpendMismatch"),
    ("the day's cap is raised afterwards", policy_changed, 7, "PolicyChanged"),
    ("a revision is missing", revision_gap, 8, "RevisionGap"),
    ("a release is replayed", released_twice, 8, "ReleaseReplayed"),
    ("a release comes before its commit", chained(release_first), 8, "ReleaseBeforeCommit"),
    ("a release shares its commit's block", told(same_block=True), 8, "ReleaseBeforeCommit"),
    ("the best of many draws is published", best_of_many, 8, "TooManyWithheld"),
    ("a correction hides the release before", unlinked_correction, 8, "CorrectionUnlinked"),
    ("a correction does not say why", unexplained_correction, 8, "CorrectionUnexplained"),
]  # fmt: skip
