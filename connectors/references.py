"""References to the environment in connector files: `${HUB_…}` now, its value only when the source is reached.

Addresses, tokens and folders differ from site to site and are often secret, so a connector file holds their
names. Values are looked up at connect time and never reach a message: whoever prints hides them first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from schemas.errors import ConfigError, ConfigErrors

REFERENCE = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"HUB_[A-Z0-9_]+\Z")
_PASSWORD_IN_URL = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_SECRET_NAME = re.compile(
    r"token|secret|passw|api[-_]?key|authorization|cookie|credential|密钥|密码|口令|令牌", re.IGNORECASE
)
_FILLED_IN = re.compile(r"\$?\{[^}]*\}")  # a reference, or a place of a signature's template
_SHORTEST_SECRET = 4  # hiding "1" or "ok" would only make a message unreadable


def names(value: Any) -> set[str]:
    """The names referred to anywhere in a text, list or mapping."""
    if isinstance(value, str):
        return set(REFERENCE.findall(value))
    if isinstance(value, Mapping):
        return {name for item in value.values() for name in names(item)}
    if isinstance(value, (list, tuple)):
        return {name for item in value for name in names(item)}
    return set()


def misspelt(value: Any) -> list[str]:
    """References that are no `HUB_…` name, in reading order: the rest of the environment is not a connector's to read."""
    return sorted(name for name in names(value) if not _NAME.match(name))


def resolve(value: Any, where: str, environment: Mapping[str, str] | None = None) -> Any:
    """The same value with each reference replaced by its content.

    Raises:
        ConfigError: a name is not set (all of them are told at once).
    """
    environment = os.environ if environment is None else environment
    missing = sorted(name for name in names(value) if not environment.get(name))
    if missing:
        raise ConfigErrors(
            ConfigError(where, f"没有设置环境变量 {name}", f"请在 var/hub.env 里写一行 {name}=…，或在启动前导出它")
            for name in missing
        )
    return _filled(value, environment)


def _filled(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return REFERENCE.sub(lambda match: environment[match.group(1)], value)
    if isinstance(value, Mapping):
        return {key: _filled(item, environment) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, environment) for item in value]
    return value


class Secrets:
    """What must not be read in a message: the passwords and tokens a connector was given."""

    def __init__(self) -> None:
        self._hidden: set[str] = set()

    def add(self, *values: str | None) -> None:
        """Hide these from now on, in plain and in URL form."""
        for value in values:
            if value and len(value) >= _SHORTEST_SECRET:
                self._hidden |= {value, unquote(value)}

    def learn(self, raw: Any, environment: Mapping[str, str] | None = None) -> None:
        """Hide every value a `HUB_SECRET_…` reference stands for, and passwords and tokens inside addresses."""
        environment = os.environ if environment is None else environment
        for name in names(raw):
            content = environment.get(name, "")
            if name.startswith("HUB_SECRET_"):
                self.add(content)
            self.add(*_PASSWORD_IN_URL.findall(content))
            if "://" in content:
                self.add(*(value for key, value in parse_qsl(urlsplit(content).query) if _SECRET_NAME.search(key)))

    def hide(self, text: object) -> str:
        """The text with each secret shown as ***."""
        shown = _PASSWORD_IN_URL.sub(lambda m: m.group(0).replace(m.group(1), "***"), str(text))
        for secret in sorted(self._hidden, key=len, reverse=True):
            shown = shown.replace(secret, "***")
        return shown


def nested_secrets(source: Mapping[str, Any]) -> list[str]:
    """Headers, parameters and parts of an address that are named like a secret and hold one themselves, not a reference."""
    pairs = [
        (f"{option}.{k}", v) for option, given in source.items() if isinstance(given, Mapping) for k, v in given.items()
    ]
    for option, given in source.items():
        if isinstance(given, str) and "://" in given:
            pairs += [(f"{option}?{k}", v) for k, v in parse_qsl(urlsplit(given).query)]
    return [
        place
        for place, value in pairs
        if _SECRET_NAME.search(place) and isinstance(value, str) and value and not _FILLED_IN.search(value)
    ]


def plain_secrets(
    source: Mapping[str, Any],
    keys: Iterable[str] = ("token", "password", "secret", "api_key", "client_secret", "sign_secret"),
) -> list[str]:
    """Options that hold a secret itself, not a reference to one."""
    found = [key for key in keys if isinstance(source.get(key), str) and not REFERENCE.search(source[key])]
    for key, value in source.items():
        inside = _PASSWORD_IN_URL.search(value) if isinstance(value, str) else None
        if inside and not REFERENCE.search(inside.group(1)):
            found.append(key)
    return found
