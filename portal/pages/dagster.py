"""Dagster behind the door: only engineers reach it, and each change made through it is in the audit.

Dagster's web server listens on loopback under /dagster and has no accounts of its own. Its page brings its own
policy for scripts, which is kept.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx2
from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import Response, StreamingResponse
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect

from portal import sessions
from portal.roles import can
from portal.site import Site
from portal.web import SAFE, Refused, Visit, cookie, door

router = APIRouter()
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-authorization", "proxy-authenticate", "host",
                  "cookie", "content-length", "content-encoding", "accept-encoding", "authorization"})  # fmt: skip
_MUTATION = re.compile(r"\bmutation\b\s*(\w*)")
_METHODS = ["GET", "POST", "HEAD"]


def _port(site: Site) -> int:
    if site.dagster_port is None:
        raise Refused(503, "调度没有启动", "请用 hub up 启动，门户和调度会一起起来")
    return site.dagster_port


async def proxy(request: Request, path: str = "") -> Response:
    """Pass one request on to Dagster and stream its answer back."""
    visit = await door(request, "dagster")
    body = await request.body()
    changes = _changes(request, body)
    port = _port(visit.site)
    if changes:
        await run_in_threadpool(_note, visit, changes)
    client: httpx2.AsyncClient = _client(request.app)
    target = httpx2.URL(f"http://127.0.0.1:{port}{request.url.path}").copy_with(
        query=request.url.query.encode() or None
    )
    headers = [(k, v) for k, v in request.headers.items() if k not in _HOP]
    for last in (False, True):  # a kept connection is broken once after Dagster was restarted
        try:
            asked = client.build_request(request.method, target, headers=headers, content=body)
            answer = await client.send(asked, stream=True)
            break
        except httpx2.TransportError as error:
            # What may have changed something is sent once: only a look, or what never left, is tried again.
            if last or not (request.method in SAFE or isinstance(error, httpx2.ConnectError)):
                raise Refused(502, "调度没有应答", "请稍等再试；仍不行请看运行目录 logs 下的 dagster 日志") from error
    kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP}
    return StreamingResponse(answer.aiter_bytes(), answer.status_code, kept, background=BackgroundTask(answer.aclose))


def _client(app: Any) -> httpx2.AsyncClient:
    if not hasattr(app.state, "dagster"):
        app.state.dagster = httpx2.AsyncClient(
            timeout=httpx2.Timeout(120, connect=5), follow_redirects=False, trust_env=False
        )
    return app.state.dagster  # type: ignore[no-any-return]


def _changes(request: Request, body: bytes) -> list[tuple[str, str]]:
    """What this request would change: (name, variables) of each; looking around changes nothing.

    Raises:
        Refused: it is a question to GraphQL in a form that Dagster would take and we do not read, or no JSON: another
            site's form can send anything else without asking.
    """
    if request.method not in SAFE and "application/json" not in request.headers.get("content-type", ""):
        raise Refused(400, "给调度的请求不是 JSON", "请从调度的页面上操作")
    if request.url.path.rstrip("/").endswith("/graphql"):
        # Dagster also takes questions in the address and as plain text: nobody needs them, and no audit would see them.
        if "query" in request.query_params or "mutation" in request.query_params:
            raise Refused(400, "GraphQL 请求不能写在地址里", "请用 POST 和 JSON")
        if request.method in SAFE:
            return []
        try:
            asked = json.loads(body)
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            raise Refused(400, "GraphQL 请求不是一个 JSON 对象", "请用 POST 和 JSON")
        found = _MUTATION.search(str(asked.get("query", "")))
        if not found:
            return []
        name = str(asked.get("operationName") or found.group(1) or "mutation")
        return [(name, json.dumps(asked.get("variables"), ensure_ascii=False)[:2000])]
    # Reports of assets and the like: every one of them changes something.
    return [] if request.method in SAFE else [(request.url.path, f"{len(body)} bytes")]


def _note(visit: Visit, changes: list[tuple[str, str]]) -> None:
    """An audit entry per change."""
    for name, variables in changes:
        visit.note("dagster", name, variables=variables)


proxy.action = "dagster"  # type: ignore[attr-defined]
proxy.stages = ("full",)  # type: ignore[attr-defined]
router.add_api_route("/dagster", proxy, methods=_METHODS, include_in_schema=False, response_model=None)
router.add_api_route("/dagster/{path:path}", proxy, methods=_METHODS, include_in_schema=False, response_model=None)


@router.websocket("/dagster/{path:path}")
async def live(socket: WebSocket, path: str) -> None:
    """Dagster's live updates, for the same people."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    site: Site = socket.app.state.site
    session = await run_in_threadpool(_session_of, site, socket.cookies.get(cookie(site)))
    origin = socket.headers.get("origin", "").partition("://")[2]
    if session is None or session.stage != "full" or not can(session.account, "dagster") or origin != socket.headers.get("host") or site.dagster_port is None:  # fmt: skip
        await socket.close(4403)
        return
    wanted = socket.scope.get("subprotocols") or None
    try:
        async with connect(
            f"ws://127.0.0.1:{site.dagster_port}/dagster/{path}", subprotocols=wanted, proxy=None, max_size=None
        ) as behind:
            await socket.accept(behind.subprotocol)

            async def up() -> None:
                while True:
                    text = await socket.receive_text()
                    if _only_looks(text):  # changes go by POST, where they are noted
                        await behind.send(text)

            async def down() -> None:
                async for text in behind:
                    await socket.send_text(text if isinstance(text, str) else text.decode())

            tasks = [asyncio.create_task(up()), asyncio.create_task(down())]
            _, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    except (OSError, WebSocketException, WebSocketDisconnect):
        pass
    try:
        await socket.close()
    except (RuntimeError, WebSocketDisconnect):  # gone already
        return


def _only_looks(text: str) -> bool:
    """Whether a line of the live connection asks for nothing but news."""
    try:
        asked = json.loads(text)
    except ValueError:
        return False
    payload = asked.get("payload") if isinstance(asked, dict) else None
    return isinstance(asked, dict) and not (
        isinstance(payload, dict) and _MUTATION.search(str(payload.get("query", "")))
    )


def _session_of(site: Site, token: str | None) -> sessions.Session | None:
    if not token:
        return None
    with site.database.owner() as connection:
        return sessions.find(connection, token)
