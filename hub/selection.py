"""Which connectors a command means: ids with shell wildcards, `dataset:NAME`, `dept:NAME`."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from hub.output import UsageError
from schemas.errors import nearest

if TYPE_CHECKING:
    from connectors.spec import Connector, Registry


def select(registry: Registry, patterns: Iterable[str]) -> list[Connector]:
    """The connectors that fit any of the patterns (several in one, separated by commas); all without a pattern.

    Raises:
        UsageError: a pattern fits nothing; the nearest name is given.
        HubError: a pattern fits only files that are broken; the first one's own error.
    """
    wanted = [part for pattern in patterns for part in pattern.split(",") if part]
    if not wanted:
        return list(registry.connectors.values())
    chosen: dict[str, Connector] = {}
    for pattern in wanted:
        found = [c for c in registry.connectors.values() if _fits(c, pattern)]
        if not found:
            for name, error in registry.broken.items():
                if fnmatchcase(name, pattern):
                    raise error
            raise UsageError(f"--select {pattern}", "没有符合的连接器", _near(registry, pattern))
        chosen |= {c.id: c for c in found}
    return [c for c in registry.connectors.values() if c.id in chosen]


def one(registry: Registry, name: str) -> Connector:
    """The connector of that id.

    Raises:
        UsageError: no such connector.
        HubError: its file is broken.
    """
    if name in registry.connectors:
        return registry.connectors[name]
    if name in registry.broken:
        raise registry.broken[name]
    raise UsageError(
        f"连接器 '{name}'", "没有登记", nearest(name, registry.connectors) or "用 hub connector add 文件 登记"
    )


def _fits(connector: Connector, pattern: str) -> bool:
    kind, separator, name = pattern.partition(":")
    if separator and kind == "dataset":
        return fnmatchcase(connector.dataset, name)
    if separator and kind == "dept":
        return fnmatchcase(connector.dept, name)
    return fnmatchcase(connector.id, pattern)


def _near(registry: Registry, pattern: str) -> str:
    kind, separator, name = pattern.partition(":")
    if separator and kind == "dataset":
        return nearest(name, {c.dataset for c in registry.connectors.values()})
    if separator and kind == "dept":
        return nearest(name, {c.dept for c in registry.connectors.values()})
    if separator:
        return "写法：编号（可带 * ?）、dataset:数据集、dept:部门"
    return nearest(pattern, registry.connectors) or "用 hub connector list 查看已登记的"
