"""Whether a source has anything new, asked as cheaply as it can be: what a poller does every few seconds.

A database is asked one aggregate over what lies at and behind the bookmark (how many rows, how many of them behind it,
the largest cursor: a row dated in the future may hold the last of these for ever); any
other source is asked for that increment itself, which is small. The answer is a text that changes when the rows do.
Rows with a NULL cursor and deletions do not show here: the scheduled run sees to them.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from connectors import cursor as cursors
from connectors.database import Database
from connectors.drivers import open_driver
from connectors.drivers.base import SourceColumn
from connectors.session import Session

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.drivers.base import Driver
    from connectors.spec import Connector

MODES = frozenset({"cursor", "exchange"})
_KEPT_OPEN = 8  # sessions; each is one connection of a department's database
# Reads outside a transaction, so a session that stays open sees what is committed meanwhile.
_REUSABLE = frozenset({"postgresql"})


class Pulse:
    """Feels the pulse of one source; what it learnt of the source's shape is kept, and so may be its connection."""

    def __init__(self, connector: Connector, sessions: Sessions) -> None:
        self.connector, self._sessions = connector, sessions
        self._driver: Driver = open_driver(connector)
        self._column: SourceColumn | None = None
        self._answer: list[SourceColumn] = []

    def feel(self, position: str | None) -> str:
        """A text that is the same as long as nothing lies at or behind `position` that did not before.

        Raises:
            SourceUnavailable, SourceChanged, ConfigError: as in a load.
        """
        if isinstance(self._driver, Database):
            return self._of_database(self._driver, position)
        return self._of_increment(position)

    def _of_database(self, driver: Database, position: str | None) -> str:
        with self._sessions.borrow(driver) as session:
            relation = driver.relation(session)
            if self._column is None:
                there = driver.needed(session, relation, loaded_before=position is not None)
                self._column = next(c for c in there if c.name.casefold() == str(self.connector.cursor).casefold())
            kind = session.kind(self._column)
            conditions = [f"({driver.option('where')})"] if driver.option("where") else []
            if position is not None:
                bound = cursors.lower_bound(position, self.connector.lookback, kind, self.connector.id)
                conditions.append(f"{session.comparable(self._column)} >= {session.literal(bound, kind)}")
            behind = "0"
            if position is not None:
                after = f"{session.comparable(self._column)} > {session.literal(position, kind)}"
                behind = f"count(CASE WHEN {after} THEN 1 END)"
            where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
            sql = f"SELECT count(*) AS n, {behind} AS b, max({session.column(self._column.name)}) AS m FROM {relation}{where}"
            asked = session.sub_query.format(sql)
            if not self._answer:
                self._answer = session.columns(asked)
            [found] = [batch for batch in session.select(asked, self._answer, few=True) if batch.num_rows]
        return "|".join(_told(column) for column in found.columns)

    def _of_increment(self, position: str | None) -> str:
        digest, rows = hashlib.sha256(), 0
        for delivery in self._driver.deliveries(position, ()):
            for batch in delivery.batches():
                rows += batch.num_rows
                digest.update(str(batch.to_pydict()).encode())
        return f"{rows}|{digest.hexdigest()}"


class _Borrowed:
    def __init__(self, sessions: Sessions, driver: Database) -> None:
        self._sessions, self._driver = sessions, driver

    def __enter__(self) -> Session:
        self._session = self._sessions.take(self._driver)
        return self._session

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._sessions.give_back(self._driver, self._session)
        else:
            self._session.close()


class Sessions:
    """Open connections that sources of one database share; at most _KEPT_OPEN are kept, the longest unused closes."""

    def __init__(self) -> None:
        self._idle: OrderedDict[tuple[str, str, str], Session] = OrderedDict()
        self._lock = Lock()

    def borrow(self, driver: Database) -> _Borrowed:
        """A session for a with-statement; one that failed is closed, not kept."""
        return _Borrowed(self, driver)

    def take(self, driver: Database) -> Session:
        """An idle session of the driver's database, else a new one."""
        with self._lock:
            found = self._idle.pop(_key(driver), None)
        return found or driver.open()

    def give_back(self, driver: Database, session: Session) -> None:
        """Keep a session for the next who asks, when it can be used again and there is room."""
        spare: Session | None = session
        if driver.connector.driver in _REUSABLE:
            with self._lock:
                if _key(driver) not in self._idle:
                    self._idle[_key(driver)], spare = session, None
                    if len(self._idle) > _KEPT_OPEN:
                        _, spare = self._idle.popitem(last=False)
        if spare is not None:
            spare.close()

    def close(self) -> None:
        """End all connections."""
        while self._idle:
            with suppress(Exception):
                self._idle.popitem()[1].close()


def _key(driver: Database) -> tuple[str, str, str]:
    return driver.connector.driver, str(driver.option("url" if "url" in driver.options else "path")), driver.connector.timezone  # fmt: skip


def _told(column: pa.Array) -> str:
    """The one value of a column as text; a time as Arrow counts it, as Python knows no infinite one."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        column = column.view(pa.int64())
    return str((column.view(pa.int32()) if pa.types.is_date32(column.type) else column)[0])
