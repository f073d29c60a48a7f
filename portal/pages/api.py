"""The REST interface for programs: the same rows and masks as the pages, by personal token.

GET  /api/v1/me  /api/v1/datasets?q=  /api/v1/datasets/{name}
GET  /api/v1/datasets/{name}/quality  …/lineage?column=  /api/v1/connection
POST /api/v1/requests  {"dataset": …, "purpose": …, "until": …}
POST /api/v1/query  {"sql": …, "parameters": {…}, "limit": …}  -> JSON, or an Arrow stream by Accept
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlsplit

from anyio import CancelScope
from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from portal import arrow, catalogue, requests, workbench
from portal.downloads import value
from portal.web import Refused, Visit, route
from schemas.errors import HubError
from warehouse.question import QueryError

router = APIRouter()


class Question(BaseModel):
    """One read-only query; every :name in it needs a parameter."""

    sql: Annotated[str, Field(min_length=1, max_length=100_000, description="一条 SELECT")]
    parameters: Annotated[dict[str, str], Field(default_factory=dict, description="查询里 :名称 的值")]
    limit: Annotated[int, Field(ge=1, le=workbench.EXPORTED, description="最多几行")] = workbench.EXPORTED
    as_of: Annotated[date | None, Field(description="截至：按那天结束时所知的数据，不写是现在")] = None


class Wanted(BaseModel):
    """A request for access."""

    dataset: Annotated[str, Field(min_length=1, max_length=100, description="数据集")]
    purpose: Annotated[str, Field(min_length=1, max_length=2000, description="办什么事、依据哪个文件")]
    until: Annotated[date, Field(description="用到哪天，一年以内")]
    unmask: Annotated[bool, Field(description="要看没有脱敏的列")] = False


@route(router, "/api/v1/me", "account.self", api=True)
def me(visit: Visit) -> Response:
    """谁的令牌，什么角色，什么范围。"""
    user = visit.user
    return JSONResponse({"name": user.name, "person": user.person, "role": user.role, "department": user.department})


@route(router, "/api/v1/datasets", "catalogue.read", api=True)
def datasets(visit: Visit, q: str = "", kind: str = "") -> Response:
    """数据目录；q 为名称、字段名里的任意几个字。"""
    found = catalogue.search(catalogue.entries(visit.site.registry()), q, {"kind": kind})
    return JSONResponse(
        {
            "datasets": [
                {
                    "name": e.name,
                    "kind": e.kind,
                    "title": e.title,
                    "domain": e.domain,
                    "owner": e.owner,
                    "frequency": e.frequency,
                }
                for e in found
            ]
        }
    )


@route(router, "/api/v1/datasets/{name}", "catalogue.read", api=True)
def dataset(visit: Visit, name: str) -> Response:
    """一个数据集或视图：说明和字段。"""
    found = _known(visit, name)
    columns = [
        {
            "name": c.name,
            "title": c.title,
            "type": c.kind,
            "classification": c.level,
            "masked": c.masked,
            "description": c.note,
        }
        for c in found.columns
    ]
    relation = "enterprise_record" if name == "enterprise" else name
    return JSONResponse(
        {
            "name": name,
            "relation": relation,
            "title": found.title,
            "description": found.told,
            "owner": found.owner,
            "columns": columns,
        }
    )


@route(router, "/api/v1/query", "query.export", methods=("POST",), api=True)
def query(visit: Visit, question: Question) -> Response:
    """查询；Accept 为 application/vnd.apache.arrow.stream 时边算边给 Arrow 流，末尾一个空批的元数据 hub 说明给完还是截断；否则 JSON（小数写成字符串，不丢位）。"""
    with ExitStack() as stack:
        try:
            answer = stack.enter_context(
                workbench.opened(visit, question.sql, question.parameters, limit=question.limit, as_of=question.as_of)
            )
            if arrow.MEDIA not in visit.request.headers.get("accept", ""):
                rows = [[value(row[c]) for c in answer.columns] for row in answer.piece(question.limit)]
                seconds = round(time.monotonic() - answer.begun, 3)
                return JSONResponse({"columns": answer.columns, "rows": rows, "truncated": answer.cut, "seconds": seconds})  # fmt: skip
            first = answer.piece(arrow.PIECE)
        except QueryError as error:
            return JSONResponse({"error": _told(error)}, 422)
        rest = stack.pop_all()  # the query stays open until the last row has gone out

    def body() -> Iterator[bytes]:
        with suppress(HubError), rest:
            yield from arrow.stream(answer, first, _told)

    return _Stream(body(), rest)


class _Stream(StreamingResponse):
    """An Arrow answer whose query ends with it, also when whoever asked has gone."""

    def __init__(self, body: Iterator[bytes], query: ExitStack) -> None:
        super().__init__(body, media_type=arrow.MEDIA)
        self._query = query

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with CancelScope(shield=True):
                await run_in_threadpool(self._query.close)


def _told(error: HubError) -> dict[str, Any]:
    where = {"kind": error.kind, "line": error.line, "column": error.column} if isinstance(error, QueryError) else {}
    return {"status": 422, "message": f"{error.where}：{error.what}", "hint": error.cure, **where}


_ERROR = {
    "type": "object", "required": ["error"],
    "properties": {"error": {"type": "object", "required": ["status", "message", "hint"], "properties": {
        "status": {"type": "integer"}, "message": {"type": "string"}, "hint": {"type": "string"}}}},
}  # fmt: skip
_REFUSALS = {
    "400": "请求不完整", "401": "没有令牌，或令牌无效、已过期", "403": "角色不能这样做", "404": "没有这一项", "413": "太大", "422": "参数或查询不对",
    "429": "太频繁", "503": "共享库没有应答",
}  # fmt: skip


@route(router, "/api/v1/datasets/{name}/quality", "catalogue.read", api=True)
def quality(visit: Visit, name: str) -> Response:
    """一个数据集退回的原因：字段、原因、曾经退回和待更正的行数。"""
    _known(visit, name)
    with visit.site.database.owner() as connection:
        return JSONResponse({"problems": catalogue.problems(connection, name)})


@route(router, "/api/v1/datasets/{name}/lineage", "catalogue.read", api=True)
def lineage(visit: Visit, name: str, column: str = "") -> Response:
    """字段血缘：每条边一项，来自哪里、用到哪里、怎么算；column 只看一个字段。"""
    one = _known(visit, name)
    if column and column not in {c.name for c in one.columns}:
        raise Refused(404, f"'{name}' 没有 '{column}' 这个字段", f"用 /api/v1/datasets/{name} 看字段")
    return JSONResponse({"edges": catalogue.edges(one, visit.site.registry(), column)})


@route(router, "/api/v1/requests", "access.request", methods=("POST",), api=True)
def request_access(visit: Visit, wanted: Wanted) -> Response:
    """提出共享申请，由安全管理员审批。"""
    number = requests.ask(visit, wanted.dataset, wanted.purpose, wanted.until, wanted.unmask)
    return JSONResponse({"request_id": number, "state": "waiting"}, 201)


@route(router, "/api/v1/connection", "token.manage", api=True)
def connection(visit: Visit) -> Response:
    """直接连库的地址、库名和角色；口令在 /connect 页换取，接口不给。"""
    place = urlsplit(visit.site.database.url)
    told = {
        "host": place.hostname,
        "port": place.port or 5432,
        "database": place.path.lstrip("/"),
        "user": visit.user.db_role,
    }
    return JSONResponse(told)


def _known(visit: Visit, name: str) -> catalogue.Entry:
    found = next((e for e in catalogue.entries(visit.site.registry()) if e.name == name), None)
    if found is None:
        raise Refused(404, f"目录里没有 '{name}'", "用 /api/v1/datasets?q= 搜索")
    return found


def _described(visit: Visit) -> dict[str, Any]:
    app = visit.request.app
    made = get_openapi(
        title="通衢数据接口",
        version="1",
        routes=app.routes,
        description="用个人令牌：Authorization: Bearer hub_…。看到的行和列与门户里一样。",
    )
    parts = made.setdefault("components", {})
    parts.setdefault("securitySchemes", {})["token"] = {"type": "http", "scheme": "bearer"}
    parts.setdefault("schemas", {})["Error"] = _ERROR
    told = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for operations in made.get("paths", {}).values():
        for operation in operations.values():
            operation["security"] = [{"token": []}]
            operation["responses"] |= {
                code: {"description": words, "content": told} for code, words in _REFUSALS.items()
            }
    return made


@route(router, "/api/openapi.json", "catalogue.read")
def openapi(visit: Visit) -> Response:
    """The interface as OpenAPI 3.1."""
    return JSONResponse(_described(visit))


@route(router, "/api/docs", "catalogue.read")
def docs(visit: Visit) -> Response:
    """The interface for people, from the same description; no script, no other host."""
    return visit.page("api.html", described=_described(visit), base=visit.base)
