"""Where a large MySQL table is cut, so that several can read it at once: ranges of its whole-numbered primary key.

Keys are seldom spread evenly (numbers by year, by office, a block of imported ones far off), and counting rows would
read the whole table. The server's own estimate for a range looks at a few pages of the index, so the widest span is
halved until none holds much, and neighbours are put together again into pieces of about the same number of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import ConfigError, HubError

if TYPE_CHECKING:
    from connectors.drivers.mysql import MySQLSession

_BIG = 8 << 20  # bytes below which a table is not split
_MOST_WAYS = 8
_FINE = 4  # spans a piece is made of
_MOST_CUTS = 200  # two estimates each, below a millisecond


def pieces(session: MySQLSession, table: str, relation: str, ways: int) -> list[str]:
    """Conditions of which each row meets exactly one; none when the table is small or cannot be cut, which `session.whole` tells."""
    found = session.rows(
        "SELECT t.engine, t.data_length, (SELECT c.column_name FROM information_schema.columns c"
        " WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name AND c.column_key = 'PRI'"
        f" AND c.data_type IN ({', '.join(repr(kind) for kind in sorted(session.integers))}) AND c.column_name ="
        " (SELECT s.column_name FROM information_schema.statistics s WHERE s.table_schema = t.table_schema"
        " AND s.table_name = t.table_name AND s.index_name = 'PRIMARY' AND s.seq_in_index = 1))"
        f" FROM information_schema.tables t WHERE t.table_type = 'BASE TABLE' AND {session.named(table)}"
    )
    engine, size, key = found[0] if found else (None, 0, None)
    if found and int(size or 0) < _BIG:
        return []
    if engine != "InnoDB" or key is None:
        session.whole = "表不是 InnoDB 的，或主键不是整数，没有分几路读"
        return []
    try:
        session.lock(relation)
        session.execute("UNLOCK TABLES")
    except HubError as error:
        why = "没有短时锁表的权限（LOCK TABLES）" if isinstance(error, ConfigError) else "表正忙，没等到短时的锁"
        session.whole = f"{why}，各路看不到同一时刻，改为一路读"
        return []
    column = session.quote(str(key))
    low, high = session.rows(f"SELECT MIN({column}), MAX({column}) FROM {relation}")[0]
    ways = min(ways, _MOST_WAYS)
    if low is None or int(high) - int(low) < ways:
        return []
    edges = _edges(session, relation, column, int(low), int(high) + 1, ways)
    lower = ["", *(f"{column} >= {edge}" for edge in edges)]
    upper = [*(f"{column} < {edge}" for edge in edges), ""]
    return [" AND ".join(filter(None, pair)) for pair in zip(lower, upper, strict=True)]


def _edges(session: MySQLSession, relation: str, column: str, low: int, high: int, ways: int) -> list[int]:
    """At most `ways` - 1 keys between `low` and `high` with about as many rows between each two."""

    def estimated(first: int, after: int) -> tuple[int, int, int]:
        asked = (
            f"SELECT {column} FROM {relation} FORCE INDEX (PRIMARY) WHERE {column} >= {first} AND {column} < {after}"
        )
        return session.estimate(asked), first, after

    middle = (low + high) // 2
    spans = [estimated(low, middle), estimated(middle, high)]
    for _ in range(_MOST_CUTS):
        rows, first, after = max(spans)
        if rows * ways * _FINE <= sum(span[0] for span in spans) or after - first < 2:
            break
        spans.remove((rows, first, after))
        middle = (first + after) // 2
        spans += [estimated(first, middle), estimated(middle, after)]
    share = sum(span[0] for span in spans) / ways
    edges: list[int] = []
    before = 0.0
    for rows, first, _ in sorted(spans, key=lambda span: span[1]):
        # Cut before the span that would lie more in the next piece than in this.
        if before + rows / 2 > share * (len(edges) + 1) and first > low and len(edges) < ways - 1:
            edges.append(first)
        before += rows
    return edges
