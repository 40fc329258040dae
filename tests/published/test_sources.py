"""What a stranger fetches is bounded before it is believed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.cli.verify import REFUTED, exit_code
from analytics_pipeline.core.chain_values import cid_text
from analytics_pipeline.core.errors import InvalidContent
from analytics_pipeline.core.record import ChainEvidence, ReleaseRecord
from analytics_pipeline.core.unixfs import CHUNK_BYTES, cid_of_bytes
from analytics_pipeline.core.verify_errors import CidUnusable
from analytics_pipeline.published import sources
from analytics_pipeline.published.sources import PublicSources
from analytics_pipeline.storage.ipfs import open_store
from tests.support.world import DAYS, World


@pytest.mark.parametrize("cid", [cid_text(b"\x01" + b"x" * 40), cid_of_bytes(b"a file")])
def test_a_record_without_a_bundle_is_the_operators_fault(tmp_path: Path, cid: str) -> None:
    """The contract takes any few bytes for a CID; who asked for the day did nothing wrong."""
    world = World()
    world.publish(DAYS[0])
    release = ReleaseRecord(**{**vars(world.records[-1]), "bundle_cid": cid})
    evidence = ChainEvidence(*world.place, (*world.records[:-1], release))
    registry: Registry = SimpleNamespace(read_evidence=lambda _: evidence)  # type: ignore[assignment]
    with open_store(str(tmp_path)) as store, pytest.raises(CidUnusable) as caught:
        PublicSources(registry, store).load_day("demo", release.day)
    assert exit_code(caught.value, is_folder=False) == REFUTED


def test_a_bundle_that_claims_to_be_huge_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One block named many times costs its maker nothing and would fill the reader's memory."""
    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 3 * CHUNK_BYTES)
    world = World()
    world.publish(DAYS[0])
    release = world.records[-1]
    with open_store(str(tmp_path)) as store:
        cid = store.add_directory({"report.json": bytes(4 * CHUNK_BYTES)})

        def read_evidence(_: str) -> ChainEvidence:
            fields: dict[str, Any] = {**vars(release), "bundle_cid": cid}
            return ChainEvidence(*world.place, (*world.records[:-1], ReleaseRecord(**fields)))

        registry: Registry = SimpleNamespace(read_evidence=read_evidence)  # type: ignore[assignment]
        with pytest.raises(InvalidContent):
            PublicSources(registry, store).load_day("demo", release.day)
