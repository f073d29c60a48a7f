"""`hub run` and `hub replay`: the data path from the command line, one line per source as it finishes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from hub import output
from hub.output import say, thousands

if TYPE_CHECKING:
    from connectors.spec import Connector
    from pipelines.run import RunReport
    from schemas.errors import HubError
    from warehouse.home import Home
    from warehouse.load import BatchResult


def run(
    select: list[str],
    *,
    from_landing: bool = False,
    batches: list[int] | None = None,
    backfill: tuple[str, str] | None = None,
    from_start: bool = False,
) -> int:
    """Load the selected sources and publish what changed; 1 when any of it failed."""
    from hub.selection import select as choose
    from hub.setup import home, registry

    here = home()
    known = registry(here)
    connectors = choose(known, select)
    if not select:
        for error in known.broken.values():
            say(str(error), "fail")
    if not connectors:
        say("还没有可运行的连接器；用 hub connector add 文件 登记", "note")
        return 1 if known.broken else 0
    paused = [c for c in connectors if not c.enabled and not from_landing]
    for c in paused:
        say(f"{c.id}  已停用，不采集；恢复：hub connector resume {c.id}", "note")
    connectors = [c for c in connectors if c not in paused]
    report = collect(
        here, connectors, from_landing=from_landing, batches=batches, backfill=backfill, from_start=from_start
    )
    return 1 if tell(report) or (known.broken and not select) else 0


def collect(here: Home, connectors: Iterable[Connector], *, from_landing: bool = False, **options: Any) -> RunReport:
    """Run the connectors with a progress bar; each one's outcome is told as it ends."""
    from pipelines.run import prepare
    from pipelines.run import run as go
    from quality.expectations import judge

    connectors = list(connectors)
    prepare(here)
    with output.progress(len(connectors), "采集") as advance:
        return go(connectors, here, judge=judge, on_result=_teller(advance), from_landing=from_landing, **options)


def _teller(advance: Callable[[str], None]) -> Callable[[Connector, list[BatchResult], HubError | None], None]:
    def tell_one(connector: Connector, results: list[BatchResult], error: HubError | None) -> None:
        advance(connector.id)
        if error is not None:
            say(f"{connector.id}  {error}", "fail")
            return
        taken = [r for r in results if r.status == "committed"]
        for held in (r for r in results if r.status == "held"):
            say(f"{connector.id}  {held.delivery} 整批被拦下：{because(held.verdict)}", "fail")
        if taken:
            say(f"{connector.id}  {counted(taken)}", "ok")
        elif not results or all(r.status == "skipped" for r in results):
            same = next((f["message"] for r in results for f in r.findings if f["code"] == "same_file"), "没有新数据")
            say(f"{connector.id}  {same}", "note")

    return tell_one


def counted(results: list[BatchResult]) -> str:
    """Sums of some batches in words: 取到 12,000 行，通过 11,950，隔离 50；新增 … 更新 … 注销 …"""
    from warehouse.load import summary

    sums = summary(results)
    changes = [("新增", "new_rows"), ("更新", "changed_rows"), ("注销", "closed_rows")]
    moved = "，".join(f"{word} {thousands(sums[key])}" for word, key in changes if sums[key])
    told = f"取到 {thousands(sums['extracted'])} 行，通过 {thousands(sums['passed'])}，隔离 {thousands(sums['quarantined'])}"
    return f"{told}；{moved}" if moved else f"{told}；没有变化"


def because(verdict: Any) -> str:
    """Why a whole batch was held, from the judge's verdict."""
    texts = [str(text) for text in getattr(verdict, "reasons", ()) or ()]
    return "；".join(texts) if texts else "整批质检未通过，详见 hub status"


def tell(report: RunReport) -> int:
    """The closing lines of a run; returns how many things went wrong."""
    held = [r for r in report.results if r.status == "held"]
    wrong_views = [p for p in report.published if p.error]
    for view in wrong_views:
        say(view.error, "fail")
    done = [r for r in report.results if r.status == "committed"]
    if done:
        say(f"合计：{counted(done)}", "ok")
    changed = list(dict.fromkeys(p.name for p in report.published if p.changed))  # topics are published once more
    if changed:
        say(f"更新了 {len(changed)} 个视图：{'、'.join(changed[:8])}{'…' if len(changed) > 8 else ''}", "ok")
    if any(r.quarantined for r in done):
        say("隔离的行：hub quarantine list", "note")
    return len(report.failures) + len(held) + len(wrong_views)
