"""Where one hub keeps its state: the hub home (default var/), its settings and its warehouse's address.

    landing/<connector>/<sha256>.parquet   deliveries as they came, immutable
    tmp/                                   work files of a running load, removed with it
    sweeps/                                what an interface had given before a read broke off, a day at most
    pg/                                    the embedded PostgreSQL, unless HUB_DATABASE_URL is set
    contracts/<dataset>.odcs.yaml          contracts of datasets registered here
    great_expectations/                    suites and Data Docs
    as_of                                  the day a county that does not live on is held at; the demo's has one
    hub.env                                addresses and secrets of sources, KEY=VALUE, mode 0600

Settings come from the environment first, then hub.env. The home is 0700: landed files hold raw personal data.
"""

from __future__ import annotations

import os
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from schemas import contract
from schemas.errors import ConfigError
from schemas.identifiers import COUNTY_TIME

if TYPE_CHECKING:
    from warehouse.engines.postgresql import Server

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "tongqu"
DAGSTER_DATABASE = "dagster"
_FROM_FILE = "HUB_ENV_NAMES"  # the names in the environment that hub.env put there


class Home:
    """One hub home; making the object only makes the folder."""

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = Path(path or os.environ.get("HUB_HOME") or ROOT / "var").absolute()
        for folder in (self.path, self.path / "landing", self.path / "tmp"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        contract.include(self.contracts)

    @property
    def contracts(self) -> Path:
        """Contracts of datasets that came with a registration; the database keeps them, here they are read."""
        return self.path / "contracts"

    @property
    def landing(self) -> Path:
        """Landed deliveries, as a folder per connector."""
        return self.path / "landing"

    @property
    def env_file(self) -> Path:
        """Addresses and secrets of the sources."""
        return self.path / "hub.env"

    def today(self) -> date:
        """The county's day: the calendar's, unless the file `as_of` holds it still, as for a county that does not live on."""
        return self.held_day() or datetime.now(COUNTY_TIME).date()

    def held_day(self) -> date | None:
        """The day the file `as_of` holds; None where the calendar goes on."""
        held = self.path / "as_of"
        if not held.exists():
            return None
        try:
            return date.fromisoformat(held.read_text(encoding="utf-8").strip())
        except ValueError:
            raise ConfigError(str(held), "里面不是日期", "写成 2026-09-30，或删掉这个文件") from None

    @property
    def departments(self) -> Path:
        """The folder of connector files: HUB_CONNECTORS, else the repository's own."""
        return Path(os.environ.get("HUB_CONNECTORS") or ROOT / "connectors" / "departments")

    @property
    def inbox(self) -> Path:
        """Where departments' files come in: HUB_INBOX, else a folder of the home; connectors refer to it by that name."""
        return Path(os.environ.setdefault("HUB_INBOX", str(self.path / "inbox")))

    def load_env(self) -> None:
        """Put hub.env and the inbox into the environment; what was set there from elsewhere stays.

        What came from hub.env before is replaced, also in a process that got it from its parent: a password changed in
        the portal counts from the next reading on.

        Raises:
            ConfigError: a line is not KEY=VALUE.
        """
        kept = set(os.environ.get(_FROM_FILE, "").split())
        lines = self.env_file.read_text(encoding="utf-8").splitlines() if self.env_file.exists() else []
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            name, separator, value = text.partition("=")
            if not separator:
                raise ConfigError(
                    f"{self.env_file.name}：第 {number} 行", "不是 名称=值 的形式", "请改成 HUB_SOURCE_…=… 一行一项"
                )
            if name.strip() not in os.environ or name.strip() in kept:
                os.environ[name.strip()] = value.strip()
                kept.add(name.strip())
        os.environ[_FROM_FILE] = " ".join(sorted(kept))
        _ = self.inbox

    @cached_property
    def database_url(self) -> str:
        """The warehouse's libpq address; starts the embedded server when the site has none of its own.

        Raises:
            WarehouseUnavailable: the embedded server does not start.
        """
        if url := os.environ.get("HUB_DATABASE_URL"):
            return url
        return self.server().create_database(DATABASE)

    @cached_property
    def dagster_url(self) -> str:
        """Dagster's storage, in the same server. SQLAlchemy 2.1 needs the driver named (dagster-postgres speaks psycopg2)."""
        url = os.environ.get("HUB_DAGSTER_POSTGRES_URL") or os.environ.get("HUB_DATABASE_URL")
        url = url or self.server().create_database(DAGSTER_DATABASE)
        return url.replace("postgresql://", "postgresql+psycopg2://", 1)

    def server(self) -> Server:
        """The embedded server, running."""
        from warehouse.engines.postgresql import Server

        return Server(self.path / "pg").start()

    @property
    def embedded(self) -> bool:
        """True when the warehouse is the embedded server of this home."""
        return "HUB_DATABASE_URL" not in os.environ
