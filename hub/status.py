"""`hub status`: how each source stands. A source that never reported shows as that, not as zero rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hub import output
from hub.output import say
from schemas.identifiers import COUNTY_TIME

_LAST = """
SELECT s.connector, b.batch_id, b.delivery, b.extracted_at, b.committed_at, b.extracted, b.passed, b.quarantined,
  coalesce(q.waiting, 0) AS waiting, h.batch_id AS held_batch, h.delivery AS held_delivery
FROM hub.source s
LEFT JOIN LATERAL (SELECT * FROM hub.batch WHERE source_id = s.source_id AND status = 'committed' AND kind <> 'correction' ORDER BY batch_id DESC LIMIT 1) b ON true
LEFT JOIN LATERAL (SELECT * FROM hub.batch WHERE source_id = s.source_id AND status = 'held' AND batch_id > coalesce(b.batch_id, 0) ORDER BY batch_id DESC LIMIT 1) h ON true
LEFT JOIN LATERAL (SELECT count(*) AS waiting FROM hub.quarantine WHERE source_id = s.source_id AND resolved_at IS NULL) q ON true
"""
_STATES = {
    "on_time": "正常",
    "late": "迟到",
    "held": "整批被拦",
    "never": "未报",
    "broken": "文件有误",
    "gone": "已撤下",
}


def show(format: str) -> None:
    """Print one line per connector, registered or known to the warehouse."""
    from hub.setup import home, registry

    here = home()
    known = registry(here)
    lasts = _lasts(here.database_url)
    now = datetime.now().astimezone()
    rows = [line(c.id, c.title, _limit(c.dataset), lasts.get(c.id), now) for c in known.connectors.values()]
    rows += [{"connector": name, "title": str(error), "state": "broken"} for name, error in known.broken.items()]
    for name, last in lasts.items():
        if name not in known.connectors and name not in known.broken:
            rows.append(line(name, "", None, last, now) | {"state": "gone"})
    if format == "json":
        output.write_json(rows)
        return
    output.table(
        ("连接器", "名称", "状态", "最近一批", "取到", "隔离", "待处理", "距今", "约定时效"),
        ([r["connector"], r["title"], _STATES[r["state"]], _minute(r.get("extracted_at")), *(_number(r.get(k)) for k in ("extracted", "quarantined", "waiting")),
          _age(r.get("age_seconds")), _age(r.get("limit_seconds"))] for r in rows),
        right={"取到", "隔离", "待处理", "距今", "约定时效"},
    )  # fmt: skip
    counts = {state: sum(r["state"] == state for r in rows) for state in _STATES}
    say("；".join(f"{_STATES[state]} {n}" for state, n in counts.items() if n) or "还没有登记连接器", "note")
    if counts["held"]:
        say("整批被拦：原因见 hub run 的提示或 Dagster 页面，核实后用 hub replay --batch 批次号 放行", "note")


def line(connector: str, title: str, limit: float | None, last: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    """One connector's figures; those of a source that never reported are absent (None), not 0."""
    row: dict[str, Any] = {"connector": connector, "title": title, "state": "never", "limit_seconds": limit}
    if last is None:
        return row
    if last["batch_id"] is not None:
        age = (now - last["extracted_at"]).total_seconds()
        row |= {
            key: last[key]
            for key in ("batch_id", "delivery", "extracted_at", "extracted", "passed", "quarantined", "waiting")
        }
        row |= {"age_seconds": round(age), "state": "late" if limit is not None and age > limit else "on_time"}
    if last["held_batch"] is not None:
        row |= {"state": "held", "held_batch": last["held_batch"], "held_delivery": last["held_delivery"]}
    return row


def _lasts(url: str) -> dict[str, dict[str, Any]]:
    import psycopg
    from psycopg.rows import dict_row

    from schemas.errors import WarehouseUnavailable

    try:
        with psycopg.connect(url, row_factory=dict_row, connect_timeout=10) as connection:
            made = connection.execute("SELECT to_regclass('hub.batch') AS made").fetchone()
            if made is None or made["made"] is None:
                return {}
            return {row["connector"]: row for row in connection.execute(_LAST)}
    except psycopg.OperationalError as error:
        raise WarehouseUnavailable("共享库", "连接不上", "请运行 hub doctor 检查") from error


def _limit(dataset: str) -> float | None:
    from schemas.contract import contract

    return contract(dataset).sla_seconds("latency")


def _minute(moment: datetime | None) -> str:
    return moment.astimezone(COUNTY_TIME).strftime("%m-%d %H:%M") if moment else ""


def _number(value: int | None) -> str:
    return "" if value is None else output.thousands(value)


def _age(seconds: float | None) -> str:
    if seconds is None:
        return ""
    span = timedelta(seconds=max(seconds, 0))
    if span.days:
        return f"{span.days} 天"
    hours, minutes = span.seconds // 3600, span.seconds // 60
    return f"{hours} 小时" if hours else f"{minutes} 分钟"
