"""The boards' figures, read from schema `board` with the reader's own row rules. Nothing is computed twice here.

Each function answers for one board; a view that is not published yet makes its part None, and the page says so.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from psycopg import sql

from views.catalog import Catalog, View, load_catalog

if TYPE_CHECKING:
    import psycopg

Row = dict[str, Any]
BOARDS = {"indicators": "indicator", "hotline": "hotline", "rectification": "rectification"}
TITLES = {"indicators": "营商环境指标", "hotline": "12345 热线", "rectification": "问题整改"}
LINE = 70  # below it a score is reported. Source: 示例县营商环境评价方案


def catalog() -> Catalog:
    """The views as their files say now."""
    return load_catalog()


def published(connection: psycopg.Connection[Any], prefix: str) -> dict[str, Row]:
    """Which views of a board there are, with their as-of day; empty before the first publication."""
    if rows(connection, "SELECT to_regclass('board.published_view') AS made")[0]["made"] is None:
        return {}
    query = "SELECT view, as_of, row_count, published_at FROM board.published_view WHERE starts_with(view, %s)"
    return {row["view"]: row for row in rows(connection, query, prefix + "_")}


def as_of(found: dict[str, Row]) -> date | None:
    """The oldest day any of the views stands for."""
    return min((row["as_of"] for row in found.values()), default=None)


def late_inputs(connection: psycopg.Connection[Any], prefix: str) -> list[str]:
    """Titles of the board's input datasets whose last delivery is older than their contract allows, or is held."""
    from schemas.contract import contracts

    views = catalog()
    inputs = {d for name in views.views if name.startswith(prefix + "_") for d in views.datasets(name)}
    rows = connection.execute(
        "SELECT b.dataset, max(b.extracted_at) FILTER (WHERE b.status = 'committed') AS last, "
        "extract(epoch FROM (now() AT TIME ZONE 'Asia/Shanghai') - max(b.extracted_at) FILTER (WHERE b.status = 'committed')) AS age "
        "FROM hub.source s JOIN LATERAL (SELECT s.dataset, x.status, (x.extracted_at AT TIME ZONE 'Asia/Shanghai') AS extracted_at FROM hub.batch x "
        "WHERE x.source_id = s.source_id AND x.kind <> 'correction' ORDER BY x.batch_id DESC LIMIT 1) b ON true GROUP BY s.source_id, b.dataset"
    ).fetchall()
    found = []
    for row in rows:
        agreed = contracts().get(row["dataset"])
        limit = agreed.sla_seconds("latency") if agreed else None
        if agreed and row["dataset"] in inputs and (row["last"] is None or (limit is not None and row["age"] > limit)):
            found.append(
                f"{agreed.title}（{'整批待核' if row['last'] is None else '截至 ' + row['last'].strftime('%m-%d %H:%M')}）"
            )
    return found


def rows(connection: psycopg.Connection[Any], query: str, *values: Any) -> list[Row]:
    """The rows of a query the portal wrote; the caller has looked that its views are published."""
    return connection.execute(query, values).fetchall()


def indicators(connection: psycopg.Connection[Any]) -> Row:
    """Overview of the level-1 indicators, the below-70 list of both levels, and what could be won back."""
    return {
        "overview": rows(connection, "SELECT * FROM indicator_overview ORDER BY indicator_code"),
        "below": rows(connection, "SELECT * FROM indicator_below_70 ORDER BY level, score"),
        "leads": rows(connection, "SELECT * FROM indicator_lead_department ORDER BY rank, lead_department"),
        "outlook": rows(
            connection, "SELECT * FROM indicator_recovery_outlook ORDER BY recoverable_points DESC NULLS LAST, score"
        ),
    }


def indicator(connection: psycopg.Connection[Any], code: str) -> Row | None:
    """One indicator of either level with its parts and what lost points; None when there is none of that code."""
    found = rows(
        connection, "SELECT * FROM indicator_comparison WHERE indicator_code = %s ORDER BY year DESC LIMIT 1", code
    )
    if not found:
        return None
    return {
        "one": found[0],
        "parts": rows(connection, "SELECT * FROM indicator_comparison WHERE parent_code = %s ORDER BY indicator_code", code),
        "lost": rows(
            connection,
            "SELECT * FROM indicator_recoverable_points WHERE parent_code = %s OR indicator_code = %s ORDER BY potential_points DESC NULLS LAST",
            code, code,
        ),
        "problems": rows(
            connection, "SELECT problem_no, title, due_on, light, status_name FROM rectification_ledger WHERE lead_dept_code = %s AND NOT is_closed ORDER BY due_on", found[0]["lead_dept_code"],
        ),
    }  # fmt: skip


def hotline(connection: psycopg.Connection[Any], month: str) -> Row:
    """Totals, months, units, the overdue list and what is asked most. `month` "" is all of them."""
    within = "(%s = '' OR to_char(due_month, 'YYYY-MM') = %s)"
    told = "(%s = '' OR to_char(dispatched_month, 'YYYY-MM') = %s)"
    return {
        "months": [r["month"] for r in rows(connection, "SELECT DISTINCT to_char(due_month, 'YYYY-MM') AS month FROM hotline_on_time_by_department ORDER BY 1 DESC")],
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
            "SELECT main_dept_code, department, sum(tickets_due) AS due, sum(on_time) AS on_time, sum(overdue) AS overdue, sum(still_open) AS still_open, "
            f"100.0 * sum(on_time) / nullif(sum(tickets_due), 0) AS on_time_pct FROM hotline_on_time_by_department WHERE {within} "
            "GROUP BY 1, 2 HAVING sum(tickets_due) > 0 ORDER BY on_time_pct, overdue DESC", month, month,
        ),
        "overdue": rows(connection, "SELECT * FROM hotline_overdue_open ORDER BY days_overdue DESC, due_at"),
        "frequent": rows(connection, "SELECT * FROM hotline_high_frequency ORDER BY tickets DESC, callers DESC LIMIT 12"),
    }  # fmt: skip


def unit(connection: psycopg.Connection[Any], code: str) -> Row | None:
    """One unit's hotline months and its overdue tickets; None when it has none."""
    months = rows(
        connection,
        "SELECT to_char(o.due_month, 'YYYY-MM') AS month, o.department, o.tickets_due, o.on_time, o.overdue, o.still_open, o.on_time_pct, "
        "r.response_pct, r.solved_pct, r.satisfaction_pct FROM hotline_on_time_by_department o LEFT JOIN hotline_three_rates_by_department r "
        "ON r.main_dept_code = o.main_dept_code AND r.dispatched_month = o.due_month WHERE o.main_dept_code = %s ORDER BY o.due_month DESC", code,
    )  # fmt: skip
    if not months:
        return None
    overdue = rows(
        connection, "SELECT * FROM hotline_overdue_open WHERE main_dept_code = %s ORDER BY days_overdue DESC", code
    )
    return {"months": months, "overdue": overdue}


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


def problem(connection: psycopg.Connection[Any], number: str) -> Row | None:
    """One problem of the ledger; None when there is none, or it is another department's."""
    found = rows(connection, "SELECT * FROM rectification_ledger WHERE problem_no = %s", number)
    return found[0] if found else None


def problem_parts(connection: psycopg.Connection[Any], number: str) -> Row:
    """Measures, progress and reviews of a problem whose line the reader has seen; the portal's own connection asks."""
    queries = {
        "measures": "SELECT * FROM shared.rectification_measure WHERE problem_no = %s ORDER BY seq, measure_id",
        "progress": "SELECT * FROM shared.rectification_progress WHERE problem_no = %s ORDER BY reported_on, progress_id",
        "reviews": "SELECT * FROM shared.rectification_review WHERE problem_no = %s ORDER BY applied_on, review_id",
    }
    return {name: rows(connection, query, number) for name, query in queries.items()}


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
