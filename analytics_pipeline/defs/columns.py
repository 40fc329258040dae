"""The columns of assets, for people who look at them in Dagster: names, types, meaning, lineage.

Of a dbt model they are in the manifest (dagster-dbt shows them). Here stand those of the assets
that are not dbt models, and which column of a model comes from which: worked out from the SQL that
dbt has compiled, without opening the warehouse, once for each version of the project.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import dagster as dg
from dagster_dbt import DagsterDbtTranslator
from dagster_dbt.core.dbt_cli_event import EventHistoryMetadata, _build_column_lineage_metadata

from analytics_pipeline.defs.dbt_manifest import project_digest
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS
from analytics_pipeline.storage.warehouse import VIDEOS_SCHEMA

SCHEMA: Final = "dagster/column_schema"
LINEAGE: Final = "dagster/column_lineage"
_CACHE: Final = "column_lineage.json"

#: What is in the document that an asset makes: column, type, meaning.
_DOCUMENTS: Final[Mapping[str, Sequence[tuple[str, str, str]]]] = {
    "segments": (
        ("segment_id", "string", "Name the sealer gave it."),
        ("cid", "string", "Content identifier of the ciphertext on IPFS."),
        ("size_bytes", "integer", "Length of the ciphertext, padded."),
        ("wrapping_key_id", "string", "Key that its data key is wrapped under."),
        ("counts", "integers", "Events accepted, rejected, duplicate and late; private."),
    ),
    "manifest": (
        ("segment_id", "string", "Name of a segment; rows are in its order."),
        ("cid", "string", "Content identifier of its ciphertext on IPFS."),
        ("bytes", "integer", "Length of the ciphertext, padded."),
        ("key_commitment", "hash", "Commitment to its data key."),
        ("wrapping_key_id", "string", "Key that its data key is wrapped under."),
        ("counts_commitment", "hash", "Salted commitment to its event counts."),
    ),
    "commitment": (
        ("day", "date", "UTC day."),
        ("revision", "integer", "Which release of the day it is for; the first is 1."),
        ("manifest_root", "hash", "Merkle root of the manifest."),
        ("policy_hash", "hash", "Hash of the policy: bounds, noise, budget."),
        ("tally_root", "hash", "Commitment to the contributions."),
        ("catalogue_root", "hash", "Commitment to the list of videos and creators."),
        ("seed_commitment", "hash", "Commitment to the seed of the noise."),
    ),
    "release": (
        ("scope", "string", "platform, video, creator, region or provider."),
        ("key", "string", "Which one; empty for the platform."),
        ("metric", "string", "What is counted (spec/kpis.md)."),
        ("value", "integer", "The figure with its noise; null if it is suppressed."),
        ("sigma", "number", "Standard deviation of the noise, in the figure's unit."),
        ("error_95", "number", "In 95 of 100 cases the figure before noise is this close."),
    ),
    "record": (
        ("day", "date", "UTC day."),
        ("revision", "integer", "Which release of the day it is; the first is 1."),
        ("report_root", "hash", "Merkle root of the report's rows."),
        ("report_cid", "string", "Content identifier of the report."),
        ("bundle_cid", "string", "Content identifier of all that a verifier needs."),
        ("spend_nano_rho", "integer", "Privacy budget it spent, in 1e-9 rho."),
        ("figure_sum", "hash", "All figures in one field element; what the proof is about."),
        ("beacon_block", "integer", "Block whose randomness the noise follows from."),
        ("beacon", "hash", "That randomness."),
        ("previous_head", "hash", "Hash over all records of the platform before it."),
        ("block_number", "integer", "Block it is in."),
        ("block_time", "integer", "Time of that block, Unix seconds."),
        ("publisher", "address", "Account that sent it."),
    ),
}


def column_schemas(manifest: Mapping[str, Any]) -> dict[dg.AssetKey, dg.TableSchema]:
    """The columns of every asset that is not a dbt model.

    Args:
        manifest: dbt's, which says what the columns of its sources mean.
    """
    written = {
        name: dg.TableSchema([dg.TableColumn(n, t, d) for n, t, d in columns])
        for name, columns in _DOCUMENTS.items()
    }
    for source, types in (("events", EVENT_COLUMNS), ("videos", VIDEOS_SCHEMA)):
        [props] = [p for p in manifest["sources"].values() if p["name"] == source]
        words = {name: " ".join(c["description"].split()) for name, c in props["columns"].items()}
        columns = [dg.TableColumn(n, str(t).lower(), words[n]) for n, t in types.items()]
        written[source] = dg.TableSchema(columns)
    return {dg.AssetKey(name): schema for name, schema in written.items()}


class ColumnLineage:
    """Which columns of its parents each column of a dbt model comes from."""

    def __init__(self, manifest: Path, target_dir: Path, translator: DagsterDbtTranslator) -> None:
        """
        Args:
            manifest: dbt's, of the project as it is now.
            target_dir: where dbt puts the SQL that it compiles; what was found is kept there.
        """
        self._manifest = json.loads(manifest.read_bytes())
        self._target_dir = target_dir
        self._translator = translator
        self._digest = project_digest()
        self._found = self._load_kept()

    def metadata(self, model: str) -> dict[str, Any]:
        """For the materialisation of a model that dbt has just built. Empty if its SQL is more than
        the parser of dagster-dbt understands: that is no reason to fail a run."""
        if model not in self._found:
            try:
                self._found[model] = self._build(model)
            except Exception:
                self._found[model] = {}
        by_column = {
            column: [dg.TableColumnDep(dg.AssetKey(asset), name) for asset, name in deps]
            for column, deps in self._found[model].items()
        }
        return {LINEAGE: dg.TableColumnLineage(by_column)}

    def keep(self) -> None:
        """Write down what was found, for later runs on the same project."""
        kept = {"project": self._digest, "models": self._found}
        path = self._target_dir / _CACHE
        whole = path.with_suffix(".new")
        whole.write_text(json.dumps(kept))
        whole.replace(path)

    def _load_kept(self) -> dict[str, Any]:
        path = self._target_dir / _CACHE
        kept = json.loads(path.read_bytes()) if path.exists() else {}
        return dict(kept["models"]) if kept.get("project") == self._digest else {}

    def _build(self, model: str) -> dict[str, list[list[str]]]:
        """{column: [[asset, column], …]}, from the compiled SQL."""
        nodes = {**self._manifest["nodes"], **self._manifest["sources"]}
        node = next(
            n for n in nodes.values() if (n["resource_type"], n["name"]) == ("model", model)
        )
        parents = [nodes[name] for name in node["depends_on"]["nodes"]]
        history = EventHistoryMetadata(
            columns=_types(node), parents={p["relation_name"]: _types(p) for p in parents}
        )
        built = _build_column_lineage_metadata(
            history, node, self._manifest, self._translator, self._target_dir, None
        )
        return {
            column: sorted([dep.asset_key.path[-1], dep.column_name] for dep in deps)
            for column, deps in built[LINEAGE].deps_by_column.items()
        }


def _types(node: Mapping[str, Any]) -> dict[str, Any]:
    columns = node["columns"].items()
    return {name: {"data_type": column.get("data_type") or "varchar"} for name, column in columns}
