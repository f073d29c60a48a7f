"""Which tables a source's database shows, for choosing one before a connector exists."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connectors import references
from connectors.database import Database
from connectors.drivers import driver_class
from connectors.session import LISTED, Table
from connectors.spec import Connector
from schemas.errors import ConfigError

# The scheme of an address -> the driver that speaks it.
SCHEMES = {
    "postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite",
    "oracle": "oracle", "mssql": "sqlserver", "sqlserver": "sqlserver", "dm": "dm", "kingbase": "kingbase",
}  # fmt: skip


def driver_of(url: str, where: str) -> str:
    """The driver for a database address.

    Raises:
        ConfigError: no driver speaks it.
    """
    scheme = urlsplit(url).scheme.partition("+")[0]
    if scheme not in SCHEMES:
        raise ConfigError(
            f"{where}：source.url", f"不认识的数据库地址 '{scheme}://'", f"可用的有：{'、'.join(sorted(SCHEMES))}"
        )
    return SCHEMES[scheme]


def tables(reference: str, like: str = "", limit: int = LISTED, **options: Any) -> list[Table]:
    """The tables behind an address, written as a reference (`${HUB_SOURCE_…}`) or, without a password, plainly.

    Raises:
        HubError: the address cannot be used, or the database does not answer.
    """
    if references.plain_secrets({"url": reference}):
        raise ConfigError("source.url", "密码不得写在命令里", "请写成 ${HUB_SOURCE_…}，把值放进 var/hub.env")
    name = driver_of(str(references.resolve(reference, "source.url")), "source.url")
    draft = Connector(
        id="新来源", dept="", title="", dataset="", source={"driver": name, "url": reference, **options}, mode="full", cursor=None,
        lookback="0s", schedule=None, pool="", timezone="Asia/Shanghai", fields={}, constants={}, path=Path(),
    )  # fmt: skip
    opened = driver_class(name)(draft)
    if not isinstance(opened, Database):
        raise TypeError(f"{opened} is no database driver")
    return opened.tables(like, limit)
