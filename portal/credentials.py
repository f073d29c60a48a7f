"""The secrets of a live connector: which there are, and putting a new one in place; none is ever shown.

Only the password of an address can be changed here, not where it leads: that is a change of the connector, with
a test and an approval.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from connectors import references
from connectors.spec import Connector, Registry
from schemas.errors import ConfigError
from warehouse import wizard
from warehouse.home import Home

_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")


class Credential(NamedTuple):
    """One secret: its name, what it is, to whom an address leads, and which connectors share it."""

    name: str
    title: str
    place: str
    shared: tuple[str, ...]
    present: bool


def credentials(registry: Registry, one: Connector) -> list[Credential]:
    """The connector's references that hold a password or a token."""
    found = []
    for name in sorted(references.names(one.source)):
        value = _value(name)
        address = bool(_PASSWORD.search(value))
        if not address and not name.startswith("HUB_SECRET_"):
            continue
        parts = urlsplit(value) if address else None
        place = f"{parts.username or ''}@{parts.hostname or ''}{parts.path}" if parts else ""
        shared = tuple(sorted(c.id for c in registry if c.id != one.id and name in references.names(c.source)))
        found.append(
            Credential(name, "数据库或接口地址里的口令" if address else "令牌或口令", place, shared, bool(value))
        )
    return found


def _value(name: str) -> str:
    try:
        return str(references.resolve(f"${{{name}}}", name))
    except ConfigError:
        return ""


def replace(home: Home, registry: Registry, one: Connector, name: str, value: str, *, department: str | None) -> Credential:  # fmt: skip
    """Put a new secret in place of the old one.

    Raises:
        ConfigError: the connector has no such secret, another department's connector shares it, or it is empty.
    """
    kept = next((c for c in credentials(registry, one) if c.name == name), None)
    if kept is None:
        raise ConfigError(f"口令 {name}", "这个来源没有用到它", "请从列表里选")
    if not value:
        raise ConfigError(f"口令 {name}", "没有填新口令", "请填写")
    foreign = [c for c in kept.shared if c.partition("/")[0] != one.dept]
    if department is not None and foreign:
        raise ConfigError(f"口令 {name}", f"别的部门的来源也在用（{foreign[0]}）", "请数据工程师更换")
    wizard.remember(home, name, _with_password(_value(name), value))
    return kept


def _with_password(old: str, password: str) -> str:
    if not _PASSWORD.search(old):
        return password
    parts = urlsplit(old)
    who, _, place = parts.netloc.rpartition("@")
    user = who.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}"))


def steps(one: Connector) -> list[dict[str, Any]]:
    """The steps of reaching the connector as it is now."""
    from connectors.probe import probe

    return [vars(step) for step in probe(one)]
