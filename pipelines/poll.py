"""Near real time: sources with a cursor are asked every few seconds, and only one that changed is loaded.

    every few seconds   one small query a source (connectors.pulse), at most _WORKERS at once
    changed             the same data path as a run (pipelines.run: load, link, publish), then told to Dagster
    not changed         no run, no batch, no event; once a day it is noted that the source answered
    beside the rounds   what tickets have in common is looked for, on a new day and after each change

What is here asks by query. A source that tells of its changes itself (a database's log) would come in at the same
door: `Poller.take`, with the connectors that have something new.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import psycopg

from connectors.pulse import MODES, Pulse, Sessions
from connectors.spec import Connector
from pipelines.run import RunReport, find_topics, run
from schemas.errors import HubError, WarehouseUnavailable
from warehouse import inbox, registry
from warehouse.drift import ANSWERED
from warehouse.home import Home
from warehouse.load import Judge

if TYPE_CHECKING:
    import dagster as dg

EVERY = 3.0  # seconds
_WORKERS = 4
_AGAIN_AFTER = 30.0  # seconds, for a source that failed
_REGISTRY_EVERY = 60.0

Report = Callable[[Sequence[Connector], RunReport], None]


@dataclass
class _Source:
    connector: Connector
    pulse: Pulse
    known: tuple[str | None, str] | None = None  # bookmark and pulse that the last load has seen
    due: float = 0.0
    problem: str = ""


@dataclass
class Beat:
    """One round: how many sources were asked, what was loaded, what failed."""

    asked: int = 0
    changed: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    report: RunReport | None = None
    seconds: float = 0.0


class Poller:
    """Asks the sources of one hub, round after round."""

    def __init__(
        self, home: Home, *, judge: Judge | None = None, report: Report = lambda connectors, done: None, only: Iterable[str] | None = None
    ) -> None:  # fmt: skip
        self._home, self._judge, self._report = home, judge, report
        self._only = None if only is None else set(only)
        self._sessions = Sessions()
        self._sources: dict[str, _Source] = {}
        self._looked = 0.0
        self._noted: dict[str, date] = {}  # the last day on which each was noted to have answered
        self._topics: threading.Thread | None = None
        self._topics_day: date | None = None
        self._topics_failed = ""
        self._books: psycopg.Connection[tuple[Any, ...]] | None = None
        self._pool = ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="pulse")

    @property
    def sources(self) -> list[str]:
        """The connectors that are asked."""
        return list(self._sources)

    def round(self) -> Beat:
        """Ask every source that is due, and load those that have something new."""
        begun = time.monotonic()
        if not self._looked or begun - self._looked > _REGISTRY_EVERY:
            self._look()
        positions = self._positions()
        due = [s for s in self._sources.values() if s.due <= begun]
        beat = Beat(asked=len(due))
        felt = self._pool.map(lambda source: self._feel(source, positions.get(source.connector.id)), due)
        changed, heard = [], []
        for source, answer in zip(due, felt, strict=True):
            if isinstance(answer, HubError):
                source.due, source.problem = begun + _AGAIN_AFTER, str(answer)
                beat.problems[source.connector.id] = str(answer)
                continue
            heard.append(source.connector.id)
            if answer != source.known:
                changed.append((source, answer))
        self._note(heard)
        if changed:
            beat.changed = [source.connector.id for source, _ in changed]
            beat.report = self.take([source.connector for source, _ in changed])
            for source, answer in changed:
                error = beat.report.failures.get(source.connector.id)
                if error is None:
                    # What lay there before the load began is in; should more have come meanwhile, the next pulse differs.
                    source.known = answer
                elif not isinstance(error, WarehouseUnavailable):  # else a run holds the source: ask again next round
                    source.due, source.problem = time.monotonic() + _AGAIN_AFTER, str(error)
                if error is not None:
                    beat.problems[source.connector.id] = str(error)
        if changed or self._topics_day != self._home.today():
            self._find_topics()
        if self._topics_failed:
            beat.problems["hotline_topics"], self._topics_failed = self._topics_failed, ""
        beat.seconds = time.monotonic() - begun
        return beat

    def take(self, connectors: Sequence[Connector]) -> RunReport:
        """Load these sources, publish what changed, and tell of it."""
        done = run(connectors, self._home, judge=self._judge, topics=False)
        if any(result.touched or result.quarantined or result.status == "held" for result in done.results):
            self._report(connectors, done)
        return done

    def close(self) -> None:
        """End all threads and connections."""
        self._pool.shutdown()
        if self._topics is not None:
            self._topics.join(5)
        self._sessions.close()
        if self._books is not None:
            self._books.close()

    def _find_topics(self) -> None:
        """Look for topics on a thread of its own: no source waits for it."""
        if self._topics is not None and self._topics.is_alive():
            return
        self._topics_day = self._home.today()

        def find() -> None:
            published = find_topics(self._home)
            self._topics_failed = "；".join(view.error for view in published if view.error)
            if published:
                self._report([], RunReport(published=published))

        self._topics = threading.Thread(target=find, daemon=True, name="topics")
        self._topics.start()

    def _feel(self, source: _Source, position: str | None) -> tuple[str | None, str] | HubError:
        try:
            return position, source.pulse.feel(position)
        except HubError as error:
            return error
        except Exception as error:  # one source's library must not stop the others
            return HubError(source.connector.id, f"探询出错（{type(error).__name__}）", "其他来源不受影响")

    def _look(self) -> None:
        """Read the registry anew: what was approved, paused or changed meanwhile counts."""
        known = registry.load(self._home)
        wanted = {
            c.id: c for c in known if c.mode in MODES and c.enabled and (self._only is None or c.id in self._only)
        }
        self._sources = {
            name: old
            if (old := self._sources.get(name)) and old.connector == c
            else _Source(c, Pulse(c, self._sessions))
            for name, c in wanted.items()
        }
        with registry.connect(self._home) as connection:
            inbox.missing(connection, known)
        self._looked = time.monotonic()

    def _note(self, heard: Sequence[str]) -> None:
        """Note once a day that these sources answered, though they may have nothing new."""
        today = self._home.today()
        fresh = [name for name in heard if self._noted.get(name) != today]
        if not fresh or self._books is None:
            return
        try:
            self._books.execute(ANSWERED.format(day=today, which="connector = ANY (%s)").encode(), [fresh])
        except psycopg.OperationalError as error:
            self._books = None
            raise WarehouseUnavailable("共享库", "连接不上", "请运行 hub doctor 检查") from error
        self._noted.update(dict.fromkeys(fresh, today))

    def _positions(self) -> dict[str, str]:
        """Every source's bookmark, in one query; none for a source that is read otherwise since."""
        try:
            if self._books is None or self._books.closed:
                self._books = psycopg.connect(self._home.database_url, autocommit=True, connect_timeout=10)
            rows = self._books.execute(
                "SELECT s.connector, c.position, c.reading FROM hub.cursor c JOIN hub.source s USING (source_id)"
            )
            return {
                name: position
                for name, position, reading in rows
                if (source := self._sources.get(name)) and reading in (None, source.connector.reading)
            }
        except psycopg.OperationalError as error:
            self._books = None
            raise WarehouseUnavailable("共享库", "连接不上", "请运行 hub doctor 检查") from error


def forever(
    poller: Poller, stop: threading.Event, *, every: float = EVERY, told: Callable[[Beat], None] = lambda beat: None
) -> None:
    """Round after round until `stop`; a warehouse that is away for a while is waited for."""
    while not stop.is_set():
        begun = time.monotonic()
        try:
            told(poller.round())
        except WarehouseUnavailable as error:
            told(Beat(problems={"warehouse": str(error)}))
        stop.wait(max(0.1, every - (time.monotonic() - begun)))


def tell_dagster(instance: dg.DagsterInstance) -> Report:
    """Materialisations of what was loaded and published, and the check of what was held, as events without a run."""
    import dagster as dg

    from pipelines.assets import connector_key, dataset_key, described
    from pipelines.checks import BATCH, verdict

    def report(connectors: Sequence[Connector], done: RunReport) -> None:
        for c in connectors:
            own = [r for r in done.results if r.connector == c.id and r.batch_id]
            if not own:
                continue
            key = connector_key(c)
            instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata=described(own)))
            if any(r.touched for r in own):
                instance.report_runless_asset_event(dg.AssetMaterialization(dataset_key(c.dataset)))
            if own[-1].status == "held":
                judged = verdict(key, asdict(own[-1].verdict))
                instance.report_runless_asset_event(
                    dg.AssetCheckEvaluation(
                        asset_key=key, check_name=BATCH, passed=judged.passed, metadata=judged.metadata, severity=judged.severity,
                        description=judged.description,
                    )
                )  # fmt: skip
        for view in done.published:
            if view.changed and not view.error:
                board, _, name = view.name.partition("_")
                instance.report_runless_asset_event(
                    dg.AssetMaterialization(dg.AssetKey(["view", board, name]), metadata={"行数": view.rows})
                )

    return report


def main() -> int:
    """The poller as a process beside Dagster: what `hub up` starts. Prints one line whenever something changed."""
    from quality.expectations import judge

    home = Home()
    home.load_env()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    report: Report = lambda connectors, done: None  # noqa: E731
    if os.environ.get("DAGSTER_HOME"):
        from dagster import DagsterInstance

        report = tell_dagster(DagsterInstance.get())
    poller = Poller(home, judge=judge, report=report)
    try:
        forever(poller, stop, told=_line)
    finally:
        poller.close()
    return 0


def _line(beat: Beat) -> None:
    if beat.changed or beat.problems:
        rows = sum(r.new_rows + r.changed_rows for r in beat.report.results) if beat.report else 0
        told = f"有变化 {'、'.join(beat.changed)}，{rows} 行，{beat.seconds:.1f} 秒" if beat.changed else ""
        sys.stdout.write("；".join(filter(None, [told, *beat.problems.values()])) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
