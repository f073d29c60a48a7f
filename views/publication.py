"""Publications: figures given out, kept with all it takes to compute them again and to open them to their sources.

    propose  one person: the view's rows as of a day, as known now; texts, versions and the rows' hash are kept
    approve  another person: only while it can still be computed to the same hash
    prove    anybody, any time: computed again from record and history, compared, opened to source rows

A publication is never changed or deleted; a correction is a new publication.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import dict_row

from schemas.errors import ConfigError, HubError, nearest
from schemas.text import person
from views.catalog import Catalog, load_catalog
from views.past import Needed, needed, open_past
from warehouse.history import instant

if TYPE_CHECKING:
    import psycopg

# Rows as text in the order of that text: the same rows have the same hash on any day.
_ROWS = 'SELECT row_number() OVER (ORDER BY told COLLATE "C") AS row_no, told FROM (SELECT to_json(v)::text AS told FROM {} v) t'
_HASH = "SELECT count(*), encode(sha256(convert_to(coalesce(string_agg(told, E'\\n' ORDER BY told COLLATE \"C\"), ''), 'UTF8')), 'hex') FROM (SELECT to_json(v)::text AS told FROM {} v) t"


@dataclass(frozen=True)
class Proof:
    """A publication computed again: whether it came out the same, and what has become of its view since."""

    publication: dict[str, Any]
    same: bool
    row_hash: str
    rows: int
    view_changed: bool
    missing: tuple[str, ...]
    added: tuple[str, ...]


def propose(
    connection: psycopg.Connection[Any], view: str, as_of: date, *, by: str, note: str = "", catalog: Catalog | None = None
) -> int:  # fmt: skip
    """Keep the view's rows as of that day, as known now, for another person to approve; returns the number.

    Raises:
        ConfigError: no such view.
        HubError: the view rests on a table of which the hub keeps no history.
    """
    catalog = catalog or load_catalog()
    if view not in catalog.views:
        raise ConfigError(f"视图 '{view}'", "没有这个视图", nearest(view, catalog.views))
    known_at = instant(connection)
    need = needed(catalog, [view], as_of)
    open_past(connection, known_at, need)
    table = sql.Identifier("pg_temp", view)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT dataset, contract_version FROM hub.dataset WHERE dataset = ANY (%s)", [list(need.inputs)]
        )
        contracts = dict(cursor.fetchall())
        cursor.execute(sql.SQL(_HASH).format(table))
        count, row_hash = cursor.fetchone() or (0, "")
        told = catalog.views[view]
        cursor.execute(
            "INSERT INTO hub.publication (view, title, as_of, known_at, parameters, queries, view_version, contract_versions, columns, "
            "row_count, row_hash, note, proposed_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING publication_id",
            [
                view, told.title, as_of, known_at, _json({name: p.value for name, p in told.parameters.items()}),
                _json({"boards": list(need.boards.items()), "inputs": sorted(need.inputs)}), version(need), _json(contracts),
                _json([{"name": c.name, "title": c.title} for c in told.columns]), count, row_hash, note, _person(by),
            ],
        )  # fmt: skip
        (number,) = cursor.fetchone() or (0,)
        cursor.execute(
            sql.SQL("INSERT INTO hub.publication_row SELECT {}, row_no, told::json FROM (" + _ROWS + ") r").format(
                sql.Literal(number), table
            )
        )
    return int(number)


def latest(connection: psycopg.Connection[Any], view: str) -> date | None:
    """The day the board's own copy of the view was last computed for; None where it was never published."""
    row = connection.execute("SELECT to_regclass('board.published_view') IS NOT NULL").fetchone()
    found = None
    if row and row[0]:
        found = connection.execute("SELECT as_of FROM board.published_view WHERE view = %s", [view]).fetchone()
    connection.commit()
    return found[0] if found else None


def decide(
    connection: psycopg.Connection[Any], number: int, *, by: str, approve: bool = True, reason: str = ""
) -> None:
    """Approve or reject a proposal; never by the person who made it.

    Raises:
        HubError: it is decided already, the same person, or it no longer computes to the same rows.
    """
    found = get(connection, number)
    where = f"发布 {number}"
    if found["state"] != "proposed":
        raise HubError(where, f"已由 {found['decided_by']} {'批准' if found['state'] == 'approved' else '退回'}", "")
    if _person(by).casefold() == found["proposed_by"].casefold():
        raise HubError(where, f"由 {by} 提出，不能由同一人批准", "请另一人用 --by 批准")
    if approve and not prove(connection, number).same:
        raise HubError(where, "重新核算与提出时不一致", "请退回后重新提出，并查 hub prove 的差异")
    connection.execute(
        "UPDATE hub.publication SET state = %s, decided_by = %s, decided_at = clock_timestamp(), reason = %s WHERE publication_id = %s",
        ["approved" if approve else "rejected", _person(by), reason, number],
    )
    connection.commit()


def get(connection: psycopg.Connection[Any], number: int) -> dict[str, Any]:
    """One publication without its rows.

    Raises:
        HubError: there is none of that number.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute("SELECT * FROM hub.publication WHERE publication_id = %s", [number]).fetchone()
    connection.commit()
    if found is None:
        raise HubError(f"发布 {number}", "没有这个编号", "见 hub publication list")
    return found


def listed(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """All publications, the newest first, without texts and rows."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            "SELECT publication_id, view, title, as_of, known_at AT TIME ZONE 'Asia/Shanghai' AS known_at, row_count, state, proposed_by, "
            "decided_by, note, proposed_at, decided_at, reason FROM hub.publication ORDER BY publication_id DESC"
        ).fetchall()
    connection.commit()
    return found


def rows(
    connection: psycopg.Connection[Any], number: int, limit: int | None = None, offset: int = 0
) -> list[tuple[int, dict[str, Any]]]:
    """The rows given out, numbered as they are told; all of them, or `limit` after `offset`."""
    found = connection.execute(
        "SELECT row_no, row FROM hub.publication_row WHERE publication_id = %s ORDER BY row_no LIMIT %s OFFSET %s", [number, limit, offset]
    ).fetchall()  # fmt: skip
    connection.commit()
    return [(row_no, row) for row_no, row in found]


def prove(connection: psycopg.Connection[Any], number: int, catalog: Catalog | None = None) -> Proof:
    """Compute the publication again by its own texts, as known then, and compare it row by row.

    The session sees that past from then on: views.trace opens its figures to their source rows.
    """
    found = get(connection, number)
    need = kept(found)
    open_past(connection, found["known_at"], need)
    table = sql.Identifier("pg_temp", found["view"])
    with connection.transaction(), connection.cursor() as cursor:
        count, row_hash = cursor.execute(sql.SQL(_HASH).format(table)).fetchone() or (0, "")
        told = sql.SQL("SELECT to_json(v)::text FROM {} v").format(table)
        stored = sql.SQL("SELECT row::text FROM hub.publication_row WHERE publication_id = {}").format(
            sql.Literal(number)
        )
        missing = cursor.execute(stored + sql.SQL(" EXCEPT ALL ") + told + sql.SQL(" LIMIT 20")).fetchall()
        added = cursor.execute(told + sql.SQL(" EXCEPT ALL ") + stored + sql.SQL(" LIMIT 20")).fetchall()
    catalog = catalog or load_catalog()
    now = version(needed(catalog, [found["view"]], found["as_of"])) if found["view"] in catalog.views else ""
    return Proof(
        found, row_hash == found["row_hash"] and not missing and not added, row_hash, count,
        now != found["view_version"], tuple(r[0] for r in missing), tuple(r[0] for r in added),
    )  # fmt: skip


def kept(publication: dict[str, Any]) -> Needed:
    """The texts and tables a publication was computed from."""
    queries = publication["queries"]
    return Needed(dict(queries["boards"]), frozenset(queries["inputs"]))


def version(need: Needed) -> str:
    """A fingerprint of the texts a view is computed by, parameters filled in."""
    return hashlib.sha256("\n".join(f"{name}\n{text}" for name, text in need.boards.items()).encode()).hexdigest()[:16]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


def _person(name: str) -> str:
    if not (told := person(name)):
        raise ConfigError("--by", "没有写姓名", "请写经办人的姓名")
    return told
