"""The boards' figures, read from schema `board` with the reader's own row rules. Nothing is computed twice here.

Each function answers for one board; a view that is not published yet makes its part None, and the page says so.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from psycopg import sql

from schemas.reference import department_of
from views.catalog import VIEWS, Catalog, View, load_catalog

if TYPE_CHECKING:
    import psycopg

Row = dict[str, Any]
BOARDS = {"indicators": "indicator", "hotline": "hotline", "rectification": "rectification"}
TITLES = {"indicators": "营商环境指标", "hotline": "12345 热线", "rectification": "问题整改"}
# What a page says before its views are published for the first time: what is missing, and whose it is to bring.
EMPTY = {
    "indicator": ("本期尚未导入评估结果", "评估结果由县评估办导入"),
    "hotline": ("还没有工单", "工单由县热线办的平台送来"),
    "rectification": ("还没有整改问题", "整改台账由县营商环境建设局报送"),
    "quality": ("还没有报数", "各部门的来源登记后开始采集"),
}
LISTED = 12  # rows of a board's list; the rest are a click away
LINE = 70  # below it a score is reported. Source: 示例县营商环境评价方案


def catalog() -> Catalog:
    """The views as their files say now; read again only when a file has changed, for reading takes longer than a page may."""
    return _catalog(_stamp())


def _stamp() -> tuple[tuple[str, int], ...]:
    return tuple(sorted((str(path), path.stat().st_mtime_ns) for path in VIEWS.glob("*/*.sql")))


@lru_cache(maxsize=2)
def _catalog(stamp: tuple[tuple[str, int], ...]) -> Catalog:
    return load_catalog()


@lru_cache(maxsize=32)
def _inputs(stamp: tuple[tuple[str, int], ...], prefix: str) -> frozenset[str]:
    views = _catalog(stamp)
    return frozenset(d for name in views.views if name.startswith(prefix + "_") for d in views.datasets(name))


def published(connection: psycopg.Connection[Any], prefix: str = "") -> dict[str, Row]:
    """Which views of a board (of all, without a prefix) there are, with their as-of day; empty before the first publication."""
    if rows(connection, "SELECT to_regclass('board.published_view') AS made")[0]["made"] is None:
        return {}
    query = "SELECT view, as_of, row_count, published_at FROM board.published_view WHERE starts_with(view, %s)"
    return {row["view"]: row for row in rows(connection, query, prefix and prefix + "_")}


def as_of(found: dict[str, Row]) -> date | None:
    """The oldest day any of the views stands for."""
    return min((row["as_of"] for row in found.values()), default=None)


def late_inputs(connection: psycopg.Connection[Any], prefix: str) -> list[str]:
    """Titles of the board's input datasets whose last delivery is older than their contract allows, or is held."""
    from schemas.contract import contracts

    inputs = _inputs(_stamp(), prefix)
    rows = connection.execute(
        "SELECT s.dataset, (CASE WHEN b.status = 'committed' THEN greatest(b.extracted_at, CASE WHEN b.kind NOT IN ('file', 'file_full') THEN l.answered_at END) END "
        "AT TIME ZONE 'Asia/Shanghai') AS last, (clock_timestamp() AT TIME ZONE 'Asia/Shanghai') AS now FROM hub.source s "
        "JOIN LATERAL (SELECT status, kind, extracted_at FROM hub.batch x WHERE x.source_id = s.source_id AND x.kind <> 'correction' ORDER BY x.batch_id DESC LIMIT 1) b "
        "ON true LEFT JOIN hub.source_layout l ON l.source_id = s.source_id ORDER BY s.connector"
    ).fetchall()
    found = []
    for row in rows:
        agreed, last = contracts().get(row["dataset"]), row["last"]
        limit = agreed.sla_seconds("latency") if agreed else None
        late = last is None or (limit is not None and (row["now"] - last).total_seconds() > limit)
        if agreed and row["dataset"] in inputs and late:
            found.append(f"{agreed.title}（{'整批待核' if last is None else '截至 ' + last.strftime('%m-%d %H:%M')}）")
    return found


def rows(connection: psycopg.Connection[Any], query: str, *values: Any) -> list[Row]:
    """The rows of a query the portal wrote; the caller has looked that its views are published."""
    return connection.execute(query, values).fetchall()


EDITION = ("scheme_code", "year", "period", "region_code")
_SAME = " AND ".join(f"{c} IS NOT DISTINCT FROM %s" for c in EDITION)


def editions(connection: psycopg.Connection[Any]) -> list[Row]:
    """Assessments there are scores of, the newest first; `edition` is what the address says: scheme.year.period.region."""
    found = rows(
        connection,
        "SELECT scheme_code, year, period, region_code, count(*) AS indicators FROM indicator_overview "
        "GROUP BY 1, 2, 3, 4 ORDER BY year DESC, indicators DESC, scheme_code, period, region_code",
    )
    return [row | {"edition": ".".join(str(row[c] or "") for c in EDITION)} for row in found]


def indicators(connection: psycopg.Connection[Any], edition: str = "") -> Row:
    """One assessment: level-1 scores with their change and rank, the below-70 list of both levels, what could be won back.

    `edition` "" is the newest; one that is not there gives the newest, too.
    """
    known = editions(connection)
    if not known:
        return {"overview": [], "below": [], "leads": [], "outlook": [], "editions": [], "edition": "", "scheme": ""}
    one = next((e for e in known if e["edition"] == edition), known[0])
    key = [one[c] for c in EDITION]
    return {
        "editions": known,
        "edition": one["edition"],
        "overview": rows(
            connection,
            "SELECT o.*, t.previous_year, t.change, t.moved, t.rank_province, t.rank_city, t.rank_gain FROM indicator_overview o "
            "LEFT JOIN indicator_trend t USING (scheme_code, year, period, region_code, indicator_code) "
            f"WHERE {' AND '.join(f'o.{c} IS NOT DISTINCT FROM %s' for c in EDITION)} ORDER BY indicator_code", *key,
        ),
        "below": rows(connection, f"SELECT * FROM indicator_below_70 WHERE {_SAME} ORDER BY level, score", *key),
        "leads": rows(connection, f"SELECT * FROM indicator_lead_department WHERE {_SAME} ORDER BY rank, lead_department", *key),
        "outlook": rows(
            connection, f"SELECT * FROM indicator_recovery_outlook WHERE {_SAME} ORDER BY recoverable_points DESC NULLS LAST, score", *key
        ),
    }  # fmt: skip


def schemes(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """What assessment schemes are called, by their code; asked as the portal, for everybody may know."""
    found = rows(connection, "SELECT scheme_code, name FROM shared.indicator_scheme WHERE name IS NOT NULL")
    return {row["scheme_code"]: row["name"] for row in found}


def indicator(connection: psycopg.Connection[Any], code: str, edition: str = "") -> Row | None:
    """One indicator of either level: its years, its parts, what lost points; None when there is none of that code."""
    query = f"SELECT *, concat_ws('.', {', '.join(EDITION)}) AS edition FROM indicator_comparison WHERE indicator_code = %s ORDER BY year DESC"
    found = rows(connection, query, code)
    if not found:
        return None
    one = next((r for r in found if r["edition"] == edition), found[0])
    key = [one[c] for c in EDITION]
    return {
        "one": one,
        "years": rows(
            connection,
            "SELECT t.*, c.city_avg, c.province_avg FROM indicator_trend t JOIN indicator_comparison c USING (scheme_code, year, period, region_code, indicator_code) "
            "WHERE scheme_code = %s AND period IS NOT DISTINCT FROM %s AND region_code IS NOT DISTINCT FROM %s AND indicator_code = %s ORDER BY year",
            key[0], key[2], key[3], code,
        ),
        "parts": rows(connection, f"SELECT * FROM indicator_comparison WHERE {_SAME} AND parent_code = %s ORDER BY indicator_code", *key, code),
        "lost": rows(
            connection,
            f"SELECT * FROM indicator_recoverable_points WHERE {_SAME} AND (parent_code = %s OR indicator_code = %s) ORDER BY potential_points DESC NULLS LAST",
            *key, code, code,
        ),
        "problems": rows(
            connection, "SELECT problem_no, title, due_on, light, status_name FROM rectification_ledger WHERE lead_dept_code = %s AND NOT is_closed ORDER BY due_on", one["lead_dept_code"],
        ),
        "causes": rows(connection, f"SELECT * FROM indicator_cause_and_consequence WHERE {_SAME} AND indicator_code = %s", *key, code),
    }  # fmt: skip


def hotline_months(connection: psycopg.Connection[Any]) -> list[str]:
    """Months in which tickets were due, the newest first, as 2026-09."""
    found = rows(
        connection,
        "SELECT DISTINCT to_char(due_month, 'YYYY-MM') AS month FROM hotline_on_time_by_department ORDER BY 1 DESC",
    )
    return [row["month"] for row in found]


def hotline(connection: psycopg.Connection[Any], month: str) -> Row:
    """Totals, months, units, the overdue list and what is asked most. `month` "" is all of them."""
    within = "(%s = '' OR to_char(due_month, 'YYYY-MM') = %s)"
    told = "(%s = '' OR to_char(dispatched_month, 'YYYY-MM') = %s)"
    return {
        "months": hotline_months(connection),
        "total": rows(
            connection,
            "SELECT sum(tickets_due) AS due, sum(on_time) AS on_time, sum(overdue) AS overdue, sum(still_open) AS still_open, "
            f"100.0 * sum(on_time) / nullif(sum(tickets_due), 0) AS on_time_pct FROM hotline_on_time_by_department WHERE {within}", month, month,
        )[0],
        "rates": rows(
            connection,
            "SELECT sum(tickets) AS tickets, 100.0 * sum(contacted_in_time) / nullif(sum(contact_due), 0) AS response_pct, "
            "100.0 * sum(solved) / nullif(sum(valid_callbacks), 0) AS solved_pct, 100.0 * sum(satisfied) / nullif(sum(rated), 0) AS satisfaction_pct "
            f"FROM hotline_three_rates_by_department WHERE {told}", month, month,
        )[0],
        "trend": rows(
            connection,
            "SELECT to_char(due_month, 'YYYY-MM') AS month, sum(tickets_due) AS due, sum(on_time) AS on_time, sum(overdue) AS overdue, 100.0 * sum(on_time) / nullif(sum(tickets_due), 0) AS on_time_pct "
            "FROM hotline_on_time_by_department GROUP BY 1 ORDER BY 1",
        )[-13:],
        "units": rows(
            connection,
            "SELECT main_dept_code, (array_agg(department ORDER BY due_month DESC))[1] AS department, sum(tickets_due) AS due, sum(on_time) AS on_time, sum(overdue) AS overdue, sum(still_open) AS still_open, "
            f"100.0 * sum(on_time) / nullif(sum(tickets_due), 0) AS on_time_pct FROM hotline_on_time_by_department WHERE {within} "
            "GROUP BY 1 HAVING sum(tickets_due) > 0 ORDER BY on_time_pct, overdue DESC", month, month,
        ),
        "overdue": rows(connection, "SELECT * FROM hotline_overdue_open ORDER BY days_overdue DESC, due_at, ticket_no LIMIT %s", LISTED),
        "overdue_open": rows(connection, "SELECT count(*) AS n FROM hotline_overdue_open")[0]["n"],
        "frequent": rows(connection, "SELECT * FROM hotline_high_frequency ORDER BY tickets DESC, callers DESC LIMIT 12"),
        "topics": rows(connection, "SELECT * FROM hotline_topics ORDER BY heat DESC, tickets DESC, topic_id LIMIT 10"),
    }  # fmt: skip


def unit(connection: psycopg.Connection[Any], code: str) -> Row | None:
    """One unit's hotline months (none when no ticket has fallen due) and its overdue tickets; None for no department."""
    months = rows(
        connection,
        "SELECT to_char(o.due_month, 'YYYY-MM') AS month, o.main_dept_code, o.department, o.tickets_due, o.on_time, o.overdue, o.still_open, o.on_time_pct, "
        "r.response_pct, r.solved_pct, r.satisfaction_pct FROM hotline_on_time_by_department o LEFT JOIN hotline_three_rates_by_department r "
        "ON r.main_dept_code = o.main_dept_code AND r.dispatched_month = o.due_month WHERE o.main_dept_code = %s ORDER BY o.due_month DESC", code,
    )  # fmt: skip
    named = department_of(code)
    if not months and (named is None or named.dept_code != code):
        return None
    overdue = rows(
        connection, "SELECT * FROM hotline_overdue_open WHERE main_dept_code = %s ORDER BY days_overdue DESC", code
    )
    name = months[0]["department"] if months else named.name if named else code
    return {"months": months, "overdue": overdue, "unit": name, "code": code}


def ticket(connection: psycopg.Connection[Any], number: str) -> Row | None:
    """One ticket as the reader may see it, its events and call-backs; who complained is masked for all but the hotline office.

    The unit complained of reaches a ticket through the overdue list, whose rows are its own, and sees no caller at all.
    """
    listed = rows(connection, "SELECT * FROM hotline_overdue_open WHERE ticket_no = %s", number)
    found = rows(connection, "SELECT * FROM hotline_ticket WHERE ticket_no = %s", number)
    if not found and not listed:
        return None
    return {
        "listed": listed[0] if listed else None,
        "one": found[0] if found else None,
        "events": rows(connection, "SELECT * FROM hotline_ticket_event WHERE ticket_no = %s ORDER BY 1", number)
        if found
        else [],
        "callbacks": rows(connection, "SELECT * FROM hotline_callback WHERE ticket_no = %s ORDER BY called_at", number)
        if found
        else [],
    }


def rectification(connection: psycopg.Connection[Any]) -> Row:
    """Totals by category, by department, the overdue list and what falls due next."""
    return {
        "overview": {
            r["category"]: r for r in rows(connection, "SELECT * FROM rectification_overview ORDER BY category")
        },
        "departments": rows(
            connection, "SELECT * FROM rectification_by_department ORDER BY completion_pct, problems DESC"
        ),
        "overdue": rows(connection, "SELECT * FROM rectification_overdue ORDER BY days_overdue DESC"),
        "timetable": timetable(connection),
        "back": rows(
            connection,
            "SELECT * FROM rectification_ledger WHERE reopened_count > 0 AND NOT is_closed ORDER BY due_on NULLS LAST, problem_no",
        ),
        "soon": rows(
            connection,
            "SELECT * FROM rectification_ledger WHERE NOT is_closed AND light IN ('red', 'yellow') AND days_overdue = 0 ORDER BY due_on NULLS LAST LIMIT 20",
        ),
        "months": rows(
            connection,
            "SELECT to_char(m, 'YYYY-MM') AS month, count(l.problem_no) FILTER (WHERE l.found_on < m + interval '1 month') AS found, "
            "count(l.problem_no) FILTER (WHERE l.is_closed AND l.closed_at < m + interval '1 month') AS closed "
            "FROM generate_series((SELECT date_trunc('month', max(as_of)) - interval '11 months' FROM published_view), (SELECT date_trunc('month', max(as_of)) FROM published_view), '1 month') m "
            "CROSS JOIN rectification_ledger l GROUP BY m ORDER BY m",
        ),
    }


def timetable(connection: psycopg.Connection[Any], limit: int = 24) -> list[Row]:
    """Open problems that have a begin and a date, by due date, as the timetable draws them."""
    return rows(
        connection,
        "SELECT problem_no, title, lead_department, found_on, due_on, light, days_overdue FROM rectification_ledger "
        "WHERE NOT is_closed AND found_on IS NOT NULL AND due_on IS NOT NULL ORDER BY due_on, problem_no LIMIT %s", limit,
    )  # fmt: skip


def task_book(connection: psycopg.Connection[Any], code: str) -> list[Row]:
    """A lead department's problems, open ones first, by due date; empty when it has none or they are not the reader's."""
    return rows(
        connection, "SELECT * FROM rectification_ledger WHERE lead_dept_code = %s ORDER BY is_closed, due_on NULLS LAST, problem_no", code
    )  # fmt: skip


def measures(connection: psycopg.Connection[Any], numbers: list[str]) -> dict[str, list[Row]]:
    """The measures of problems whose lines the reader has seen, with state and days late, by problem.

    The portal's own connection asks: the board shows a measure to the unit that answers for it, its lead sees all.
    """
    found: dict[str, list[Row]] = {}
    for row in rows(
        connection,
        "SELECT * FROM board.rectification_task_book WHERE problem_no = ANY (%s) ORDER BY problem_no, seq, measure_id",
        numbers,
    ):
        found.setdefault(row["problem_no"], []).append(row)
    return found


def problem(connection: psycopg.Connection[Any], number: str) -> Row | None:
    """One problem of the ledger with its timetable and what it is linked to; None when there is none, or it is another department's."""
    found = rows(connection, "SELECT * FROM rectification_ledger WHERE problem_no = %s", number)
    if not found:
        return None
    times = rows(connection, "SELECT * FROM rectification_timetable WHERE problem_no = %s", number)
    links = rows(connection, "SELECT * FROM rectification_links WHERE problem_no = %s", number)
    return found[0] | {"time": times[0] if times else None, "links": links[0] if links else None}


def problem_parts(connection: psycopg.Connection[Any], number: str) -> Row:
    """Progress and reviews of a problem whose line the reader has seen; the portal's own connection asks."""
    queries = {
        "progress": "SELECT * FROM shared.rectification_progress WHERE problem_no = %s ORDER BY reported_on, progress_id",
        "reviews": "SELECT * FROM shared.rectification_review WHERE problem_no = %s ORDER BY applied_on, review_id",
    }
    return {name: rows(connection, query, number) for name, query in queries.items()}


# ------------------------------------------------------------------------------------------------- across the boards
def report_card(connection: psycopg.Connection[Any]) -> list[Row]:
    """Each department's deliveries, quality, hotline, rectification and indicators; the reader's own rows."""
    return rows(connection, "SELECT * FROM quality_department_report_card ORDER BY department")


def department(connection: psycopg.Connection[Any], code: str) -> Row:
    """What stands behind one department's card: hotline months, overdue tickets, open problems, indicators it leads."""
    return {
        "months": rows(
            connection,
            "SELECT to_char(due_month, 'YYYY-MM') AS month, sum(tickets_due) AS due, sum(on_time) AS on_time, sum(overdue) AS overdue "
            "FROM hotline_on_time_by_department WHERE main_dept_code = %s GROUP BY 1 ORDER BY 1", code,
        )[-13:],
        "overdue": rows(connection, "SELECT * FROM hotline_overdue_open WHERE main_dept_code = %s ORDER BY days_overdue DESC LIMIT 20", code),
        "problems": rows(connection, "SELECT * FROM rectification_ledger WHERE lead_dept_code = %s AND NOT is_closed ORDER BY due_on NULLS LAST LIMIT 50", code),
        "led": rows(
            connection, "SELECT * FROM indicator_comparison WHERE lead_dept_code = %s AND year = (SELECT max(year) FROM indicator_comparison) ORDER BY indicator_code", code
        ),
        "materials": rows(connection, "SELECT * FROM indicator_evidence_list WHERE provider_dept_code = %s AND is_open ORDER BY due_on NULLS LAST LIMIT 50", code),
        "refused": rows(connection, "SELECT * FROM quality_quarantine_by_rule WHERE provider_dept_code = %s AND unresolved > 0 ORDER BY unresolved DESC LIMIT 10", code),
    }  # fmt: skip


def causes(connection: psycopg.Connection[Any]) -> list[Row]:
    """Weak indicators with what the lead department's hotline and rectification say, the newest year first."""
    return rows(
        connection, "SELECT * FROM indicator_cause_and_consequence ORDER BY year DESC, score NULLS LAST, indicator_code"
    )


def crowd(connection: psycopg.Connection[Any], category: str, town: str) -> Row | None:
    """One high-frequency problem: its figures, its tickets as the cluster view has them; None when there is none."""
    found = rows(
        connection, "SELECT * FROM hotline_high_frequency WHERE category_code = %s AND coalesce(town_code, '') = %s", category, town
    )  # fmt: skip
    if not found:
        return None
    query = "SELECT * FROM hotline_cluster_tickets WHERE category_code = %s AND coalesce(town_code, '') = %s ORDER BY recorded_at"
    return {"one": found[0], "tickets": rows(connection, query, category, town)}


# ------------------------------------------------------------------------------------------------- any view's rows
def drill(
    connection: psycopg.Connection[Any], view: View, wanted: dict[str, str], limit: int, offset: int = 0
) -> tuple[list[Row], int]:
    """The rows of a published view whose columns have the wanted values, and how many there are in all."""
    table = sql.Identifier("board", view.name)
    where: sql.Composable = sql.SQL("true")
    for name, value in wanted.items():
        where += sql.SQL(" AND {}::text = {}").format(sql.Identifier(name), sql.Literal(value))
    total = connection.execute(sql.SQL("SELECT count(*) AS n FROM {} WHERE {}").format(table, where)).fetchone()
    query = sql.SQL("SELECT * FROM {} WHERE {} ORDER BY 1, 2 LIMIT {} OFFSET {}").format(
        table, where, sql.Literal(limit), sql.Literal(offset)
    )
    return connection.execute(query).fetchall(), int((total or {"n": 0})["n"])
