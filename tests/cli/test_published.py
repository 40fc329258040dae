"""What a stranger fetches is bounded before it is believed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.cli import published
from analytics_pipeline.cli.published import PublicSources
from analytics_pipeline.core.errors import InvalidContent
from analytics_pipeline.core.record import ChainEvidence, ReleaseRecord, parse_evidence
from analytics_pipeline.core.unixfs import CHUNK_BYTES
from analytics_pipeline.storage.ipfs import open_store

SAMPLE = Path(__file__).parents[2] / "data" / "sample_day"


def test_a_bundle_that_claims_to_be_huge_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One block named many times costs its maker nothing and would fill the reader's memory."""
    monkeypatch.setattr(published, "MAX_FILE_BYTES", 3 * CHUNK_BYTES)
    evidence = parse_evidence((SAMPLE / "chain.json").read_bytes())
    release = next(r for r in evidence.records if isinstance(r, ReleaseRecord))
    with open_store(str(tmp_path)) as store:
        cid = store.add_directory({"report.json": bytes(4 * CHUNK_BYTES)})

        def read_evidence(_: str) -> ChainEvidence:
            fields: dict[str, Any] = {**vars(release), "bundle_cid": cid}
            return SimpleNamespace(records=(ReleaseRecord(**fields),))  # type: ignore[return-value]

        registry: Registry = SimpleNamespace(read_evidence=read_evidence)  # type: ignore[assignment]
        with pytest.raises(InvalidContent):
            PublicSources(registry, store).load_day("demo", release.day)
