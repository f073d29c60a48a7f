"""Dagster behind the door: who gets through, and that no change goes by without its line in the audit."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from portal import audit
from portal.site import Site
from tests.portal.conftest import token
from warehouse.engines.postgresql import free_port

Signed = Callable[[str], httpx2.Client]
_METHODS = ["GET", "POST"]


@pytest.fixture(scope="module")
def behind(site: Site) -> Iterator[list[str]]:
    """Something in Dagster's place; what reached it."""
    reached: list[str] = []

    async def answer(request: Request) -> Response:
        reached.append(f"{request.method} {request.url.path} {(await request.body()).decode()}")
        return JSONResponse({"cookies": dict(request.cookies), "auth": request.headers.get("authorization")})

    async def live(line: WebSocket) -> None:
        await line.accept("graphql-ws")
        with contextlib.suppress(WebSocketDisconnect):
            async for text in line.iter_text():
                reached.append(f"WS {text}")
                await line.send_text(text)

    port = free_port()
    routes = [WebSocketRoute("/dagster/graphql", live), Route("/{path:path}", answer, methods=_METHODS)]
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="error", loop="asyncio")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    site.dagster_port = port
    yield reached
    site.dagster_port = None
    server.should_exit = True
    thread.join(20)


def _noted(site: Site) -> list[str]:
    with site.database.owner() as connection:
        return [json.loads(e)["object"] for _, e, _ in audit.stored(connection) if json.loads(e)["action"] == "dagster"]


def test_only_engineers_get_through_and_bring_no_secret_along(behind: list[str], signed_in: Signed) -> None:
    for role in ("leader", "clerk", "analyst", "sysadmin", "secadmin", "auditor"):
        assert signed_in(role).get("/dagster/runs").status_code == 403, role
    assert behind == []
    told = signed_in("engineer").get("/dagster/runs", headers={"Authorization": "Bearer x"}).json()
    assert told == {"cookies": {}, "auth": None}


def test_every_change_is_noted_and_what_cannot_be_read_is_refused(
    behind: list[str], signed_in: Signed, site: Site
) -> None:
    client, place = signed_in("engineer"), "/dagster/graphql"
    before = len(_noted(site))
    mutation = "mutation Launch($p: P!) { launchRun(p: $p) { id } }"
    assert client.post(place, json={"query": "query Runs { runs { id } }"}).status_code == 200
    assert _noted(site)[before:] == []
    assert (
        client.post(place, json={"query": mutation, "operationName": "Launch", "variables": {"p": 1}}).status_code
        == 200
    )
    assert (
        client.post(
            place, content=b'{"query": "\\u006dutation { stop { id } }"}', headers={"Content-Type": "application/json"}
        ).status_code
        == 200
    )
    assert client.post("/dagster/report_asset_materialization/tax/filing", json={}).status_code == 200
    assert _noted(site)[before:] == ["Launch", "mutation", "/dagster/report_asset_materialization/tax/filing"]
    reached = len(behind)
    refused: list[dict[str, Any]] = [
        {"method": "GET", "params": {"query": mutation}},
        {"method": "POST", "params": {"query": mutation}},
        {"method": "POST", "content": mutation.encode(), "headers": {"Content-Type": "application/graphql"}},
        {"method": "POST", "json": [{"query": mutation}]},
    ]
    for each in refused:
        assert client.request(url=place, **each).status_code == 400, each
    assert len(behind) == reached
    other = client.post(place, json={"query": mutation}, headers={"Sec-Fetch-Site": "cross-site"})
    assert other.status_code == 403


def test_live_line_carries_news_and_no_change(behind: list[str], site: Site, address: str) -> None:
    place = address.replace("http", "ws") + "/dagster/graphql"
    for role, origin in (("analyst", address), ("engineer", "http://evil.example")):
        with (
            pytest.raises(InvalidStatus),
            connect(
                place, origin=origin, additional_headers={"Cookie": f"hub_session={token(site, role)}"}, proxy=None
            ),
        ):  # type: ignore[arg-type]
            pass
    headers = {"Cookie": f"hub_session={token(site, 'engineer')}"}
    with connect(place, origin=address, subprotocols=["graphql-ws"], additional_headers=headers, proxy=None) as line:  # type: ignore[arg-type, list-item]
        line.send('{"type": "start", "payload": {"query": "\\u006dutation { stop { id } }"}}')
        line.send('{"type": "start", "payload": {"query": "subscription { news }"}}')
        assert "news" in str(line.recv(timeout=60))
    assert not [each for each in behind if each.startswith("WS") and "utation" in each]


def test_browser_that_goes_away_leaves_no_trace_in_the_log(
    behind: list[str], site: Site, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    place = address.replace("http", "ws") + "/dagster/graphql"
    headers = {"Cookie": f"hub_session={token(site, 'engineer')}"}
    with (
        contextlib.suppress(OSError, ConnectionClosed),
        connect(place, origin=address, subprotocols=["graphql-ws"], additional_headers=headers, proxy=None) as line,  # type: ignore[arg-type, list-item]
    ):
        for n in range(50):
            line.send(f'{{"type": "start", "payload": {{"query": "subscription {{ news{n} }}"}}}}')
        line.socket.shutdown(socket.SHUT_RDWR)
    until = time.monotonic() + 30
    while not any("news49" in each for each in behind) and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1)
    assert [record.message for record in caplog.records if "ASGI" in record.message] == []
