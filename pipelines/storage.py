"""Where Dagster keeps runs, events and ticks: the hub's PostgreSQL.

SQLite locks when several runs write at once, so a served instance has nothing else. Only the throw-away instance of
a command that looks at the definitions (`dg check defs`, `dagster definitions validate`; no DAGSTER_HOME) has no
state worth a server: it gets files in a temporary folder that ends with the process.
"""

import os
import tempfile
from collections.abc import Mapping
from typing import Any

from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage

from schemas.errors import ConfigError

URL = "HUB_DAGSTER_POSTGRES_URL"
_SCRATCH: list[tempfile.TemporaryDirectory[str]] = []  # removed when the process ends


class HubStorage(DagsterPostgresStorage):  # type: ignore[misc]
    """Named in dagster.yaml; gives back the storage the environment asks for."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure in the file."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Any:
        """PostgreSQL at HUB_DAGSTER_POSTGRES_URL.

        Raises:
            ConfigError: an instance with a home is started without that address.
        """
        if url := os.environ.get(URL):
            # Bare postgresql:// means psycopg 3 since SQLAlchemy 2.1; dagster-postgres speaks psycopg2 only.
            return DagsterPostgresStorage(
                url.replace("postgresql://", "postgresql+psycopg2://", 1), inst_data=inst_data
            )
        if os.environ.get("DAGSTER_HOME"):
            raise ConfigError(f"环境变量 {URL}", "没有设置，Dagster 不知道状态存在哪里", "请用 hub up 启动")
        _SCRATCH.append(tempfile.TemporaryDirectory(prefix="dagster-"))
        return DagsterSqliteStorage(_SCRATCH[-1].name, inst_data=inst_data)
