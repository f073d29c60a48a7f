"""Merging and parting enterprises. The elder id stays, the younger leads to it; nothing is overwritten, so all can be undone.

An enterprise's own id never changes. A merge is a pointer from the younger id to the elder, both being roots then; the
pointers form a forest, and taking one away splits one enterprise into exactly the two that were joined by it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from schemas import privacy
from schemas.contract import contract
from schemas.errors import ConfigError
from schemas.text import narrow
from warehouse.engines.adbc import Connection
from warehouse.tables import quoted

TURN = 20253  # the advisory lock of whoever links, merges or parts enterprises


def take_turn(warehouse: Connection) -> None:
    """Wait for whoever links, merges or parts enterprises now; held until the transaction ends."""
    warehouse.execute(f"SELECT pg_advisory_xact_lock({TURN})")


def look_up(warehouse: Connection) -> None:
    """Until the transaction ends a row found by an index costs little more than one read in its turn.

    A server takes its disk for a spinning one, and reads all parties for the sake of the few that something new was said of.
    """
    warehouse.execute("SET LOCAL random_page_cost = 1.1")


def current(warehouse: Connection, enterprise: str) -> str:
    """The id this one leads to now.

    Raises:
        ConfigError: there has never been such an id.
    """
    try:
        wanted = str(UUID(enterprise))
    except ValueError as error:
        raise ConfigError(f"主体 {enterprise}", "不是主体编号", "编号见 shared.enterprise 的 enterprise_id") from error
    found = warehouse.scalar("SELECT current_id::text FROM hub.enterprise_current WHERE id = $1::uuid", wanted)
    if found is None:
        raise ConfigError(f"主体 {enterprise}", "没有这个编号", "编号见 shared.enterprise 的 enterprise_id")
    return str(found)


_NAMED = 5


def find(warehouse: Connection, said: str) -> str:
    """The id of the enterprise a person means: by an id of it, a credit code, a registration number, or its name as a source wrote it.

    An id comes back as it is, also one that leads to another by now.

    Raises:
        ConfigError: nothing goes by that, or several enterprises do.
    """
    with suppress(ValueError):
        return str(UUID(said))
    text = narrow(said)
    found = warehouse.rows(
        "SELECT enterprise_id::text AS id, min(name) AS name FROM hub.party WHERE enterprise_id IS NOT NULL "
        "AND (uscc = $1 OR reg_no = $1 OR name = $2) GROUP BY enterprise_id ORDER BY enterprise_id LIMIT $3::int",
        text.upper(), text, _NAMED + 1,
    )  # fmt: skip
    if not found:
        raise ConfigError(f"主体 {said}", "没有这个编号、信用代码、注册号或名称", "用 hub query 在 enterprise 里查")
    if len(found) > 1:
        told = "、".join(f"{row['id']}（{row['name'] or '没有名称'}）" for row in found[:_NAMED])
        more = "等" if len(found) > _NAMED else ""
        raise ConfigError(f"主体 {said}", f"对得上不止一个主体：{told}{more}", "请写其中一个编号")
    return str(found[0]["id"])


def merge(warehouse: Connection, one: str, other: str, *, by: str, reason: str) -> tuple[str, str]:
    """Join two enterprises on a person's word; returns (elder, younger). The caller commits.

    Raises:
        ConfigError: an id is unknown, or both are one already, or one is a branch and the other is not, or nobody or no
            reason is named.
    """
    reason = accounted(f"主体 {one}、{other}", by, reason)
    take_turn(warehouse)
    a, b = (current(warehouse, find(warehouse, said)) for said in (one, other))
    if a == b:
        raise ConfigError(f"主体 {one}、{other}", "已经是同一个主体")
    kinds = warehouse.rows(
        "SELECT enterprise_id::text AS id, bool_and(is_branch) AS branch FROM hub.party "
        "WHERE enterprise_id IN ($1::uuid, $2::uuid) AND name IS NOT NULL GROUP BY enterprise_id", a, b
    )  # fmt: skip
    if len({row["branch"] for row in kinds}) > 1:
        raise ConfigError(f"主体 {one}、{other}", "一个是分支机构，一个不是，不能合并", "分支机构与总公司各有各的编号")
    rows = warehouse.rows(
        "SELECT id::text AS id FROM hub.enterprise_current WHERE id IN ($1::uuid, $2::uuid) ORDER BY since, id", a, b
    )
    elder, younger = rows[0]["id"], rows[1]["id"]
    warehouse.execute(
        "INSERT INTO hub.enterprise_merge (elder, younger, rule, by_whom, reason) VALUES ($1::uuid, $2::uuid, 'person', $3, $4)",
        elder, younger, by, reason,
    )  # fmt: skip
    # A person's word lifts what a person had forbidden.
    warehouse.execute(
        f"DELETE FROM hub.enterprise_apart WHERE {_root('a')} = $1::uuid AND {_root('b')} = $1::uuid", elder
    )
    show(warehouse)
    return elder, younger


def unmerge(warehouse: Connection, enterprise: str, *, by: str, reason: str) -> tuple[str, str]:
    """Take back the merge that made this id lead elsewhere; returns (elder, the id that stands again). The caller commits.

    Both have their records and their histories back, and no rule joins them again.

    Raises:
        ConfigError: this id leads to itself: it was never merged into another, or that was undone; or nobody or no reason is named.
    """
    reason = accounted(f"主体 {enterprise}", by, reason)
    take_turn(warehouse)
    younger = find(warehouse, enterprise)
    current(warehouse, younger)
    elder = warehouse.scalar(
        "SELECT elder::text FROM hub.enterprise_merge WHERE younger = $1::uuid AND undone_at IS NULL", younger
    )
    if elder is None:
        merged = warehouse.rows(
            "SELECT younger::text AS id FROM hub.enterprise_merge WHERE elder = $1::uuid AND undone_at IS NULL", younger
        )
        cure = f"并进它的有：{'、'.join(row['id'] for row in merged)}，请写其中一个" if merged else ""
        raise ConfigError(f"主体 {enterprise}", "没有并入别的主体", cure)
    warehouse.execute(
        "UPDATE hub.enterprise_merge SET undone_at = clock_timestamp(), undone_by = $2, undone_reason = $3 "
        "WHERE younger = $1::uuid AND undone_at IS NULL", younger, by, reason,
    )  # fmt: skip
    keep_apart(warehouse, elder, younger, by=by, reason=reason)
    show(warehouse)
    return elder, younger


def accounted(where: str, by: str, reason: str) -> str:
    """What a person decides has a name and a reason under it; the reason, without numbers of persons.

    Raises:
        ConfigError: one of them is blank.
    """
    for what, text in (("谁定的", by), ("理由", reason)):
        if not text.strip():
            raise ConfigError(where, f"没有写{what}", "谁定的、为什么，都要留下")
    return privacy.scrub(reason) or ""


def along(warehouse: Connection, enterprise: str) -> list[str]:
    """The other ids that lead to this one: what was merged into it goes where it goes, and stays with it when it is parted."""
    found = warehouse.rows(
        "SELECT id::text AS id FROM hub.enterprise_current WHERE current_id = $1::uuid AND id <> current_id ORDER BY id", enterprise
    )  # fmt: skip
    return [row["id"] for row in found]


def keep_apart(warehouse: Connection, one: str, other: str, *, by: str, reason: str) -> None:
    """Note that these two are two, so that no rule joins them. The caller commits."""
    a, b = sorted((one, other))
    warehouse.execute(
        "INSERT INTO hub.enterprise_apart (a, b, by_whom, reason) VALUES ($1::uuid, $2::uuid, $3, $4) ON CONFLICT (a, b) DO NOTHING",
        a, b, by, reason,
    )  # fmt: skip


def kept_apart(warehouse: Connection, one: str, other: str) -> bool:
    """Whether a person has said that these two are two."""
    a, b = sorted((one, other))
    return warehouse.scalar("SELECT 1 FROM hub.enterprise_apart WHERE a = $1::uuid AND b = $2::uuid", a, b) is not None


def show(warehouse: Connection) -> None:
    """Bring the shown id of every party to what its own id leads to now.

    Rows already right are not touched, and ids that were never merged are not looked up.
    """
    warehouse.execute(
        "UPDATE hub.party SET enterprise_id = atom_id, considered_at = clock_timestamp() WHERE enterprise_id IS NULL AND atom_id IS NOT NULL"
    )
    warehouse.execute(
        """UPDATE hub.party p SET enterprise_id = c.current_id FROM (
          SELECT id, current_id FROM hub.enterprise_current WHERE id IN (SELECT younger FROM hub.enterprise_merge)) c
        WHERE c.id = p.atom_id AND p.enterprise_id IS DISTINCT FROM c.current_id"""
    )


def look_again(warehouse: Connection, table: str, changed: int) -> None:
    """Have the server look at a table anew when the rows changed are a tenth of what it takes the table for.

    Within the transaction that brings or links them nobody else would; fewer change no plan, and each look costs a sample.
    """
    if changed > 0.1 * warehouse.scalar("SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = $1::regclass", table):
        warehouse.execute(f"ANALYZE {table}")


def by_register_rows(warehouse: Connection, register: str) -> None:
    """Join an enterprise known only by its old registration number to the one whose register row gives that number beside a code.

    A row that had the number and has the code in its place now, the name being the same, says so too. Only numbers and
    codes of temp table `fresh` are looked at: whatever is said of the others was weighed before.

    Only when one code claims the number, neither is a branch of the other, no other code is known for it, and no person
    has parted the two; what is refused for that last reason becomes a case.
    """
    said = f"SELECT reg_no, uscc, is_branch FROM hub.party WHERE reg_no IN (SELECT reg_no FROM fresh) AND uscc IS NOT NULL AND {register}"
    if warehouse.scalar("SELECT to_regclass('record_history.enterprise') IS NOT NULL"):
        said += f" UNION ALL {_upgraded(register)}"
    warehouse.execute("DROP TABLE IF EXISTS proposed")
    warehouse.execute(
        f"""CREATE TEMP TABLE proposed ON COMMIT DROP AS
        SELECT r.enterprise_id AS x, u.enterprise_id AS y, claim.reg_no FROM (
          SELECT reg_no, min(uscc) AS uscc, bool_or(is_branch) AS branch FROM ({said}) s GROUP BY reg_no HAVING count(DISTINCT uscc) = 1) claim
        JOIN hub.enterprise_key r ON r.key = 'R:' || claim.reg_no JOIN hub.enterprise_key u ON u.key = 'U:' || claim.uscc
        WHERE r.enterprise_id <> u.enterprise_id
          AND NOT EXISTS (SELECT 1 FROM hub.enterprise_key k WHERE k.enterprise_id = r.enterprise_id AND k.kind = 'uscc')
          AND NOT EXISTS (SELECT 1 FROM hub.party p WHERE p.atom_id = r.enterprise_id AND p.name IS NOT NULL AND p.is_branch <> claim.branch)"""
    )
    while warehouse.scalar("SELECT count(*) FROM proposed"):
        warehouse.execute("DROP TABLE IF EXISTS ready")
        warehouse.execute(
            """CREATE TEMP TABLE ready ON COMMIT DROP AS
            SELECT proposed.x, proposed.y, reg_no, a.current_id AS ra, b.current_id AS rb,
              EXISTS (SELECT 1 FROM hub.enterprise_apart z JOIN hub.enterprise_current p ON p.id = z.a JOIN hub.enterprise_current q ON q.id = z.b
                      WHERE (p.current_id, q.current_id) IN ((a.current_id, b.current_id), (b.current_id, a.current_id))) AS apart
            FROM proposed JOIN hub.enterprise_current a ON a.id = proposed.x JOIN hub.enterprise_current b ON b.id = proposed.y"""
        )
        warehouse.execute(
            """INSERT INTO hub.identity_case (kind, subject, ids, names)
            SELECT 'merge_refused', reg_no, ARRAY[ra, rb], '{}' FROM ready WHERE apart AND ra <> rb ON CONFLICT (kind, subject) DO NOTHING"""
        )
        done = warehouse.execute(
            """INSERT INTO hub.enterprise_merge (elder, younger, rule, by_whom, reason)
            SELECT DISTINCT ON (younger) elder, younger, 'register_row', '通衢', '登记数据同一行有这个信用代码和注册号 ' || reg_no FROM (
              SELECT CASE WHEN (e.since, e.id) < (f.since, f.id) THEN e.id ELSE f.id END AS elder,
                CASE WHEN (e.since, e.id) < (f.since, f.id) THEN f.id ELSE e.id END AS younger, reg_no
              FROM ready JOIN hub.enterprise_current e ON e.id = ra JOIN hub.enterprise_current f ON f.id = rb WHERE NOT apart AND ra <> rb) s
            ORDER BY younger, elder"""
        )
        if not done:
            return
        warehouse.execute(
            "DELETE FROM proposed USING ready WHERE proposed.x = ready.x AND proposed.y = ready.y AND (apart OR ra = rb)"
        )


def _upgraded(register: str) -> str:
    """SQL of the numbers that a register row had before it had a code, under the same key and name."""
    same = " AND ".join(f"h.{quoted(k)} = r.{quoted(k)}" for k in ("_source_id", *contract("enterprise").key))
    return f"""SELECT was.reg_no, now.uscc, now.is_branch FROM (SELECT * FROM hub.party WHERE {register}) now
          JOIN record.enterprise r ON r._party = now.party JOIN record_history.enterprise h ON {same} JOIN hub.party was ON was.party = h._party
          WHERE now.uscc IN (SELECT uscc FROM fresh) AND was.uscc IS NULL AND was.reg_no IS NOT NULL AND was.strict_key = now.strict_key"""


def history(warehouse: Connection, enterprise: str) -> list[dict[str, Any]]:
    """Every merge and parting the enterprise has been in, oldest first: elder, younger, by_whom, reason, at, undone_*."""
    root = current(warehouse, enterprise)
    return warehouse.rows(
        """SELECT merge_id, elder::text AS elder, younger::text AS younger, rule, by_whom, reason, at::text AS at,
          undone_by, undone_reason, undone_at::text AS undone_at
        FROM hub.enterprise_merge WHERE elder IN (SELECT id FROM hub.enterprise_current WHERE current_id = $1::uuid OR id = $2::uuid)
          OR younger IN (SELECT id FROM hub.enterprise_current WHERE current_id = $1::uuid OR id = $2::uuid) ORDER BY merge_id""",
        root, str(UUID(enterprise)),
    )  # fmt: skip


def _root(column: str) -> str:
    return f"(SELECT current_id FROM hub.enterprise_current c WHERE c.id = enterprise_apart.{column})"
