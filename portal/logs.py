"""The portal's log: one JSON line an event on stderr, with the request's id, never a form's values nor numbers of persons."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from schemas.errors import told


def _without_numbers(logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Numbers of persons masked: an address may hold one, and what PostgreSQL says of a row tells its values."""
    own = {"request", "timestamp", "level", "event"}
    return {name: told(value) if isinstance(value, str) and name not in own else value for name, value in line.items()}


def configure() -> None:
    """Set the form of log lines; tracebacks become a field of their line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            _without_numbers,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
