"""Connections to the warehouse: the portal's own, and those on which a user's own role counts.

owner()        the portal itself: accounts, orders, audit
seen_by(u)     a query the portal wrote, with the user's row rules (SET LOCAL ROLE)
login(u)       a query the user wrote: a session of the user's own role, which cannot become another
"""

from __future__ import annotations

import hashlib
import hmac
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql
from psycopg.rows import dict_row, tuple_row

from portal import audit
from portal.accounts import Account
from schemas.errors import WarehouseUnavailable
from warehouse import access

Row = dict[str, Any]
_POOL = 16


class Database:
    """The warehouse as the portal uses it; connections are kept and shared between requests."""

    def __init__(self, url: str, key: bytes, seals: Path) -> None:
        self.url, self.key, self._seals = url, key, seals
        self._idle: queue.LifoQueue[psycopg.Connection[Row]] = queue.LifoQueue()

    @contextmanager
    def owner(self) -> Iterator[psycopg.Connection[Row]]:
        """A transaction of the portal's own, committed at the end unless it fails.

        Raises:
            WarehouseUnavailable: the warehouse does not answer.
        """
        with self.control() as connection, connection.transaction():
            yield connection

    @contextmanager
    def control(self) -> Iterator[psycopg.Connection[Row]]:
        """A connection for functions that commit for themselves (warehouse.registry, inbox, truth); rolled back at the end.

        Raises:
            WarehouseUnavailable: the warehouse does not answer.
        """
        connection = self._take()
        try:
            yield connection
        finally:
            if not connection.closed:
                connection.rollback()
                audit.settle(connection, self._seals)
            if connection.closed or connection.broken or self._idle.qsize() >= _POOL:
                connection.close()
            else:
                self._idle.put(connection)

    def _take(self) -> psycopg.Connection[Row]:
        while True:
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                break
            try:
                connection.execute("SELECT 1")
                connection.rollback()
                return connection
            except psycopg.Error:  # the server was restarted meanwhile
                connection.close()
        return self._connect(self.url)

    def _connect(self, url: str) -> psycopg.Connection[Row]:
        try:
            return psycopg.connect(url, row_factory=dict_row, connect_timeout=10)
        except psycopg.OperationalError as error:
            raise WarehouseUnavailable("共享库", "连接不上", "请稍后再试，或请系统管理员运行 hub doctor") from error

    @contextmanager
    def alone(self) -> Iterator[psycopg.Connection[Any]]:
        """A session of its own with rows as tuples, for functions that commit and leave temporary views behind (views.publication).

        Raises:
            WarehouseUnavailable: the warehouse does not answer.
        """
        with self._connect(self.url) as connection:
            connection.row_factory = tuple_row  # type: ignore[assignment]
            yield connection

    @contextmanager
    def seen_by(self, user: Account) -> Iterator[psycopg.Connection[Row]]:
        """A read-only transaction in which the user's row rules and masks hold; only for queries the portal wrote."""
        with self.owner() as connection:
            connection.execute("SET TRANSACTION READ ONLY")
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(user.db_role or "")))
            connection.execute(f"SET LOCAL search_path = {access.SEARCH_PATH}")
            yield connection

    def login_url(self, user: Account) -> str:
        """The warehouse's address with the user's own role and password."""
        parts = urlsplit(self.url)
        place = parts.netloc.rpartition("@")[2]
        who = f"{quote(user.db_role or '', safe='')}:{self.password(user)}"
        return urlunsplit((parts.scheme, f"{who}@{place}", parts.path, parts.query, parts.fragment))

    def login(self, user: Account) -> psycopg.Connection[Row]:
        """A session of the user's own role; the caller closes it."""
        return self._connect(self.login_url(user))

    def password(self, user: Account) -> str:
        """The password of the user's role: made from the portal's key, so that it is kept nowhere."""
        words = f"db\x1f{user.name}\x1f{user.db_generation}".encode()
        return hmac.new(self.key, words, hashlib.sha256).hexdigest()[:40]

    def close(self) -> None:
        """Close what is idle."""
        while not self._idle.empty():
            self._idle.get_nowait().close()
