"""The engineer's page: which department's data is there and on time, what is held, and figures for Prometheus."""

from __future__ import annotations

import shutil

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from portal import figures
from portal.roles import PUBLIC
from portal.standing import STATES, deliveries, sources
from portal.web import Refused, Visit, route
from views.catalog import BOARDS

router = APIRouter()


@route(router, "/ops", "ops.read")
def ops(visit: Visit) -> Response:
    """Department by dataset: expected, received, on time; held deliveries; views; disk."""
    with visit.site.database.owner() as connection:
        found = sources(connection, visit.site)
        held = [d for d in deliveries(connection, limit=500) if d["status"] == "held"]
        views = []
        if connection.execute("SELECT to_regclass('board.published_view') AS made").fetchone()["made"] is not None:  # type: ignore[index]
            views = connection.execute(
                "SELECT view, as_of, row_count, published_at FROM board.published_view ORDER BY as_of, view"
            ).fetchall()
        size = connection.execute("SELECT pg_database_size(current_database()) AS bytes").fetchone()["bytes"]  # type: ignore[index]
    units: dict[str, list[dict[str, object]]] = {}
    for row in found:
        units.setdefault(row["unit"], []).append(row)
    known = figures.catalog().views
    views = [v | {"title": known[v["view"]].title} for v in views if v["view"] in known]
    latest = max((v["as_of"] for v in views), default=None)
    open_held = [d for d in held if any(s["held_batch"] == d["batch_id"] for s in found)]
    disk = shutil.disk_usage(visit.site.home.path)
    counts = {state: sum(r["state"] == state for r in found) for state in STATES}
    return visit.page(
        "ops.html",
        units=units,
        held=open_held,
        views=views,
        latest=latest,
        stale=sum(v["as_of"] != latest for v in views),
        oldest=min((v["published_at"] for v in views), default=None),
        size=size,
        disk=disk,
        counts=counts,
        states=STATES,
        boards=BOARDS,
        total=len(found),
    )


@route(router, "/metrics", PUBLIC)
def metrics(visit: Visit) -> Response:
    """Prometheus figures, for this machine only."""
    if visit.address not in {"127.0.0.1", "::1"}:
        raise Refused(404, "没有这一页", "监控请从本机采集")
    with visit.site.database.owner() as connection:
        found = sources(connection, visit.site)
        orders = connection.execute(
            "SELECT count(DISTINCT q.order_id) AS orders, count(*) AS rows FROM hub.quarantine q WHERE q.resolved_at IS NULL"
        ).fetchone() or {"orders": 0, "rows": 0}
        sessions = connection.execute(
            "SELECT count(*) AS n FROM hub.session WHERE seen_at > clock_timestamp() - interval '30 minutes'"
        ).fetchone() or {"n": 0}
        waiting = connection.execute(
            "SELECT count(*) FILTER (WHERE sent_at IS NULL AND given_up_at IS NULL) AS waiting, count(*) FILTER (WHERE given_up_at IS NOT NULL) AS given_up "
            "FROM hub.outbox"
        ).fetchone() or {"waiting": 0, "given_up": 0}
        audited = connection.execute("SELECT coalesce(max(audit_id), 0) AS n FROM hub.audit").fetchone() or {"n": 0}
    state = visit.request.app.state
    lines = ["# HELP hub_source_age_seconds Time since a source last reported.", "# TYPE hub_source_age_seconds gauge"]
    lines += [
        f'hub_source_age_seconds{{connector="{s["connector"]}"}} {s["age"]:.0f}' for s in found if s["age"] is not None
    ]
    lines.append("# TYPE hub_sources gauge")
    lines += [f'hub_sources{{state="{state}"}} {sum(s["state"] == state for s in found)}' for state in STATES]
    lines += [
        "# TYPE hub_rows_waiting gauge", f"hub_rows_waiting {orders['rows']}",
        "# TYPE hub_orders_open gauge", f"hub_orders_open {orders['orders']}",
        "# TYPE hub_sessions gauge", f"hub_sessions {sessions['n']}",
        "# TYPE hub_queries_running gauge", f"hub_queries_running {len(visit.site.running)}",
        "# TYPE hub_notices_waiting gauge", f"hub_notices_waiting {waiting['waiting']}",
        "# TYPE hub_notices_given_up gauge", f"hub_notices_given_up {waiting['given_up']}",
        "# TYPE hub_audit_entries_total counter", f"hub_audit_entries_total {audited['n']}",
        "# TYPE hub_live_streams gauge", f"hub_live_streams {state.live.streams}",
        "# TYPE hub_disk_free_bytes gauge", f"hub_disk_free_bytes {shutil.disk_usage(visit.site.home.path).free}",
        *state.meter.lines(),
    ]  # fmt: skip
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")
