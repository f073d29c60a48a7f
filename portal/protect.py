"""What wraps every request: a number for the log, the page's policy, one log line, and a page when the program fails.

Plain ASGI, so that an answer that streams (live counts, files, Dagster) passes through as it comes.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response

from portal.meter import Meter

log = structlog.get_logger("portal")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
_QUIET = ("/static/", "/healthz", "/readyz", "/metrics")  # not worth a log line when all is well


class Protect:
    """The outermost layer of the portal; `failed` makes the page shown when the program fails."""

    def __init__(self, app: ASGI, *, meter: Meter, failed: Callable[[Request], Awaitable[Response]]) -> None:
        self._app, self._meter, self._failed = app, meter, failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["nonce"], state["number"] = secrets.token_urlsafe(16), secrets.token_hex(6)
        begun, status = time.perf_counter(), 0

        async def out(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                headers = MutableHeaders(scope=message)
                guard(headers, state["nonce"])
                headers["X-Request-Id"] = state["number"]
                said = b"hub_said=" in dict(scope["headers"]).get(b"cookie", b"")
                if said and headers.get("content-type", "").startswith("text/html"):
                    headers.append("set-cookie", "hub_said=; Max-Age=0; Path=/; HttpOnly; SameSite=lax")
            await send(message)

        with structlog.contextvars.bound_contextvars(request=state["number"]):
            try:
                await self._app(scope, receive, out)
            except Exception:
                log.exception("page_failed", path=scope["path"])
                if status:  # half an answer is out already: the connection ends here
                    raise
                await (await self._failed(Request(scope, receive)))(scope, receive, out)
            finally:
                seconds = time.perf_counter() - begun
                # The path only: a query may hold SQL, a form may hold anything.
                self._meter.count(scope, status, seconds)
                if status >= 400 or not scope["path"].startswith(_QUIET):
                    log.info(
                        "request",
                        method=scope["method"],
                        path=scope["path"],
                        status=status,
                        ms=round(seconds * 1000, 1),
                        user=state.get("user"),
                    )


def guard(headers: MutableHeaders, nonce: str) -> None:
    """Put the policy and the other protections on an answer that has none of its own."""
    headers.setdefault("Content-Security-Policy", _POLICY.format(nonce=nonce))
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if "feature-policy" not in headers:  # Dagster sends the old name of it
        headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    if "cache-control" not in headers:
        headers["Cache-Control"] = "no-store"
