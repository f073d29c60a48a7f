"""SQL macros that say in DuckDB what the pure functions of this room say in Python, for whole columns at once.

`install(con)` makes them all. Macros are pasted into the query that names them, so nothing here is called per row;
the one function there is (`nfkc`, through Arrow, a column at a time) sees only cells with more than ASCII and common
Han in them. The text of every macro is made from the constants of its pure twin, and tests hold the pairs together.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from schemas.macros import addresses, amounts, dates, deadlines, identifiers, names, privacy, texts
from schemas.names import DEFAULT_REGIONS

if TYPE_CHECKING:
    import duckdb


def install(con: "duckdb.DuckDBPyConnection", regions: Sequence[str] = DEFAULT_REGIONS) -> None:
    """Create every macro in this connection's database; again changes nothing. `regions` shape name_loose_key."""
    _create_nfkc(con)
    con.execute(_script(tuple(regions)))


@cache
def _script(regions: tuple[str, ...]) -> str:
    every = (
        texts.MACROS,
        identifiers.MACROS,
        dates.MACROS,
        deadlines.MACROS,
        amounts.MACROS,
        names.macros(regions),
        addresses.macros(regions),
        privacy.MACROS,
    )
    return ";\n".join(
        f"CREATE OR REPLACE MACRO {signature} AS ({body})" for macros in every for signature, body in macros.items()
    )


def _create_nfkc(con: "duckdb.DuckDBPyConnection") -> None:
    import duckdb

    text = duckdb.sqltypes.VARCHAR
    # Asking the catalogue whether it is there costs 25 ms; being told that it is costs nothing.
    with suppress(duckdb.NotImplementedException, duckdb.CatalogException):
        con.create_function("nfkc", _nfkc, [text], text, type="arrow")


def _nfkc(column: Any) -> Any:  # DuckDB evaluates these annotations, so they cannot name a lazy import
    import pyarrow.compute as pc

    return pc.utf8_normalize(column, form="NFKC")
