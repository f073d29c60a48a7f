"""An interface that misbehaves on demand, on a real server: each address has its own bad habit."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

SECRET = "gongdan-miyao"


class Misbehaving:
    """What it holds, how it fails next, and what it was asked."""

    def __init__(self):
        self.clear()
        self.port = 0

    def clear(self):
        self.records = [{"id": str(n), "name": f"第{n}条"} for n in range(1, 13)]
        self.asked = []
        self.holes = set()  # pages that are empty while others follow
        self.body, self.packed = b"", ""  # what /as_told answers, and how it says that it is packed
        self.beyond = 0  # the status of pages beyond the last
        self.take_out = None  # page -> the first record goes before it is given, and these come at the end
        self.fail_at = {}  # page -> list of answers to give first
        self.token, self.tokens_given, self.token_life = "", 0, 3600
        self.token_busy = 0  # times that it gives no token
        self.nonces = set()
        self.tickets = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def page(self, number, size=2):
        return self.records[(number - 1) * size : number * size]


def _app(world: Misbehaving) -> Starlette:
    async def paged(request):
        query = dict(request.query_params)
        world.asked.append(query)
        number = int(query.get("page", 1))
        if troubles := world.fail_at.get(number):
            trouble = troubles.pop(0)
            if trouble == "cut":
                return Response(b'{"data": [{"id": "1", "na', media_type="application/json")
            if trouble == "short":
                return Response(b'{"data": [', headers={"content-length": "4000"}, media_type="application/json")
            status, headers = trouble
            return Response(b"busy", status, headers)
        if world.beyond and not world.page(number):
            return Response(b"", world.beyond)
        if world.take_out and number == world.take_out[0]:
            world.records = [*world.records[1:], *({"id": name, "name": "新"} for name in world.take_out[1])]
            world.take_out = None
        said = {"totalCount": len(world.records)} if "said" in query else {}
        page = [] if number in world.holes else world.page(number)
        if "once" in query:
            world.holes.discard(number)
        return JSONResponse({"data": page, "at": time.time(), **said})

    async def linked(request):
        """The next page in a header among others, with commas in their titles; or under a cursor, some pages empty."""
        number = int(request.query_params.get("page") or request.query_params.get("cursor") or 1)
        more = world.page(number + 1)
        head = f'<{world.url}/linked?page=9>; rel="last"; title="a, b", <{world.url}/linked?page={number + 1}>; title="x, y"; rel="next"'
        body = {"data": [] if number in world.holes else world.page(number), "next": str(number + 1) if more else ""}
        return JSONResponse(body, headers={"Link": head} if more else {})

    async def as_told(request):
        world.asked.append(dict(request.query_params))
        return Response(world.body, headers={"Content-Encoding": world.packed} if world.packed else {})

    async def repeated(request):
        """The same page for ever, with a new cursor and a new time each."""
        world.asked.append(dict(request.query_params))
        return JSONResponse({"data": world.page(1), "next": str(len(world.asked)), "at": time.time()})

    async def held_at_the_end(request):
        """Beyond the last page the last one again, as page helpers do; `size` and `said` are the test's."""
        query = dict(request.query_params)
        world.asked.append(query)
        size, count = int(query["size"]), len(world.records)
        body = {"data": {"list": world.page(min(int(query["page"]), -(-count // size)), size)}}
        return JSONResponse(body | ({"pageInfo": {"pages": 9, "totalCount": count}} if query.get("said") else {}))

    async def endless(request):
        n = len(world.asked)
        world.asked.append(dict(request.query_params))
        return JSONResponse({"data": [{"id": str(n), "name": "又一条"}], "next": str(n)})

    async def always_next(request):
        """A next cursor on every page, also beyond the last; the `flag` in the envelope is the test's."""
        world.asked.append(query := dict(request.query_params))
        number = int(query.get("cursor", 1))
        more = bool(world.page(number + 1))
        flags = {
            "": {},
            "has_more": {"meta": {"has_more": more}},
            "last": {"last": not more},
            "total": {"total": len(world.records)},
        }
        return JSONResponse({"data": world.page(number), "next": number + 1, **flags[query.get("flag", "")]})

    async def mislabelled(request):
        return Response(json.dumps({"data": world.page(1)}), media_type="text/html; charset=gbk")

    async def xml_instead(request):
        return Response("<list><item><id>1</id></item></list>", media_type="application/json")

    async def elsewhere(request):
        return RedirectResponse("http://10.0.0.1/latest/meta-data")

    async def round_and_round(request):
        return RedirectResponse(str(request.url))

    async def moved(request):
        return RedirectResponse("/paged?page=1", 302)

    async def drip(request):
        async def slowly():
            yield b'{"data": ['
            for _ in range(200):
                await asyncio.sleep(0.05)
                yield b" "
            yield b"]}"

        return StreamingResponse(slowly(), media_type="application/json")

    async def flood(request):
        async def much():
            yield b'{"data": ["'
            for _ in range(40):
                yield b"x" * 100_000
            yield b'"]}'

        return StreamingResponse(much(), media_type="application/json")

    async def basic(request):
        kind, _, proof = request.headers.get("authorization", "").partition(" ")
        if kind != "Basic" or base64.b64decode(proof).decode() != f"县:{SECRET}":
            return Response(status_code=401)
        return JSONResponse(world.page(1))

    async def token(request):
        form = dict(parse_qsl((await request.body()).decode()))
        header = request.headers.get("authorization", "")
        if header.startswith("Basic "):
            form["client_id"], _, form["client_secret"] = base64.b64decode(header[6:]).decode().partition(":")
        if (form.get("grant_type"), form.get("client_secret")) != ("client_credentials", SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        if world.token_busy:
            world.token_busy -= 1
            return Response(b"busy", 503)
        world.tokens_given += 1
        world.token = f"token-{world.tokens_given}"
        return JSONResponse({"access_token": world.token, "expires_in": world.token_life, "token_type": "Bearer"})

    async def guarded(request):
        if request.headers.get("authorization") != f"Bearer {world.token}":
            return Response(status_code=401)
        number = int(request.query_params.get("page", 1))
        if number in world.fail_at and world.fail_at.pop(number):
            world.token = "taken back"
            return Response(status_code=401)
        return JSONResponse(world.page(number))

    async def signed(request):
        body = await request.body()
        head = request.headers
        query = "&".join(f"{k}={v}" for k, v in sorted(request.query_params.items()))
        text = "\n".join(
            [request.method, request.url.path, query, head["x-time"], head["x-nonce"], hashlib.sha256(body).hexdigest()]
        )
        right = hmac.new(SECRET.encode(), text.encode(), "sm3").hexdigest().upper()
        fresh = abs(time.time() * 1000 - int(head["x-time"])) < 60_000 and head["x-nonce"] not in world.nonces
        world.nonces.add(head["x-nonce"])
        if head["x-app"] != "tongqu" or head["x-sign"] != right or not fresh:
            return Response(status_code=403)
        number = int(request.query_params.get("page") or json.loads(body or b"{}").get("page") or 1)
        return JSONResponse(world.page(number))

    async def signed_query(request):
        query = dict(request.query_params)
        right = hashlib.md5(f"{query['ts']}{SECRET}{query['ts']}".encode()).digest()
        if query.get("sig") != base64.b64encode(right).decode():
            return Response(status_code=403)
        return JSONResponse(world.page(int(query["page"])))

    async def nested(request):
        return JSONResponse({"data": [
            {"id": "1", "lines": [{"n": "a", "parts": [{"p": 1.10}, {"p": 2}]}, {"n": "b", "parts": []}], "tags": ["急", "县"]},
            {"id": "2", "lines": [], "tags": []},
            {"id": "3", "lines": {"n": "c", "parts": [{"p": 3}]}},
        ]})  # fmt: skip

    async def requests(request):
        query = dict(request.query_params)
        world.asked.append(query)
        first, after = (datetime.fromisoformat(query[key]) for key in ("start_date", "end_date"))
        if after - first > timedelta(days=90):
            return JSONResponse([{"code": 400, "description": "range over 90 days"}], 400)
        found = [t for t in world.tickets if first <= datetime.fromisoformat(t["requested_datetime"]) <= after][:1000]
        if request.url.path.endswith(".json"):
            return JSONResponse(found)
        rows = "".join(
            "<request>" + "".join(f"<{k}>{v}</{k}>" for k, v in t.items()) + "<notice/></request>" for t in found
        )
        text = f'<?xml version="1.0" encoding="utf-8"?><service_requests>{rows}</service_requests>'
        return Response(text, media_type="text/xml")

    async def services(request):
        if request.url.path.endswith(".json"):
            return JSONResponse([{"service_code": "001", "service_name": "道路"}])
        return Response(
            "<services><service><service_code>001</service_code><service_name>道路</service_name></service></services>",
            media_type="text/xml",
        )

    async def complains(request):
        return JSONResponse({"code": 500, "msg": "系统繁忙", "data": []})

    async def twice(request):
        return Response(b'{"data": [{"id": "1", "name": "x", "id": "2"}]}', media_type="application/json")

    async def entity(request):
        return Response('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><list><item><id>&x;</id></item></list>')

    here = {
        "/paged": paged, "/repeated": repeated, "/endless": endless, "/always": always_next, "/held": held_at_the_end, "/mislabelled": mislabelled, "/xml": xml_instead,
        "/elsewhere": elsewhere, "/round": round_and_round, "/moved": moved, "/drip": drip, "/flood": flood, "/basic": basic,
        "/token": token, "/guarded": guarded, "/signed": signed, "/signed_query": signed_query, "/nested": nested,
        "/v2/requests.json": requests, "/v2/requests.xml": requests, "/v2/services.json": services, "/v2/services.xml": services,
        "/entity": entity, "/twice": twice, "/complains": complains,
        "/linked": linked, "/as_told": as_told,
    }  # fmt: skip
    return Starlette(routes=[Route(path, answer, methods=["GET", "POST"]) for path, answer in here.items()])


@contextmanager
def serving():
    """The interface, running in a thread of its own."""
    world = Misbehaving()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    world.port = listener.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(_app(world), log_level="critical", lifespan="off", ws="none", loop="asyncio")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield world
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
