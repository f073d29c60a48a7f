"""A table that tells by its update time what is new, behind a connector that people registered."""

from __future__ import annotations

from typing import Any

from connectors.spec import Connector
from pipelines.run import run
from warehouse import inbox, registry
from warehouse.home import Home
from warehouse.load import BatchResult

NAME = "hotline_office/polled"
DOCUMENT: dict[str, Any] = {
    "title": "回访库", "dataset": "hotline_callback", "load": {"mode": "cursor", "cursor": "gx"},
    "source": {"driver": "postgresql", "url": "${HUB_SOURCE_CALLBACK}", "table": "hf"},
    "fields": {"callback_id": "id", "ticket_no": "gd", "round": "lc", "called_at": "sj", "method": "fs"},
}  # fmt: skip


class Polled:
    """The registered connector of the table `hf` (fixture `table`), and what is done with it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.register(NAME, DOCUMENT)

    @property
    def connector(self) -> Connector:
        return registry.load(self.home).get(NAME)

    def register(self, name: str, document: dict[str, Any]) -> None:
        """One person saves and submits, another approves."""
        with registry.connect(self.home) as control:
            number = registry.save(control, name, document, by="王芳").registration_id
            registry.submit(control, number, by="王芳")
            registry.approve(control, number, by="李强")

    def load(self, **how: Any) -> list[BatchResult]:
        """One run of the connector that does not fail."""
        report = run([self.connector], self.home, **how)
        assert not report.failures, report.failures
        return report.results

    def decide(self, decision: Any = inbox.accept, **to: str) -> list[BatchResult]:
        """The one open finding decided so, and what was held taken in again."""
        with registry.connect(self.home) as control:
            (found,) = inbox.items(control)
            done = decision(control, self.home, found.drift_id, by="王芳", connector=self.connector, **to)
        return self.load(from_landing=True, batches=set(done.replay))
