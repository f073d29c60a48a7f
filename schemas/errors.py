"""Errors, told apart by what to do next.

    HubError                 «where：what。cure。»
    ├── ConfigError          a person edits a file or a setting, then runs again
    ├── SourceUnavailable    nothing to edit: run again later (retried by itself)
    ├── SourceChanged        stop and ask the department: the delivery is not what was agreed
    └── WarehouseUnavailable the hub's own database, disk or lock: an engineer looks

A bad *record* is never an exception: it is a quarantine row with rule, reason and source row.
Texts are Chinese, for people in departments; they never hold secrets or personal values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from schemas import privacy

# Twelve figures of an id may look like a telephone; whoever is told of an id has to be able to copy it.
_ID = re.compile("([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def told(text: str) -> str:
    """The text with numbers of persons masked, ids left as they are."""
    return "".join(part if _ID.fullmatch(part) else privacy.scrub(part) or "" for part in _ID.split(text))


class HubError(Exception):
    """A failure a user can act on, printed as «where：what。cure。»."""

    retryable = False
    # What the failed work had already made durable (a list of BatchResult of earlier deliveries).
    done: tuple[object, ...] = ()

    def __init__(self, where: str, what: str, cure: str = "") -> None:
        # A file may be named after a person, a wrong value may be a person's number, and of a file without a heading the
        # first row is listed as its columns.
        self.where, self.what, self.cure = (told(text) for text in (where, what, cure))
        super().__init__(str(self))

    def __str__(self) -> str:
        parts = [f"{self.where}：{self.what.rstrip('。')}。"]
        if self.cure:
            end = "" if self.cure[-1] in "。？！" else "。"
            parts.append(self.cure + end)
        return "".join(parts)

    def __reduce__(self) -> tuple[type[HubError], tuple[str, str, str]]:
        return type(self), (self.where, self.what, self.cure)


class ConfigError(HubError):
    """A file or setting is wrong; running again without an edit cannot help."""


class SourceUnavailable(HubError):
    """The source cannot be read now (dead host, locked, time-out, half-written file); running again can help."""

    retryable = True


class SourceChanged(HubError):
    """The source no longer delivers what was agreed (missing column, empty or truncated file)."""


class WarehouseUnavailable(HubError):
    """The hub's own database, disk or lock is in the way."""

    retryable = True


class ConfigErrors(ConfigError):
    """Several ConfigErrors found in one pass, told one per line."""

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        self.errors = tuple(errors)
        first = self.errors[0]
        super().__init__(first.where, first.what, first.cure)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors) if hasattr(self, "errors") else super().__str__()

    def __reduce__(self) -> tuple[type[ConfigErrors], tuple[tuple[ConfigError, ...]]]:  # type: ignore[override]
        return type(self), (self.errors,)


def nearest(name: str, known: Iterable[str]) -> str:
    """The cure that names the nearest known word, or lists a few of them."""
    known = sorted(known)
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"是否想写 '{close[0]}'？"
    if not known:
        return ""
    return f"可用的有：{'、'.join(known[:12])}{'…' if len(known) > 12 else ''}。"
