"""Figures as CSV and Parquet: flat columns, the same values as in JSON.

Belongs here: columns and their types. Does not belong here: choosing figures.
"""

import io
from collections.abc import Sequence
from typing import Any, Final

import polars as pl
from msgspec import UnsetType

from analytics_pipeline.serve.documents import Figure

CSV_TYPE: Final = "text/csv; charset=utf-8"
PARQUET_TYPE: Final = "application/vnd.apache.parquet"
_COLUMNS: Final[dict[str, Any]] = {
    "day": pl.Date,
    "revision": pl.UInt32,
    "scope": pl.String,
    "key": pl.String,
    "metric": pl.String,
    "unit": pl.String,
    "value": pl.Int64,
    "suppressed": pl.Boolean,
    "threshold": pl.Int64,
    "error_95": pl.Float64,
    "sigma": pl.Float64,
    "rho": pl.Float64,
    "epsilon": pl.Float64,
    "delta": pl.Float64,
}
_PLACE: Final[dict[str, Any]] = {
    "proof_href": pl.String,
    "report_root": pl.String,
    "leaf_index": pl.UInt32,
    "tree_size": pl.UInt32,
}


def build_frame(figures: Sequence[Figure], *, proofs: bool, siblings: bool) -> pl.DataFrame:
    """A row for each figure.

    Args:
        proofs: whether figures have their places in the report's tree.
        siblings: whether they have whole inclusion proofs.
    """
    schema = dict(_COLUMNS)
    data: dict[str, list[Any]] = {
        name: [getattr(figure, name) for figure in figures] for name in _COLUMNS
    }
    if proofs:
        schema |= _PLACE
        found = [figure.proof for figure in figures if not isinstance(figure.proof, UnsetType)]
        data["proof_href"] = [proof.href for proof in found]
        for name in ("report_root", "leaf_index", "tree_size"):
            data[name] = [getattr(proof, name) for proof in found]
        if siblings:
            schema["siblings"] = pl.List(pl.String)
            data["siblings"] = [proof.siblings for proof in found]
    return pl.DataFrame(data, schema=schema)


def build_csv(frame: pl.DataFrame) -> bytes:
    """RFC 4180 with a header line; siblings are separated by spaces, a null is empty."""
    if "siblings" in frame.columns:
        frame = frame.with_columns(pl.col("siblings").list.join(" "))
    return frame.write_csv(line_terminator="\r\n").encode()


def build_parquet(frame: pl.DataFrame) -> bytes:
    """Parquet, zstd."""
    sink = io.BytesIO()
    frame.write_parquet(sink)
    return sink.getvalue()
