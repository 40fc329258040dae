"""Single rows of a report, proven by the contract."""

from dataclasses import replace

from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.core.merkle import inclusion_proof, root
from tests.chain.support import PLATFORM, a_commit, a_release, digest, publish


def test_row_inclusion_agrees_with_the_tree(registry: Registry) -> None:
    """Every leaf of trees of 1 to 9 leaves is proven; a wrong anything is not."""
    for size in range(1, 10):
        rows = [f"row {i}".encode() for i in range(size)]
        top = root(rows)
        for index, row in enumerate(rows):
            path = inclusion_proof(rows, index)
            assert registry.verify_row(top, row, index, size, path)
            assert not registry.verify_row(top, row + b"!", index, size, path)
            assert not registry.verify_row(top, row, index, size, [*path, bytes(32)])
            assert not registry.verify_row(digest("other"), row, index, size, path)
            assert not registry.verify_row(top, row, size, size, path)
            if path:
                assert not registry.verify_row(top, row, (index + 1) % size, size, path)
                assert not registry.verify_row(top, row, index, size, path[:-1])


def test_rows_of_recorded_reports(registry: Registry, publisher: Publisher) -> None:
    """A row is proven against a record, newest or old, and not against a made-up one."""
    rows = [b'{"header":1}', b'{"plays":7}', b'{"plays":8}']
    release = replace(a_release(0), report_root=root(rows))
    (record,) = publish(publisher, [a_commit(0)], [release])
    row = (rows[2], 2, 3, inclusion_proof(rows, 2))
    evidence = registry.read_evidence(PLATFORM)
    assert registry.verify_recorded_row(evidence, record, row)
    publish(publisher, [a_commit(1), a_commit(2)], [a_release(1)])
    later = registry.read_evidence(PLATFORM)
    assert registry.verify_recorded_row(later, record, row)
    assert not registry.verify_recorded_row(evidence, record, row)  # the head has moved on
    assert not registry.verify_recorded_row(later, record, (rows[1], *row[1:]))
    assert not registry.verify_recorded_row(later, later.records[4], row)  # another report
