"""The portal's application: rooms of pages behind one door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from portal import logs
from portal.limits import Limiter
from portal.live import Live
from portal.meter import Meter
from portal.pages import ROUTERS
from portal.protect import Protect
from portal.render import ROOM
from portal.site import Site
from portal.web import Elsewhere, Refused, Visit, _session
from schemas.errors import HubError, WarehouseUnavailable

log = structlog.get_logger("portal")
_WORDS = {404: ("没有这一页", "请检查地址，或从左边菜单进入"), 405: ("这一页不接受这种请求", "请从页面上的按钮操作")}


def create(site: Site) -> FastAPI:
    """The application of one site."""
    logs.configure()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        if hasattr(app.state, "dagster"):
            await app.state.dagster.aclose()
        site.database.close()

    app = FastAPI(title="通衢数据接口", version="1", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life)
    app.state.site, app.state.limiter, app.state.meter = site, Limiter(), Meter()
    app.state.live = Live(site)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", _Static(directory=ROOM / "static"), name="static")

    async def failed(request: Request) -> Response:
        number = request.state.number
        return await _error(
            request, 500, "程序出错，这一页没有办成", f"已记入日志；请稍后再试，或把编号 {number} 告诉系统管理员"
        )

    # The session's cookie goes along with requests of our own pages only, so what is packed tells other sites nothing.
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(Protect, meter=app.state.meter, failed=failed)

    @app.exception_handler(Elsewhere)
    async def elsewhere(request: Request, error: Elsewhere) -> Response:
        return RedirectResponse(error.place, 303)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return await _error(request, error.status, error.what, error.cure)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return await _error(request, error.status_code, *_WORDS.get(error.status_code, ("请求没有办成", "")))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        where = "、".join(str(part) for e in error.errors()[:3] for part in e["loc"][1:])
        return await _error(request, 422, f"地址或表单里的值不对：{where}", "请从页面进入，或改正后重试")

    @app.exception_handler(psycopg.DataError)
    async def value(request: Request, error: psycopg.DataError) -> Response:
        """A number past what a column holds, a NUL in a text: the asker's value, not the program's fault."""
        log.warning("bad_value", path=request.url.path, kind=type(error).__name__)
        return await _error(request, 422, "地址或表单里有一个值数据库不认", "请从页面进入，或改正后重试")

    @app.exception_handler(HubError)
    async def told(request: Request, error: HubError) -> Response:
        status = 503 if isinstance(error, WarehouseUnavailable) else 422
        return await _error(request, status, f"{error.where}：{error.what}", error.cure)

    return app


class _Static(StaticFiles):
    """Files that browsers may keep for good where their address says which content is meant."""

    async def get_response(self, path: str, scope: object) -> Response:
        response = await super().get_response(path, scope)  # type: ignore[arg-type]
        named = b"v=" in scope["query_string"]  # type: ignore[index]
        response.headers["Cache-Control"] = "max-age=31536000, immutable" if named else "max-age=3600"
        return response


async def _error(request: Request, status: int, what: str, cure: str) -> Response:
    if request.url.path.startswith("/api/") or (
        request.headers.get("hx-request") is None and "json" in request.headers.get("accept", "")
    ):
        return JSONResponse({"error": {"status": status, "message": what, "hint": cure}}, status)
    try:
        session = await run_in_threadpool(_session, request.app.state.site, request, False)
    except WarehouseUnavailable:
        session = None
    visit = Visit(request.app.state.site, request, session, FormData(), request.state.nonce, "home")
    return visit.page("error.html", status, status=status, what=what, cure=cure)
