"""Sample frames: who can be asked about an indicator, frozen, and a draw from them that anybody can repeat.

    events of the period  ->  one row per subject (the latest event)  ->  eligible or a reason why not  ->  strata  ->  draw

A frame and a draw are never changed: a new one gets the next number. The draw orders each stratum by a hash of seed
and subject, so that the same seed gives the same sample on any machine.

Source: county practice of the provincial evaluation (frame handed in, sample returned); World Bank Enterprise Surveys
for the sample size.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from psycopg import sql
from psycopg.rows import dict_row

from schemas.errors import ConfigError, HubError, nearest

if TYPE_CHECKING:
    import psycopg

FRAMES = Path(__file__).parent / "frames.yaml"
STRATA = {"industry": "left(industry_code, 1)", "size": "size_class", "town": "town_code"}
LIVE = ("存续", "在业")
SHARED_PHONE = 5  # enterprises on one phone: an agent answers for them all


@dataclass(frozen=True)
class Frame:
    """One population rule; `whole` takes every subject there is, whenever its event was."""

    id: str
    title: str
    dataset: str
    event: str
    ref: str
    where: str
    source: str
    kinds: tuple[str, ...] = ()
    whole: bool = False


@cache
def frames() -> dict[str, Frame]:
    """The population rules by id."""
    told = yaml.load(FRAMES.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["frames"]
    return {item["id"]: Frame(**{**item, "kinds": tuple(item.get("kinds", ()))}) for item in told}


def sample_size(population: int, margin: float = 0.075, z: float = 1.645, share: float = 0.5) -> float:
    """Subjects needed for a margin of error of a share, before rounding up; z 1.645 is 90 % confidence.

    Source: World Bank Enterprise Surveys, sampling note: n = [1/N + (N−1)/N · (e/z)²/(pq)]⁻¹.
    """
    if population <= 0:
        return 0.0
    return 1 / (1 / population + (population - 1) / population * (margin / z) ** 2 / (share * (1 - share)))


def freeze(
    connection: psycopg.Connection[Any], frame_id: str, start: date, end: date, *, by: str, strata: tuple[str, ...] = ("industry", "size")
) -> str:  # fmt: skip
    """Freeze the population of a period as the next version of its frame; returns the frame's number.

    Raises:
        ConfigError: no such frame or stratum, or the period is turned round.
    """
    rule = frames().get(frame_id)
    if rule is None:
        raise ConfigError(f"样本框 '{frame_id}'", "没有这个样本框", nearest(frame_id, frames()))
    for name in strata:
        if name not in STRATA:
            raise ConfigError("--strata", f"没有 '{name}' 这种分层", nearest(name, STRATA))
    if end < start:
        raise ConfigError("--to", f"{end} 早于 {start}", "请检查统计期")
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('tongqu-sample'))")
        cursor.execute(
            "SELECT coalesce(max(version), 0) + 1 FROM hub.sample_frame WHERE frame = %s AND period_start = %s AND period_end = %s",
            [frame_id, start, end],
        )
        (version,) = cursor.fetchone() or (1,)
        number = f"{frame_id}-{start:%Y%m%d}-{end:%Y%m%d}-v{version}"
        cursor.execute("DROP TABLE IF EXISTS pg_temp.frame_unit")
        cursor.execute(sql.SQL(_UNITS).format(**_parts(rule, start, end, strata)))
        cursor.execute("SELECT count(*), count(*) FILTER (WHERE eligible) FROM pg_temp.frame_unit")
        population, eligible = cursor.fetchone() or (0, 0)
        digest = _digest(cursor, sql.Identifier("pg_temp", "frame_unit"))
        cursor.execute(
            "INSERT INTO hub.sample_frame (frame_id, frame, title, period_start, period_end, version, rule, strata, population_n, eligible_n, "
            "sha256, frozen_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [number, frame_id, rule.title, start, end, version, json.dumps(rule.__dict__, ensure_ascii=False), list(strata), population, eligible, digest, _person(by)],
        )  # fmt: skip
        cursor.execute(
            sql.SQL("INSERT INTO hub.sample_unit SELECT {}, u.* FROM pg_temp.frame_unit u").format(sql.Literal(number))
        )
    return number


def _parts(rule: Frame, start: date, end: date, strata: tuple[str, ...]) -> dict[str, sql.Composable]:
    event = sql.SQL("r.{}::date").format(sql.Identifier(rule.event))
    within = sql.SQL("{e} <= {end}") if rule.whole else sql.SQL("{e} >= {start} AND {e} <= {end}")
    named = (
        sql.SQL("r.uscc, r.name") if rule.dataset == "enterprise" else sql.SQL("r.enterprise_code, r.enterprise_name")
    )
    kinds = sql.SQL("entity_kind IS NULL OR entity_kind <> ALL ({})").format(sql.Literal(list(rule.kinds)))
    stratum = [sql.SQL("coalesce(" + STRATA[name] + ", '不详')") for name in strata] or [sql.SQL("'全部'")]
    return {
        "dataset": sql.Identifier("shared", rule.dataset), "event": event, "ref": sql.SQL("r.{}::text").format(sql.Identifier(rule.ref)),
        "named": named, "where": sql.SQL(rule.where),
        "within": within.format(e=event, start=sql.Literal(start), end=sql.Literal(end)),
        "wrong_kind": kinds if rule.kinds else sql.SQL("false"), "live": sql.Literal(list(LIVE)),
        "stratum": sql.SQL("concat_ws('·', {})").format(sql.SQL(", ").join(stratum)),
    }  # fmt: skip


_UNITS = """CREATE TEMP TABLE frame_unit ON COMMIT DROP AS
WITH event AS (
  SELECT {ref} AS ref_no, {event} AS event_on, r.enterprise_id, x.code, x.name
  FROM {dataset} r CROSS JOIN LATERAL (SELECT {named}) AS x(code, name) WHERE ({where}) AND {within}
),
phone AS (SELECT phone_hash, count(*) AS sharing FROM shared.enterprise WHERE phone_hash IS NOT NULL GROUP BY phone_hash),
known AS (
  SELECT v.ref_no, v.event_on, v.enterprise_id, coalesce(e.uscc, v.code) AS uscc, coalesce(e.name, v.name) AS name, e.entity_kind, e.status,
    e.industry_code, e.size_class, e.town_code, e.phone_hash, e.phone_masked, coalesce(p.sharing, 0) AS phone_shared,
    row_number() OVER (PARTITION BY coalesce(v.enterprise_id, v.code, v.ref_no) ORDER BY v.event_on DESC, v.ref_no DESC) AS place
  FROM event v LEFT JOIN shared.enterprise e ON e.enterprise_id = v.enterprise_id LEFT JOIN phone p ON p.phone_hash = e.phone_hash
),
judged AS (
  SELECT *, CASE
    WHEN enterprise_id IS NULL THEN '没有对上主体'
    WHEN place > 1 THEN '同一主体已取较近的一笔'
    WHEN ({wrong_kind}) THEN '主体类型不在范围'
    WHEN status IS NULL OR status <> ALL ({live}) THEN '登记状态不是存续、在业'
    WHEN phone_hash IS NULL THEN '没有可用的联系电话'
  END AS why
  FROM known
)
SELECT row_number() OVER (ORDER BY uscc NULLS LAST, ref_no)::int AS unit_no, enterprise_id::varchar(36) AS enterprise_id, uscc::text AS uscc, name::text AS name,
  event_on, ref_no, industry_code::text AS industry_code, size_class::text AS size_class, town_code::text AS town_code, phone_masked::text AS phone_masked,
  phone_shared::int AS phone_shared, why IS NULL AS eligible, why AS exclude_reason, {stratum} AS stratum
FROM judged"""


def draw(
    connection: psycopg.Connection[Any], number: str, *, by: str, size: int | None = None, margin: float = 0.075, seed: str = "1", minimum: int | None = None
) -> int:  # fmt: skip
    """Draw from a frozen frame: `minimum` in each stratum, the rest proportional to the strata; returns the draw's number.

    Without a minimum it is five, or as many of them as the size leaves room for.

    Raises:
        HubError: no such frame, or nobody in it is eligible.
    """
    found = get(connection, number)
    if not found["eligible_n"]:
        raise HubError(f"样本框 {number}", "没有合格的单位", "请看排除原因：hub sample show " + number)
    wanted = min(size or math.ceil(sample_size(found["eligible_n"], margin)), found["eligible_n"])
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('tongqu-sample'))")
        if minimum is None:
            cursor.execute(
                "SELECT count(*) FROM hub.sample_unit WHERE frame_id = %s AND eligible GROUP BY stratum", [number]
            )
            strata = [n for (n,) in cursor.fetchall()]
            minimum = next(m for m in range(5, -1, -1) if m == 0 or sum(min(m, n) for n in strata) <= wanted)
        cursor.execute("SELECT coalesce(max(draw_no), 0) + 1 FROM hub.sample_draw WHERE frame_id = %s", [number])
        (draw_no,) = cursor.fetchone() or (1,)
        cursor.execute("DROP TABLE IF EXISTS pg_temp.drawn_unit")
        told = {"frame": number, "wanted": wanted, "minimum": minimum, "seed": seed}
        cursor.execute(sql.SQL(_DRAW).format(**{name: sql.Literal(value) for name, value in told.items()}))
        cursor.execute("SELECT count(*) FROM pg_temp.drawn_unit")
        (drawn,) = cursor.fetchone() or (0,)
        digest = _digest(cursor, sql.Identifier("pg_temp", "drawn_unit"))
        cursor.execute(
            "INSERT INTO hub.sample_draw (frame_id, draw_no, seed, wanted, minimum, drawn_n, sha256, drawn_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [number, draw_no, seed, wanted, minimum, drawn, digest, _person(by)],
        )
        cursor.execute("INSERT INTO hub.sample_drawn SELECT %s, %s, d.* FROM pg_temp.drawn_unit d", [number, draw_no])
    return int(draw_no)


# Every stratum first gets the minimum; what is left goes by largest remainders to those whose share is above it. Only where
# the minimums alone are more than what is wanted does the draw come out larger.
_DRAW = """CREATE TEMP TABLE drawn_unit ON COMMIT DROP AS
WITH stratum AS (SELECT stratum, count(*) AS all_n, least(count(*), {minimum}) AS least_n, {wanted}::numeric * count(*) / sum(count(*)) OVER () AS ideal
  FROM hub.sample_unit WHERE frame_id = {frame} AND eligible GROUP BY stratum),
room AS (SELECT *, greatest({wanted} - sum(least_n) OVER (), 0) AS spare, greatest(ideal - least_n, 0) / nullif(sum(greatest(ideal - least_n, 0)) OVER (), 0) AS part FROM stratum),
share AS (SELECT *, floor(spare * coalesce(part, 0)) AS base, row_number() OVER (ORDER BY spare * coalesce(part, 0) - floor(spare * coalesce(part, 0)) DESC, stratum) AS turn FROM room),
quota AS (SELECT stratum, all_n, least(all_n, least_n + base + CASE WHEN turn <= spare - sum(base) OVER () THEN 1 ELSE 0 END)::int AS n FROM share),
ordered AS (SELECT u.unit_no, u.stratum, q.all_n, q.n, row_number() OVER (PARTITION BY u.stratum ORDER BY md5({seed} || '|' || u.enterprise_id), u.enterprise_id) AS place
  FROM hub.sample_unit u JOIN quota q ON q.stratum = u.stratum WHERE u.frame_id = {frame} AND u.eligible)
SELECT unit_no, stratum, round(all_n::numeric / n, 6) AS weight FROM ordered WHERE place <= n"""


def get(connection: psycopg.Connection[Any], number: str) -> dict[str, Any]:
    """One frame without its units, its hash computed again as `sha256_now`.

    Raises:
        HubError: there is none of that number.
    """
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute("SELECT * FROM hub.sample_frame WHERE frame_id = %s", [number]).fetchone()
        if found is None:
            known = [row["frame_id"] for row in cursor.execute("SELECT frame_id FROM hub.sample_frame").fetchall()]
            raise HubError(f"样本框 {number}", "没有这个编号", nearest(number, known) or "请先 hub sample freeze")
        units = sql.SQL("(SELECT {} FROM hub.sample_unit WHERE frame_id = {}) AS u").format(
            sql.SQL(", ").join(map(sql.Identifier, _UNIT_COLUMNS)), sql.Literal(number)
        )
        found["sha256_now"] = _digest(cursor, units)
    return found


_UNIT_COLUMNS = (
    "unit_no", "enterprise_id", "uscc", "name", "event_on", "ref_no", "industry_code", "size_class", "town_code", "phone_masked",
    "phone_shared", "eligible", "exclude_reason", "stratum",
)  # fmt: skip


def listed(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """All frames, the newest first, with how many draws each has had."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT f.frame_id, f.title, f.period_start, f.period_end, f.version, f.population_n, f.eligible_n, f.frozen_by, "
            "f.frozen_at AT TIME ZONE 'Asia/Shanghai' AS frozen_at, (SELECT count(*) FROM hub.sample_draw d WHERE d.frame_id = f.frame_id) AS draws "
            "FROM hub.sample_frame f ORDER BY f.frozen_at DESC"
        ).fetchall()


def excluded(connection: psycopg.Connection[Any], number: str) -> list[dict[str, Any]]:
    """How many units of a frame are out, per reason, and how many eligible ones share a phone with many."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT coalesce(exclude_reason, '合格') AS reason, count(*) AS units, count(*) FILTER (WHERE phone_shared >= %s) AS shared_phone "
            "FROM hub.sample_unit WHERE frame_id = %s GROUP BY 1 ORDER BY (min(exclude_reason) IS NULL) DESC, 2 DESC, 1",
            [SHARED_PHONE, number],
        ).fetchall()


def units(connection: psycopg.Connection[Any], number: str, draw_no: int | None) -> list[dict[str, Any]]:
    """The units of a frame, or of one draw with their weights; contacts are left out, they leave by `release` only."""
    columns = "u.unit_no, u.uscc, u.name, u.event_on, u.ref_no, u.industry_code, u.size_class, u.town_code, u.stratum, u.phone_shared"
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        if draw_no is None:
            return cursor.execute(
                f"SELECT {columns}, u.eligible, u.exclude_reason FROM hub.sample_unit u WHERE u.frame_id = %s ORDER BY u.unit_no",
                [number],
            ).fetchall()
        found = cursor.execute(
            f"SELECT {columns}, d.weight FROM hub.sample_drawn d JOIN hub.sample_unit u USING (frame_id, unit_no) "
            "WHERE d.frame_id = %s AND d.draw_no = %s ORDER BY u.unit_no",
            [number, draw_no],
        ).fetchall()
    if not found:
        raise HubError(f"样本框 {number}", f"没有第 {draw_no} 次抽取", "请先 hub sample draw")
    return found


def release(
    connection: psycopg.Connection[Any], number: str, draw_no: int, *, to: str, by: str, reason: str
) -> list[dict[str, Any]]:
    """The drawn units with the contact the hub holds, logged before it is given; never without who, to whom and why."""
    if not to.strip() or not reason.strip():
        raise ConfigError("hub sample release", "没有写交给谁、为什么", "请写 --to 和 --reason")
    drawn = units(connection, number, draw_no)
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "INSERT INTO hub.sample_release (frame_id, draw_no, released_to, released_by, reason, units) VALUES (%s, %s, %s, %s, %s, %s)",
            [number, draw_no, to.strip(), _person(by), reason.strip(), len(drawn)],
        )
        return cursor.execute(
            "SELECT u.unit_no, u.uscc, u.name, u.phone_masked, u.phone_shared, u.event_on, u.ref_no, u.stratum, d.weight "
            "FROM hub.sample_drawn d JOIN hub.sample_unit u USING (frame_id, unit_no) WHERE d.frame_id = %s AND d.draw_no = %s ORDER BY u.unit_no",
            [number, draw_no],
        ).fetchall()


def _digest(cursor: psycopg.Cursor[Any], relation: sql.Composable) -> str:
    query = sql.SQL(
        "SELECT encode(sha256(convert_to(coalesce(string_agg(to_jsonb(t)::text, E'\\n' ORDER BY t.unit_no), ''), 'UTF8')), 'hex') AS digest FROM (SELECT * FROM {}) t"
    ).format(relation)
    row: Any = cursor.execute(query).fetchone()
    return str(row["digest"] if isinstance(row, dict) else row[0])


def _person(name: str) -> str:
    if not name.strip():
        raise ConfigError("--by", "没有写姓名", "请写经办人的姓名")
    return name.strip()
