"""Making and changing source tables: polars frames whose `~` columns stay inside the county."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray


def frame(columns: Mapping[str, Any]) -> pl.DataFrame:
    """A frame from arrays; object arrays hold texts and None."""
    series = []
    for name, values in columns.items():
        if isinstance(values, np.ndarray) and values.dtype == object:
            series.append(pl.Series(name, values.tolist(), dtype=pl.String))
        elif isinstance(values, np.ndarray) and values.dtype == np.dtype("datetime64[s]"):
            series.append(pl.Series(name, values.astype("datetime64[ms]")))
        else:
            series.append(pl.Series(name, values))
    return pl.DataFrame(series)


def put(
    table: pl.DataFrame, column: str, rows: NDArray[Any], values: Sequence[Any] | NDArray[Any] | Any
) -> pl.DataFrame:
    """The frame with new values in some rows of one column; a single value fills them all."""
    if not isinstance(values, (list, np.ndarray)):
        values = [values] * len(rows)
    series = table[column]
    fresh = pl.Series(column, list(values), dtype=series.dtype)
    order = np.argsort(rows, kind="stable")
    return table.with_columns(series.clone().scatter(np.asarray(rows)[order], fresh.gather(order)))


def public(table: pl.DataFrame) -> pl.DataFrame:
    """Only what the source system shows."""
    return table.select(pl.exclude("^~.*$"))


def texts(table: pl.DataFrame, column: str) -> NDArray[Any]:
    """A column as an object array of texts and None."""
    return np.array(table[column].to_list(), dtype=object)
