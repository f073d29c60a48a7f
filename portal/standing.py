"""How each source stands and what each delivery came to, in words county staff use."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from portal.site import Site
from schemas.contract import contracts
from schemas.reference import departments
from warehouse.precheck import takes_files

if TYPE_CHECKING:
    import psycopg

Row = dict[str, Any]
# state -> (word, tag): a source that never reported is not one that sent no rows.
STATES = {
    "on_time": ("正常", "good"), "late": ("迟到", "bad"), "held": ("整批待核", "soon"), "failed": ("采集失败", "bad"), "never": ("未报", ""), "broken": ("登记有误", "bad"), "gone": ("已撤下", ""), "paused": ("停用", ""),
}  # fmt: skip
FAILING = 2  # visits in a row that failed
_STATUS = {
    "committed": ("已入库", "good"),
    "held": ("整批待核", "soon"),
    "released": ("核后放行", "good"),
    "skipped": ("无变化", ""),
    "rejected": ("已拒收", "bad"),
}
_KINDS = {
    "full": "整表",
    "cursor": "增量",
    "file": "文件",
    "file_full": "整本文件",
    "exchange": "前置机",
    "correction": "更正",
}
_LAST = """
SELECT s.connector, s.department, s.dataset, s.title, b.batch_id, b.delivery, b.extracted_at, b.extracted, b.passed, b.quarantined,
  coalesce(q.waiting, 0) AS waiting, h.batch_id AS held_batch, l.answered_at, l.problem, coalesce(l.failures, 0) AS failures, l.asked_at
FROM hub.source s LEFT JOIN hub.source_layout l USING (source_id)
LEFT JOIN LATERAL (SELECT * FROM hub.batch WHERE source_id = s.source_id AND status = 'committed' AND kind <> 'correction' ORDER BY batch_id DESC LIMIT 1) b ON true
LEFT JOIN LATERAL (SELECT batch_id FROM hub.batch WHERE source_id = s.source_id AND status = 'held' AND batch_id > coalesce(b.batch_id, 0) ORDER BY batch_id DESC LIMIT 1) h ON true
LEFT JOIN LATERAL (SELECT count(*) AS waiting FROM hub.quarantine WHERE source_id = s.source_id AND resolved_at IS NULL) q ON true
"""
_BATCHES = """
SELECT b.*, s.connector, s.title, s.department FROM hub.batch b JOIN hub.source s USING (source_id)
WHERE (%(connector)s::text IS NULL OR s.connector = %(connector)s) AND (%(department)s::text IS NULL OR s.department = %(department)s)
  AND (%(batch)s::int IS NULL OR b.batch_id = %(batch)s) AND b.batch_id < %(before)s ORDER BY b.batch_id DESC LIMIT %(limit)s
"""


def sources(connection: psycopg.Connection[Any], site: Site, department: str | None = None) -> list[Row]:
    """One row per source, registered or known to the warehouse: state, last delivery, rows, rows waiting for correction."""
    known = site.registry()
    lasts = {row["connector"]: row for row in connection.execute(_LAST)}
    now = datetime.now().astimezone()
    found = []
    for one in known.connectors.values():
        agreed = contracts().get(one.dataset)
        limit = agreed.sla_seconds("latency") if agreed else None
        found.append(
            _line(one.id, one.dept, one.title, one.dataset, limit, lasts.get(one.id), now, by_file=takes_files(one))
            | {"schedule": one.schedule, "driver": one.driver}
            | ({} if one.enabled else {"state": "paused"})
        )
    for name, error in known.broken.items():
        found.append(
            _line(name, name.split("/")[0], str(error), "", None, None, now)
            | {"state": "broken", "schedule": None, "driver": ""}
        )
    for name, last in lasts.items():
        if name not in known.connectors and name not in known.broken:
            found.append(
                _line(name, last["department"], last["title"], last["dataset"], None, last, now)
                | {"state": "gone", "schedule": None, "driver": ""}
            )
    return [row for row in found if department is None or row["department"] == department]


def _line(
    name: str, department: str, title: str, dataset: str, limit: float | None, last: Row | None, now: datetime, *, by_file: bool = False
) -> Row:  # fmt: skip
    owner = departments().get(department)
    row: Row = {
        "connector": name, "department": department, "unit": (owner.short_name or owner.name) if owner else department, "title": title, "dataset": dataset,
        "state": "never", "limit": limit, "age": None, "batch_id": None, "extracted_at": None, "extracted": None, "passed": None, "quarantined": None,
        "waiting": 0, "held_batch": None, "reported_at": None, "problem": None, "failures": 0, "asked_at": None,
    }  # fmt: skip
    if last is None:
        return row
    row |= {
        key: last[key]
        for key in (
            "batch_id",
            "extracted_at",
            "extracted",
            "passed",
            "quarantined",
            "waiting",
            "held_batch",
            "problem",
            "failures",
            "asked_at",
        )
    }
    # A file source reports by delivering, any other by answering, with or without new rows.
    reports = [last["extracted_at"], None if by_file else last["answered_at"]]
    row["reported_at"] = max((m for m in reports if m is not None), default=None)
    if row["reported_at"] is not None:
        row["age"] = (now - row["reported_at"]).total_seconds()
        row["state"] = "late" if limit is not None and row["age"] > limit else "on_time"
    if last["held_batch"] is not None:
        row["state"] = "held"
    if row["failures"] >= FAILING:
        row["state"] = "failed"
    return row


def span(seconds: float | None) -> str:
    """A stretch of time in its largest unit."""
    if seconds is None:
        return "—"
    whole = timedelta(seconds=max(seconds, 0))
    if whole.days:
        return f"{whole.days} 天"
    return f"{whole.seconds // 3600} 小时" if whole.seconds >= 3600 else f"{whole.seconds // 60} 分钟"


def deliveries(
    connection: psycopg.Connection[Any], *, connector: str | None = None, department: str | None = None, batch: int | None = None, before: int = 2**31 - 1,
    limit: int = 50,
) -> list[Row]:  # fmt: skip
    """Deliveries, newest first, with status and kind in words, the seconds each stage took and the findings."""
    values = {"connector": connector, "department": department, "batch": batch, "before": before, "limit": limit}
    found = []
    for row in connection.execute(_BATCHES, values):
        word, tag = _STATUS[row["status"]]
        verdict = row["verdict"] or {}
        found.append(row | {"word": word, "tag": tag, "way": _KINDS.get(row["kind"], row["kind"]), "took": sum((row["seconds"] or {}).values()),
                            "blocked": [r["message_zh"] for r in verdict.get("results", []) if not r.get("success", True) and r.get("severity") == "error"]})  # fmt: skip
    return found
