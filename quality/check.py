"""Standardise and check one landed delivery: one pass of set-based SQL in an in-process DuckDB.

    landed rows (source columns)  ->  checked/*.parquet (contract fields + system columns, one row per source row)

Every rule is one boolean; the row's failing rules are bits of `_w0, _w1, …`. Rows keep all their reasons and,
through `_n` (the row's place in the landed file), their raw values. Always: passed + quarantined = extracted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quality.arrow import without_extensions
from quality.plan import Mapping, Plan
from quality.row_rule import AUTOMATIC, WORD, RowRule
from schemas.contract import Contract

__all__ = ["AUTOMATIC", "Checked", "Checker", "Mapping", "RowRule", "check"]

PART_ROWS = 50_000  # in a part; planning one costs as much as checking a few thousand rows
_SCANNED_ROWS = 10_000  # DuckDB gives each of its threads a batch at a time


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
        return " OR ".join(f"({word} & {mask}) <> 0" for word, mask in self.refusing.items()) or "false"

    @property
    def refusing(self) -> dict[str, int]:
        """The bits of each word that mean an error rule was failed."""
        words: dict[str, int] = {}
        for r in self.rules:
            if r.severity == "error":
                word = f"_w{r.bit // WORD}"
                words[word] = words.get(word, 0) | 1 << (r.bit % WORD)
        return words

    def good(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Those of checked rows that pass on their own."""
        bad = None
        for word, mask in self.refusing.items():
            failed = pc.not_equal(pc.bit_wise_and(batch.column(word), mask), 0)
            bad = failed if bad is None else pc.or_(bad, failed)
        return batch if bad is None or not pc.any(bad).as_py() else batch.filter(pc.invert(bad))


class Checker:
    """Standardises and checks a delivery part by part: rows are judged one by one, and at the end against one another's keys.

    `con` is a DuckDB connection with the macros installed, `plan` made from the delivery's schema.
    """

    def __init__(self, con: Any, plan: Plan, extracted_at: datetime, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._con, self._plan, self._extracted_at, self._folder = con, plan, extracted_at, folder
        self._parts = self._rows = 0
        self.checked = Checked(folder / "*.parquet", plan.rules, plan.present)

    def part(self, rows: pa.Table) -> list[pa.RecordBatch]:
        """Check the delivery's next rows into the folder and return them, bad ones too."""
        rows = self._plan.come(rows)
        numbers = pa.array(numpy.arange(self._rows, self._rows + rows.num_rows))
        rows = rows.append_column("file_row_number", numbers)
        self._plan.look_for_odd(self._con, lambda: self._registered(rows))
        reader = self._con.execute(self._plan.sql(self._registered(rows), self._extracted_at)).to_arrow_reader(
            PART_ROWS
        )
        checked = without_extensions(reader, keep="arrow.uuid").read_all()  # Parquet knows UUIDs
        _write(checked, self._folder / f"{self._parts:05}.parquet")
        self._parts, self._rows = self._parts + 1, self._rows + rows.num_rows
        return list(checked.to_batches())

    def _registered(self, rows: pa.Table) -> str:
        # The bare C stream: handed a reader, DuckDB imports pyarrow.dataset and with it pandas, 1.1 s.
        self._con.register("part", rows.to_reader(_SCANNED_ROWS).__arrow_c_stream__())
        return "part"

    def finish(self) -> Checked:
        """Find rows with the same key in all parts, and count how the rows fell."""
        self._con.unregister("part")
        _find_duplicates(self._con, self._plan.contract, self.checked, self._plan.mapping)
        _count(self._con, self.checked)
        return self.checked


def check(
    con: Any, landed: Path, contract: Contract, mapping: Mapping, extracted_at: datetime, folder: Path,
    on_part: Callable[[Checked, list[pa.RecordBatch]], None] = lambda checked, part: None,
) -> Checked:  # fmt: skip
    """Check a landed delivery into `folder`, in parts of PART_ROWS, `on_part` being told of each as soon as it is there.

    Raises:
        SourceChanged: a mapped column is not in the delivery; the nearest name is given.
    """
    with pq.ParquetFile(landed) as file:
        checker = Checker(con, Plan(con, contract, mapping, file.schema_arrow), extracted_at, folder)
        for rows in _parts(file):
            on_part(checker.checked, checker.part(rows))
    return checker.finish()


def _parts(file: pq.ParquetFile) -> Iterator[pa.Table]:
    """The file's rows in parts; one without rows when there is none."""
    part: list[pa.RecordBatch] = []
    for batch in file.iter_batches(min(_SCANNED_ROWS, PART_ROWS)):
        part.append(batch)
        if sum(batch.num_rows for batch in part) >= PART_ROWS:
            yield pa.Table.from_batches(part)
            part = []
    if part or not file.metadata.num_rows:
        yield pa.Table.from_batches(part, file.schema_arrow)


def _write(rows: pa.Table, part: Path) -> None:
    # Read once or twice within seconds and then removed: packing it would cost more than it saves.
    pq.write_table(
        rows, part, row_group_size=2 * PART_ROWS, compression="none", use_dictionary=False, write_statistics=False, store_schema=False
    )  # fmt: skip


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
