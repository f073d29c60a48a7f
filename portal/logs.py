"""The portal's log: one JSON line an event on stderr, with the request's id and never a form's values."""

from __future__ import annotations

import sys

import structlog


def configure() -> None:
    """Set the form of log lines; tracebacks become a field of their line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
