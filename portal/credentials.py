"""The secrets of a live connector: which there are, and putting a new one in place; none is ever shown.

A new one is tried first, and the old one stays until the source has let the new one in. Only the password of an address can be changed here, not where it leads: that is a change of the connector, with
a test and an approval.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from connectors import references
from connectors.spec import Connector, Registry
from schemas.errors import ConfigError
from warehouse import wizard
from warehouse.home import Home

if TYPE_CHECKING:
    from connectors.drivers.base import Step

_LET_IN = ("resolve", "connect", "login")  # the steps that tell whether a secret holds; later ones look at the data
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


def change(
    home: Home, registry: Registry, one: Connector, name: str, value: str, *, department: str | None
) -> tuple[Credential, list[Step], bool]:
    """Put a new secret in place of the old one, once the source has let it in.

    Returns:
        The secret, the steps of reaching the source with the new one, and whether it is in place now.

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
    new = _with_password(_value(name), value)
    steps = _tried(one, name, new)
    held = all(step.ok for step in steps if step.name in _LET_IN)
    if held:
        wizard.remember(home, name, new)
    return kept, steps, held


def _tried(one: Connector, name: str, value: str) -> list[Step]:
    """The steps of reaching the connector with another value behind one of its names, which is gone afterwards."""
    from connectors.probe import probe

    trial = f"HUB_SECRET_TRIAL_{secrets.token_hex(8).upper()}"
    kept = {n: f"${{{n}}}" for n in references.names(one.source)}
    os.environ[trial] = value
    try:
        return probe(replace(one, source=references.resolve(one.source, one.id, {**kept, name: f"${{{trial}}}"})))
    finally:
        del os.environ[trial]


def _with_password(old: str, password: str) -> str:
    if not _PASSWORD.search(old):
        return password
    parts = urlsplit(old)
    who, _, place = parts.netloc.rpartition("@")
    user = who.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}"))
