"""人大金仓 (KingbaseES): PostgreSQL's protocol and dialect, whatever version number it gives itself.

Not yet tried on a real KingbaseES: the conformance suite runs against a PostgreSQL that calls itself KingbaseES
V008. Nothing here asks for the version. In its Oracle mode the names date and varchar2 stand for other types than
PostgreSQL's, so times come as text and only types with one meaning come as they are.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from connectors.drivers.base import SourceColumn
from connectors.drivers.postgresql import PostgreSQL, PostgreSQLSession

_AS_IS = frozenset(
    {
        "smallint",
        "integer",
        "bigint",
        "real",
        "double precision",
        "numeric",
        "boolean",
        "text",
        "character varying",
    }
)
_TIMES = frozenset({"date", "timestamp without time zone", "timestamp with time zone"})


class Kingbase(PostgreSQL):
    """One KingbaseES database."""

    default_port: ClassVar[int] = 54321

    def open(self, *, writable: bool = False) -> KingbaseSession:
        """A session, read-only unless an exchange table's read flag is to be set."""
        opened = super().open(writable=writable)
        return KingbaseSession(self, opened._database, opened._connection)


class KingbaseSession(PostgreSQLSession):
    """One connection; times travel as text of one width in the connector's zone."""

    def item(self, column: SourceColumn) -> str:
        """What is surely PostgreSQL's as it is, times and the rest as text."""
        name = self.quote(column.name)
        if self.kind(column) == "timestamp":
            return f"to_char({name}, 'YYYY-MM-DD HH24:MI:SS.US') AS {name}"
        if column.type in ("bytea", "money"):
            return super().item(column)
        return name if column.type in _AS_IS else f"{name}::text AS {name}"

    def kind(self, column: SourceColumn) -> str:
        """A date may hold a time of day."""
        return "timestamp" if column.type in _TIMES else super().kind(column)

    def literal(self, text: str, kind: str) -> str:
        """A time is of the county's clock, as the session is."""
        if kind == "timestamp":
            return f"'{datetime.fromisoformat(text).isoformat(sep=' ')}'::timestamp"
        return super().literal(text, kind)


DRIVER = Kingbase
