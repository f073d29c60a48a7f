"""Standardise and check one landed delivery: one pass of set-based SQL in an in-process DuckDB.

    landed.parquet (source columns)  ->  checked/*.parquet (contract fields + system columns, one row per source row)

Every rule is one boolean; the row's failing rules are bits of `_w0, _w1, …`. Rows keep all their reasons and,
through `_n` (the row's place in the landed file), their raw values. Always: passed + quarantined = extracted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from quality.plan import AUTOMATIC, WORD, Mapping, Plan, RowRule
from schemas.contract import Contract

__all__ = ["AUTOMATIC", "Checked", "Mapping", "RowRule", "check"]

PART_ROWS = 200_000
# Read once or twice within seconds and then removed: packing it would cost more than it saves.
_PLAIN = "FORMAT parquet, COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1, ROW_GROUP_SIZE 100000"


@dataclass
class Checked:
    """A checked delivery: where it lies, and how its rows fell."""

    parquet: Path  # a pattern that takes in all its parts
    rules: list[RowRule]
    source_columns: dict[str, str]  # contract field -> source column
    extracted: int = 0
    passed: int = 0
    quarantined: int = 0
    repaired: int = 0
    warned: int = 0
    superseded: int = 0
    losers: int = 0  # rows that pass on their own and lose to another with the same key, superseded or refused
    by_rule: dict[str, int] = field(default_factory=dict)

    @property
    def bad(self) -> str:
        """SQL over the checked rows: true where a row fails an error rule."""
        words: dict[int, int] = {}
        for r in self.rules:
            if r.severity == "error":
                words[r.bit // WORD] = words.get(r.bit // WORD, 0) | 1 << (r.bit % WORD)
        return " OR ".join(f"(_w{w} & {mask}) <> 0" for w, mask in words.items()) or "false"


def check(
    con: Any,
    landed: Path,
    contract: Contract,
    mapping: Mapping,
    extracted_at: datetime,
    folder: Path,
    on_part: Callable[[Checked, Path], None] | None = None,
) -> Checked:
    """Write the checked rows into `folder` and count how they fell. `con` is a DuckDB connection with the macros installed.

    With `on_part` the rows are written in parts of PART_ROWS, and it is told of each as soon as it is there: by then
    its rows are judged one by one, but not yet against the keys of the others.

    Raises:
        SourceChanged: a mapped column is not in the delivery; the nearest name is given.
    """
    folder.mkdir(exist_ok=True)
    plan = Plan(con, contract, mapping, landed)
    checked = Checked(folder / "*.parquet", plan.rules, plan.present)
    step = PART_ROWS if on_part else max(plan.rows, 1)
    for number, first in enumerate(range(0, max(plan.rows, 1), step)):
        part = folder / f"{number:05}.parquet"
        span = (first, first + step) if on_part else None
        con.execute(f"COPY ({plan.sql(landed, extracted_at, span)}) TO '{part}' ({_PLAIN})")
        if on_part:
            on_part(checked, part)
    _find_duplicates(con, contract, checked, mapping)
    _count(con, checked)
    return checked


def _find_duplicates(con: Any, contract: Contract, checked: Checked, mapping: Mapping) -> None:
    """Make temp table `loser(_n, superseded)`: rows whose key stands more than once in the delivery.

    A source with an order (cursor, exchange) says by it which row is the last word: earlier ones are superseded,
    not refused. Elsewhere identical rows keep the first, and rows that contradict one another are all refused.
    """
    keys = ", ".join(f'"{k}"' for k in contract.key)
    con.execute("CREATE OR REPLACE TEMP TABLE loser AS SELECT 0::BIGINT AS _n, false AS superseded WHERE false")
    rows = f"read_parquet('{checked.parquet}')"
    found = con.execute(
        f"SELECT count(*) FROM (SELECT {keys} FROM {rows} WHERE NOT ({checked.bad}) GROUP BY ALL HAVING count(*) > 1)"
    ).fetchone()
    if not found[0]:
        return
    ordered = mapping.kind in {"cursor", "exchange"}
    order = "_seq DESC, _n DESC" if mapping.kind == "exchange" else "_n DESC"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE loser AS
        WITH twins AS (SELECT {keys}, count(DISTINCT _row_hash) AS versions FROM {rows} WHERE NOT ({checked.bad})
                       GROUP BY {keys} HAVING count(*) > 1),
             placed AS (SELECT r._n, t.versions, row_number() OVER (PARTITION BY {", ".join(f'r."{k}"' for k in contract.key)}
                        ORDER BY {order if ordered else "_n"}) AS place
                        FROM {rows} r JOIN twins t USING ({keys}) WHERE NOT ({checked.bad}))
        SELECT _n, {str(ordered).lower()} AS superseded FROM placed
        WHERE place > 1 OR ({str(not ordered).lower()} AND versions > 1)"""
    )


def _count(con: Any, checked: Checked) -> None:
    flags = ", ".join(f"count(*) FILTER (WHERE {r.flag})" for r in checked.rules) or "0"
    row = con.execute(
        f"""SELECT count(*), count(*) FILTER (WHERE {checked.bad}), count(*) FILTER (WHERE NOT ({checked.bad}) AND _quality = 2),
        count(*) FILTER (WHERE NOT ({checked.bad}) AND _quality = 1), {flags} FROM read_parquet('{checked.parquet}')"""
    ).fetchone()
    twins, superseded = con.execute(
        "SELECT count(*) FILTER (WHERE NOT superseded), count(*) FILTER (WHERE superseded) FROM loser"
    ).fetchone()
    # A refused twin was counted as repaired or warned above: take it out again.
    lost = (
        con.execute(
            f"""SELECT count(*) FILTER (WHERE _quality = 2), count(*) FILTER (WHERE _quality = 1)
        FROM read_parquet('{checked.parquet}') JOIN loser USING (_n) WHERE NOT superseded"""
        ).fetchone()
        if twins
        else (0, 0)
    )
    checked.extracted, bad = row[0], row[1]
    checked.quarantined = bad + twins
    checked.passed = checked.extracted - checked.quarantined
    checked.superseded, checked.losers = superseded, twins + superseded
    checked.repaired, checked.warned = row[2] - lost[0], row[3] - lost[1]
    for r, n in zip(checked.rules, row[4:], strict=False):
        if n:
            checked.by_rule[r.name] = checked.by_rule.get(r.name, 0) + n
    if twins:
        checked.by_rule["duplicate_key"] = checked.by_rule.get("duplicate_key", 0) + twins
