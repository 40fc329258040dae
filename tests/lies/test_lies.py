"""The table of lies: each kind gets its own named error, from the check that must notice."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from analytics_pipeline.core import canonical, verify_errors
from analytics_pipeline.core.record import CommitRecord, Record
from analytics_pipeline.core.verify import verify_bundle
from tests.support.world import DAYS, Lies, World, edit_json, honest_world, small_manifest

FIRST, SECOND, THIRD = DAYS
OTHER_CID = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


@dataclass(frozen=True)
class Case:
    """A folder with one lie in it, and what an honest asker asks for."""

    folder: dict[str, bytes]
    question: dict[str, Any] = field(default_factory=dict)


def told(**lies: Any) -> Callable[[], Case]:
    """The operator tells the lie and publishes consistently with it."""

    def tell() -> Case:
        world = World()
        world.publish(FIRST)
        world.publish(SECOND, lies=Lies(**lies))
        return Case(world.folder(SECOND, 1))

    return tell


def edited(path: str, change: Callable[[Any], None]) -> Callable[[], Case]:
    """Somebody edits one file of an honest folder; nothing else is adapted."""

    def edit() -> Case:
        folder = honest_world().folder(SECOND, 2)
        return Case({**folder, path: edit_json(folder[path], change)})

    return edit


def chained(change: Callable[[list[Record]], list[Record]]) -> Callable[[], Case]:
    """Somebody rewrites the records of an honest history and chains them anew."""

    def rewrite() -> Case:
        world = honest_world()
        folder = world.folder(SECOND, 2)
        return Case({**folder, "chain.json": world.chain_file(change(list(world.records)))})

    return rewrite


def row_changed(position: int, **fields: Any) -> Callable[[Any], Any]:
    return lambda rows: [
        replace(row, **fields) if i == position else row for i, row in enumerate(rows)
    ]


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


def policy_changed() -> Case:
    world = World()
    strict = world.policy
    world.publish(FIRST)
    world.policy = replace(strict, rho_nano_per_day=strict.rho_nano_per_day * 100)
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


LIES: list[tuple[str, Callable[[], Case], int, str]] = [
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
     told(release=lambda r: replace(r, bundle_cid=OTHER_CID)), 2, "BundleMismatch"),
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
    ("the day's cap is raised afterwards", policy_changed, 7, "PolicyChanged"),
    ("a revision is missing", revision_gap, 8, "RevisionGap"),
    ("a release is replayed", released_twice, 8, "ReleaseReplayed"),
    ("a release comes before its commit", chained(release_first), 8, "ReleaseBeforeCommit"),
    ("a release shares its commit's block", told(same_block=True), 8, "ReleaseBeforeCommit"),
    ("a correction hides the release before", unlinked_correction, 8, "CorrectionUnlinked"),
]  # fmt: skip


@pytest.mark.parametrize(("lie", "tell", "number", "error"), LIES, ids=[lie[0] for lie in LIES])
def test_every_lie_has_its_name(
    lie: str, tell: Callable[[], Case], number: int, error: str
) -> None:
    """The lie is found by its check, under its name, with a table that ends at the failure."""
    case = tell()
    with pytest.raises(verify_errors.VerificationFailed) as caught:
        verify_bundle(case.folder, **case.question)
    failure = caught.value
    assert (failure.name, failure.number) == (error, number), str(failure)
    assert [result.number for result in failure.results] == list(range(number + 1))
    assert [result.passed for result in failure.results] == [True] * number + [False]
    assert error in failure.results[-1].detail
    assert failure.meaning in str(failure)


def test_every_error_has_a_lie_and_a_line_in_the_tree() -> None:
    """No error exists without a lie that provokes it and its place in the drawn tree."""
    classes = {c.__name__ for c in verify_errors.VerificationFailed.__subclasses__()}
    assert classes == {lie[3] for lie in LIES}
    assert verify_errors.__doc__ is not None
    drawn = {
        line.split("── ")[1].split()[0]
        for line in verify_errors.__doc__.splitlines()
        if "──" in line
    }
    assert drawn == classes


def test_the_honest_world_verifies() -> None:
    """Without a lie every check passes, online and offline, for every newest release."""
    world = honest_world()
    for day, revision in ((FIRST, 1), (SECOND, 2), (THIRD, 2)):
        for head in (None, world.head):
            results = verify_bundle(
                world.folder(day, revision), platform="demo", day=day, registry_head=head
            )
            assert [result.number for result in results] == list(range(9))
            assert all(result.passed and result.detail for result in results)


def test_an_older_revision_verifies_when_asked_for() -> None:
    """History stays verifiable: a superseded release is fine for whoever asks for that one."""
    world = honest_world()
    assert verify_bundle(world.folder(SECOND, 1), revision=1)


def test_withheld_commits_are_shown() -> None:
    """A commit that was never released does not fail, but the table says so."""
    results = verify_bundle(honest_world().folder(THIRD, 2))
    assert "committed without a release: [1]" in results[-1].detail


def test_documents_are_canonical() -> None:
    """All files of a folder are their own canonical form."""
    for data in honest_world().folder(SECOND, 2).values():
        assert canonical.encode(canonical.parse(data)) == data
