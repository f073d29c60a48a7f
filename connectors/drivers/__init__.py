"""The drivers by name: one module each, found by its file name, imported when a connector asks for it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import ConfigError, nearest

if TYPE_CHECKING:
    from connectors.drivers.base import Driver
    from connectors.spec import Connector

NAMES = tuple(sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in {"__init__", "base"}))


@cache
def driver_class(name: str) -> type[Driver]:
    """The class behind a driver's name.

    Raises:
        ConfigError: no such driver; the nearest name is given.
    """
    if name not in NAMES:
        raise ConfigError("source.driver", f"没有驱动 '{name}'", nearest(name, NAMES))
    found: type[Driver] = import_module(f"connectors.drivers.{name}").DRIVER
    return found


def open_driver(connector: Connector) -> Driver:
    """The driver of one connector; nothing is reached yet."""
    return driver_class(connector.source["driver"])(connector)
