"""What the assets reach the hub through."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from connectors.spec import Connector
    from warehouse.home import Home
    from warehouse.load import Judge


class Hub(dg.ConfigurableResource):  # type: ignore[type-arg]
    """One hub home; the default is the one the environment names."""

    path: str | None = None

    def home(self) -> Home:
        """The home, with its settings in the environment."""
        from warehouse.home import Home

        found = Home(Path(self.path) if self.path else None)
        found.load_env()
        return found

    def judge(self) -> Judge:
        """Who judges a batch as a whole; Great Expectations is imported on its first verdict."""
        from quality.expectations import judge

        return judge

    def last_batch(self, connector: Connector) -> dict[str, Any] | None:
        """Status and verdict of a connector's newest delivery; None before the first."""
        rows = self._ask(connector, "SELECT b.batch_id, b.status, b.verdict {} ORDER BY b.batch_id DESC LIMIT 1")
        return rows[0] if rows else None

    def committed_after(self, connector: Connector, batch: int) -> list[int]:
        """Batches of a connector committed after a batch number, oldest first."""
        found = self._ask(
            connector, f"SELECT b.batch_id {{}} AND b.status = 'committed' AND b.batch_id > {batch} ORDER BY 1"
        )
        return [int(row["batch_id"]) for row in found]

    def _ask(self, connector: Connector, sql: str) -> list[dict[str, Any]]:
        import psycopg
        from psycopg.rows import dict_row

        source = "FROM hub.batch b JOIN hub.source s USING (source_id) WHERE s.connector = %s"
        with psycopg.connect(self.home().database_url, row_factory=dict_row) as connection:
            return connection.execute(sql.format(source), [connector.id]).fetchall()
