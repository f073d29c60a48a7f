"""The county's HMAC keys: the first, and one more for each time the key was rotated.

A personal number is stored as its print HMAC(k_n, … HMAC(k_1, HMAC(k_0, number))). So a rotation re-keys what is stored
without the raw numbers, new rows meet the old ones, and whoever learnt an earlier key can test no guess against the
prints in force. Every key is needed to make the print of a new row: back up the home's county.key and county.keys.
Marks made of rows and names with the prints in them (`_row_hash`, `_party`) are replaced too; a row sent again afterwards is
compared by what it says, takes its new mark and counts as unchanged; a party named again is known by what it says too.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import sql

from schemas import privacy
from schemas.contract import contracts
from schemas.errors import ConfigError, SourceUnavailable
from warehouse.store import county_key

if TYPE_CHECKING:
    import psycopg

    from warehouse.engines.adbc import Connection
    from warehouse.home import Home

_PRINT = "^[0-9a-f]{64}$"
_REKEYED = "encode(sha256(key_pad.opad || sha256(key_pad.ipad || convert_to({}, 'UTF8'))), 'hex')"
# Where records are kept as JSON, prints among their fields.
_TOLD = (
    ("hub.conflict", "stands"), ("hub.conflict", "said"), ("hub.verdict", "chosen"), ("hub.enterprise_history", "record"),
)  # fmt: skip
_MARK = "md5({} || key_pad.salt)::uuid"


def in_force(home: Home, warehouse: Connection) -> tuple[bytes, ...]:
    """The keys by which a print is made, the first one first.

    Raises:
        ConfigError: a key the warehouse was rotated to is not in this home.
    """
    rotated = warehouse.rows("SELECT fingerprint FROM hub.key_rotation ORDER BY generation")
    return (county_key(home), *_named(home, [row["fingerprint"] for row in rotated]))


def every(home: Home) -> list[bytes]:
    """All keys of this home, the first one first: what was signed under any of them can be told from what was not."""
    return [county_key(home), *_kept(home)]


def newest(home: Home) -> bytes:
    """The key to sign with."""
    return every(home)[-1]


def still(warehouse: Connection, used: tuple[bytes, ...]) -> None:
    """Make sure, within the transaction that stores rows, that their prints are those in force.

    Raises:
        SourceUnavailable: the key was rotated while the rows were read.
    """
    if warehouse.scalar("SELECT count(*) FROM hub.key_rotation") != len(used) - 1:
        raise SourceUnavailable("县密钥", "读这批数据时密钥刚刚更换，按旧密钥算的不入库", "再运行一次即可")


def rotate(connection: psycopg.Connection[Any], home: Home, *, by: str, reason: str) -> tuple[int, int]:
    """Re-key every stored print in one transaction; returns the new generation and how many prints were re-keyed.

    Raises:
        ConfigError: nobody or no reason is named, or a key in force is missing.
    """
    for what, text in (("--by", by), ("--reason", reason)):
        if not text.strip():
            raise ConfigError("hub key rotate", f"没有写 {what}", "谁换的、为什么换，都要留下")
    names = sorted({f.name for agreed in contracts().values() for f in agreed.fields.values() if f.kind == "hmac"})
    with connection.transaction():
        # Loads write their batch in the transaction of their rows: they are over, or they wait and see the new generation.
        connection.execute("LOCK TABLE hub.key_rotation, hub.batch, hub.verdict IN EXCLUSIVE MODE")
        known = [
            print_ for (print_,) in connection.execute("SELECT fingerprint FROM hub.key_rotation ORDER BY generation")
        ]
        _named(home, known)
        key = _add(home, known)
        inner, outer = privacy.hmac_pads(key)
        connection.execute("CREATE TEMP TABLE key_pad (ipad bytea, opad bytea, salt text) ON COMMIT DROP")
        connection.execute("INSERT INTO key_pad VALUES (%s, %s, %s)", [inner, outer, secrets.token_hex(16)])
        prints = sum(_rekey(connection, *place) for place in _columns(connection, names))
        prints += sum(_rekey_told(connection, *place, names) for place in _TOLD)
        _remark(connection, names)
        connection.execute(
            "INSERT INTO hub.key_rotation (generation, fingerprint, by_whom, reason, prints) VALUES (%s, %s, %s, %s, %s)",
            [len(known) + 1, _fingerprint(key), by, reason, prints],
        )
    connection.commit()
    return len(known) + 1, prints


def _named(home: Home, fingerprints: list[str]) -> list[bytes]:
    kept = {_fingerprint(key): key for key in _kept(home)}
    for generation, fingerprint in enumerate(fingerprints, 1):
        if fingerprint not in kept:
            raise ConfigError(
                str(_file(home)),
                f"没有第 {generation} 次更换的密钥 {fingerprint}",
                "请从备份找回这个文件；没有它，新来的行认不出旧的",
            )
    return [kept[fingerprint] for fingerprint in fingerprints]


def _file(home: Home) -> Path:
    return home.path / "county.keys"


def _kept(home: Home) -> list[bytes]:
    file = _file(home)
    return [bytes.fromhex(line) for line in file.read_text(encoding="ascii").split()] if file.exists() else []


def _add(home: Home, known: list[str]) -> bytes:
    """The next key, safe in the file before anything is re-keyed: one left behind by a rotation that did not end is taken again."""
    for key in _kept(home):
        if _fingerprint(key) not in known:
            return key
    key = secrets.token_bytes(32)
    with os.fdopen(os.open(_file(home), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="ascii") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"tongqu county key" + key).hexdigest()[:16]


def _columns(connection: psycopg.Connection[Any], names: list[str]) -> list[tuple[str, str, str]]:
    """Columns of tables that hold prints: schema, table, column."""
    return connection.execute(
        """SELECT table_schema, table_name, column_name FROM information_schema.columns JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE t.table_type = 'BASE TABLE' AND column_name = ANY(%s) AND data_type IN ('text', 'character varying')
          AND table_schema IN ('record', 'record_history', 'shared', 'board') ORDER BY 1, 2, 3""",
        [names],
    ).fetchall()


def _rekey(connection: psycopg.Connection[Any], schema: str, table: str, column: str) -> int:
    put = sql.SQL("UPDATE {table} SET {column} = " + _REKEYED.format("{column}") + " FROM key_pad WHERE {column} ~ %s")
    return connection.execute(
        put.format(table=sql.Identifier(schema, table), column=sql.Identifier(column)), [_PRINT]
    ).rowcount


def _rekey_told(connection: psycopg.Connection[Any], table: str, column: str, names: list[str]) -> int:
    told = sql.SQL(
        "UPDATE {table} SET {column} = {column} || (SELECT jsonb_object_agg(key, "
        + _REKEYED.format("value")
        + ") FROM key_pad, "
        "jsonb_each_text({column}) WHERE key = ANY(%s) AND value ~ %s) WHERE EXISTS (SELECT FROM jsonb_each_text({column}) WHERE key = ANY(%s) AND value ~ %s)"
    )
    return connection.execute(
        told.format(table=sql.Identifier(*table.split(".")), column=sql.Identifier(column)),
        [names, _PRINT, names, _PRINT],
    ).rowcount


def _remark(connection: psycopg.Connection[Any], names: list[str]) -> None:
    """Replace marks that were made of prints: with the old key a guess could be tested against them."""
    rekeyed = "split_part(s, '=', 1) || '=' || " + _REKEYED.format("split_part(s, '=', 2)")
    connection.execute(
        f"UPDATE hub.party SET second = (SELECT array_agg(CASE WHEN split_part(s, '=', 2) ~ %s THEN {rekeyed} ELSE s END ORDER BY n) "
        "FROM key_pad, unnest(second) WITH ORDINALITY AS u(s, n)) WHERE second <> '{}'",
        [_PRINT],
    )
    # A party named without a personal number has a mark that tells nothing: it keeps it, and is met by it.
    connection.execute(
        "CREATE TEMP TABLE printed ON COMMIT DROP AS SELECT party FROM hub.party WHERE EXISTS (SELECT FROM unnest(second) s WHERE split_part(s, '=', 2) ~ %s)",
        [_PRINT],
    )
    marks = connection.execute(
        """SELECT table_schema, table_name, column_name FROM information_schema.columns JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE t.table_type = 'BASE TABLE' AND data_type = 'uuid' AND (column_name IN ('_party', 'party') AND table_schema IN ('hub', 'record', 'record_history')
          OR column_name = '_row_hash' AND table_schema IN ('record', 'record_history') AND table_name IN (
            SELECT table_name FROM information_schema.columns WHERE table_schema = 'record' AND column_name = ANY(%s)))""",
        [names],
    ).fetchall()
    for schema, table, column in marks:
        put = sql.SQL(
            "UPDATE {table} SET {column} = "
            + _MARK.format("{column}::text")
            + " FROM key_pad WHERE "
            + ("{column} IS NOT NULL" if column == "_row_hash" else "{column} IN (SELECT party FROM printed)")
        )
        connection.execute(put.format(table=sql.Identifier(schema, table), column=sql.Identifier(column)))
