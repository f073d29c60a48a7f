"""The drivers by name: one module each, found by its file name, imported when a connector asks for it.

A package from outside adds drivers by the entry point group `hub.drivers`; the hub's own names cannot be taken.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import ConfigError, nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from connectors.drivers.base import Driver
    from connectors.spec import Connector

NAMES = tuple(sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in {"__init__", "base"}))
GROUP = "hub.drivers"


@cache
def driver_class(name: str) -> type[Driver]:
    """The class behind a driver's name.

    Raises:
        ConfigError: no such driver (the nearest name is given), or the package that brings it is broken.
    """
    if name in NAMES:
        found: type[Driver] = import_module(f"connectors.drivers.{name}").DRIVER
        return found
    outside = from_outside()
    if name not in outside:
        raise ConfigError("source.driver", f"没有驱动 '{name}'", nearest(name, {*NAMES, *outside}))
    return _loaded(outside[name])


def from_outside() -> dict[str, EntryPoint]:
    """The drivers that installed packages bring, by name; looked up only when a name is not the hub's own."""
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in NAMES}


def usable() -> list[str]:
    """All names a connector may use: the hub's own, then those from outside that load; a broken one is told when used."""
    found = list(NAMES)
    for name in sorted(from_outside()):
        with suppress(ConfigError):
            driver_class(name)
            found.append(name)
    return found


def _loaded(entry: EntryPoint) -> type[Driver]:
    from connectors.drivers.base import Driver

    package = entry.dist.name if entry.dist else entry.value
    try:
        found = entry.load()
    except Exception as error:  # a package of somebody else's may fail in any way
        raise ConfigError(
            "source.driver",
            f"驱动 '{entry.name}' 装载失败（{type(error).__name__}：{error}）",
            f"请重新安装 {package}，或告知它的作者",
        ) from error
    if not (isinstance(found, type) and issubclass(found, Driver)):
        raise ConfigError(
            "source.driver", f"'{entry.value}' 不是驱动", f"{package} 须指向 connectors.drivers.base.Driver 的子类"
        )
    return found


def open_driver(connector: Connector) -> Driver:
    """The driver of one connector; nothing is reached yet."""
    return driver_class(connector.source["driver"])(connector)
