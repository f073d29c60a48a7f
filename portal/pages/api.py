"""The REST interface for programs: the same rows and masks as the pages, by personal token.

GET  /api/v1/me  /api/v1/datasets?q=  /api/v1/datasets/{name}
POST /api/v1/query  {"sql": …, "parameters": {…}, "limit": …}  -> JSON, or an Arrow stream by Accept
"""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from portal import catalogue, workbench
from portal.downloads import arrow
from portal.render import moment
from portal.web import Refused, Visit, route

router = APIRouter()
ARROW = "application/vnd.apache.arrow.stream"


class Question(BaseModel):
    """One read-only query; every :name in it needs a parameter."""

    sql: Annotated[str, Field(min_length=1, max_length=100_000, description="一条 SELECT")]
    parameters: Annotated[dict[str, str], Field(default_factory=dict, description="查询里 :名称 的值")]
    limit: Annotated[int, Field(ge=1, le=workbench.EXPORTED, description="最多几行")] = workbench.EXPORTED


def _value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)  # a JSON number would lose digits
    if value is None or isinstance(value, (str, int, float, bool, list, dict)):
        return value
    return moment(value) if hasattr(value, "year") else str(value)


@route(router, "/api/v1/me", "account.self", api=True)
def me(visit: Visit) -> Response:
    """谁的令牌，什么角色，什么范围。"""
    user = visit.user
    return JSONResponse({"name": user.name, "person": user.person, "role": user.role, "department": user.department})


@route(router, "/api/v1/datasets", "catalogue.read", api=True)
def datasets(visit: Visit, q: str = "", kind: str = "") -> Response:
    """数据目录；q 为名称、字段名里的任意几个字。"""
    found = catalogue.search(catalogue.entries(visit.site.registry()), q, kind=kind)
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
    found = next((e for e in catalogue.entries(visit.site.registry()) if e.name == name), None)
    if found is None:
        raise Refused(404, f"目录里没有 '{name}'", "用 /api/v1/datasets?q= 搜索")
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
    """查询；Accept 为 application/vnd.apache.arrow.stream 时返回 Arrow 流，否则 JSON（小数写成字符串，不丢位）。"""
    answer = workbench.ask(visit, question.sql, question.parameters, limit=question.limit)
    if ARROW in visit.request.headers.get("accept", ""):
        import pyarrow as pa

        table, target = arrow(answer.columns, answer.rows), io.BytesIO()
        with pa.ipc.new_stream(target, table.schema) as stream:
            stream.write_table(table)
        return Response(target.getvalue(), media_type=ARROW, headers={"X-Truncated": str(answer.cut).lower()})
    rows = [[_value(row[c]) for c in answer.columns] for row in answer.rows]
    return JSONResponse(
        {"columns": answer.columns, "rows": rows, "truncated": answer.cut, "seconds": round(answer.seconds, 3)}
    )


_ERROR = {
    "type": "object", "required": ["error"],
    "properties": {"error": {"type": "object", "required": ["status", "message", "hint"], "properties": {
        "status": {"type": "integer"}, "message": {"type": "string"}, "hint": {"type": "string"}}}},
}  # fmt: skip
_REFUSALS = {
    "400": "请求不完整", "401": "没有令牌，或令牌无效、已过期", "403": "角色不能这样做", "404": "没有这一项", "413": "太大", "422": "参数或查询不对",
    "429": "太频繁", "503": "共享库没有应答",
}  # fmt: skip


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
    return visit.page("api.html", described=_described(visit), base=str(visit.request.base_url).rstrip("/"))
