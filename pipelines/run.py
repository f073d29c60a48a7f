"""The data path from sources to boards, without Dagster: what `hub run`, the demo and the poller call.

One failing source never stops another. What changed decides what is computed anew: parties are linked only when
a dataset that names enterprises changed, views only when one of their inputs did.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date

import psycopg

from connectors.spec import Connector
from schemas.contract import contract, contracts
from schemas.errors import HubError
from views.publish import Published, publish
from views.topics import standing
from warehouse import access, identity, migrations, reference, store, survivorship
from warehouse.engines.adbc import Connection
from warehouse.home import Home
from warehouse.load import BatchResult, Judge, load, replay

OnResult = Callable[[Connector, list[BatchResult], HubError | None], None]


@dataclass
class RunReport:
    """What one run did."""

    results: list[BatchResult] = field(default_factory=list)
    failures: dict[str, HubError] = field(default_factory=dict)
    published: list[Published] = field(default_factory=list)


def prepare(home: Home) -> None:
    """Bring the warehouse up to date: control tables, reference tables, and every contract's tables and views."""
    with Connection(home.database_url) as warehouse:
        migrations.ensure(warehouse)
        reference.refresh(warehouse)
        warehouse.commit()
        for agreed in contracts().values():
            if agreed.fields:  # a dataset of computed fields alone is a view of the hub's own books
                store.prepare(warehouse, agreed)
        survivorship.prepare(warehouse, contract("enterprise"))
        warehouse.commit()
    with psycopg.connect(home.database_url) as connection:
        access.secure(connection)


def run(
    connectors: Iterable[Connector],
    home: Home,
    *,
    judge: Judge | None = None,
    on_result: OnResult = lambda connector, results, error: None,
    from_landing: bool = False,
    batches: Collection[int] | None = None,
    as_of: date | None = None,
    backfill: tuple[str, str] | None = None,
    from_start: bool = False,
    topics: bool = True,
) -> RunReport:
    """Load each connector, then link enterprises, publish what changed and find what tickets have in common.

    `from_landing` takes landed deliveries instead of asking the sources: all committed ones, or the named `batches`.
    `backfill` reads one span of the cursor again and moves no bookmark, `from_start` everything. Without `topics` these are left to the caller.
    """
    report = RunReport()
    for connector in connectors:
        try:
            results = (
                replay(connector, home, batches, judge=judge)
                if from_landing
                else load(connector, home, judge=judge, backfill=backfill, from_start=from_start)
            )
        except Exception as trouble:
            error = _told(connector, trouble)
            report.failures[connector.id] = error
            done = [result for result in error.done if isinstance(result, BatchResult)]
            report.results += done
            on_result(connector, done, error)
            continue
        report.results += results
        on_result(connector, results, None)
    report.published = settle(home, {r.dataset for r in report.results if r.touched}, as_of=as_of)
    if topics:
        report.published += find_topics(home, as_of=as_of)
    return report


def _told(connector: Connector, trouble: Exception) -> HubError:
    """The failure as people are told it; what nobody foresaw must not stop the other sources either."""
    if isinstance(trouble, HubError):
        return trouble
    error = HubError(connector.id, f"程序出错（{type(trouble).__name__}）", "其他来源不受影响；请把日志交给系统管理员")
    error.__cause__ = trouble
    return error


def settle(home: Home, changed: set[str], *, as_of: date | None = None) -> list[Published]:
    """Link enterprises and publish the views that read what changed; an empty set publishes only what is missing.

    What a run brought in that was cut off before its enterprises were linked or its views published counts as changed.
    """
    with Connection(home.database_url) as warehouse:
        named = any(contract(name).party for name in changed & contracts().keys())
        if named or survivorship.due(warehouse, contract("enterprise")):
            identity.resolve(warehouse)
            survivorship.refresh(warehouse, contract("enterprise"))
            warehouse.commit()
            changed = changed | {"enterprise", "enterprise_conflict"}
    with psycopg.connect(home.database_url) as connection:
        # The day it came, also when midnight has passed since: what a past query of that day tells does not change after it.
        connection.execute(
            "UPDATE hub.batch SET received_on = coalesce(%s, (committed_at AT TIME ZONE 'Asia/Shanghai')::date) WHERE received_on IS NULL",
            [home.held_day()],
        )
        connection.commit()
        done = publish(connection, changed | {"batch", "quarantine"}, as_of or home.today())
        access.secure(connection)
    return done


def find_topics(home: Home, *, as_of: date | None = None) -> list[Published]:
    """Find what tickets have in common, if that is due (views.topics.standing), and publish what rests on it as any other change.

    It may take half a minute of one core, so nobody who waits for a page or for a source's rows calls it.
    """
    today = as_of or home.today()
    try:
        with psycopg.connect(home.database_url) as connection:
            if not standing.refresh(connection, today):
                return []
        return settle(home, {"hotline_topic", "hotline_topic_ticket"}, as_of=today)
    except Exception as trouble:  # texts are what people wrote: the boards go on with the topics found before
        told = f"归热点问题时出错（{type(trouble).__name__}：{trouble}），看板仍用上一次归出的；请把日志交给系统管理员"
        return [Published("hotline_topics", 0, False, 0.0, told)]
