"""Whose value is right: data objections, conflicts with the owner department, and who is who."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from portal import audit, mapping
from portal.mending import today, urgency
from portal.web import Visit, route
from schemas.contract import contract, contracts
from schemas.errors import HubError
from schemas.reference import code_sets
from warehouse import golden, identity_cases, keyring, objection, truth
from warehouse.engines.adbc import Connection
from warehouse.reference import answering
from warehouse.workbook import clock

router = APIRouter()
_PAGE = 50
CASES = {
    "branch_under_code": "分支机构用了总公司的代码", "same_code_other_name": "同一代码，名称不同", "same_name_other_code": "同一名称，代码不同",
    "merge_refused": "归并被挡下",
}  # fmt: skip
Row = dict[str, Any]


def _worded(one: Row) -> Row:
    return one | {"clock": clock(one), "urgency": urgency(one)}


# ------------------------------------------------------------------------------------------------ objections
@route(router, "/objections", "objection.raise")
def objections(visit: Visit, closed: int = 0) -> Response:
    """Objections this user raised or has to answer."""
    return _objections(visit, closed=bool(closed))


def _scope(visit: Visit) -> dict[str, str | None]:
    """Engineers of the whole county see all; others their department's and their own."""
    if visit.user.role == "engineer" and visit.user.department is None:
        return {}
    return {"department": visit.user.department, "by": visit.user.name}


def _objections(visit: Visit, status: int = 200, wrong: str = "", *, closed: bool = False) -> Response:
    with visit.site.database.owner() as connection:
        found = [_worded(o) for o in objection.objections(connection, today(), every=closed, **_scope(visit))]  # type: ignore[arg-type]
    datasets = sorted(((c.dataset, c.title) for c in contracts().values() if c.fields), key=lambda pair: pair[1])
    given = {k: v for k, v in visit.form.items() if isinstance(v, str)} or dict(visit.request.query_params)
    chosen = contracts().get(given.get("dataset", ""))
    return visit.page(
        "objections.html", status, found=found, datasets=datasets, titles=dict(datasets), kinds=objection.KINDS, results=objection.RESULTS, wrong=wrong,
        closed=closed, given=given, owners=mapping.owners(), fields=list(chosen.fields.values()) if chosen else [], providers=_providers(visit, given.get("dataset", "")),
    )  # fmt: skip


def _providers(visit: Visit, dataset: str) -> list[str]:
    """The departments that deliver a dataset."""
    return sorted({c.dept for c in visit.site.registry() if c.dataset == dataset})


@route(router, "/objections", "objection.raise", methods=("POST",))
def raise_(visit: Visit) -> Response:
    """Say what is wrong with a record."""
    dataset = visit.text("dataset")
    providers = _providers(visit, dataset)
    provider = visit.text("provider") or (providers[0] if len(providers) == 1 else "")
    if not dataset or not provider:
        return _objections(visit, 422, "请选数据集" if not dataset else "请选由哪个单位核实。")
    try:
        with visit.site.database.owner() as connection:
            number = objection.raise_(
                connection, today(), dataset=dataset, record_key=visit.text("record_key"), kind=visit.text("kind"), said=visit.text("said"), provider=provider,
                by=visit.user.name, department=visit.user.department, field=visit.text("field"), claimed=visit.text("claimed"), evidence=visit.text("evidence"),
            )  # fmt: skip
            audit.write(
                connection,
                visit.user.name,
                "objection",
                f"数据异议 {number}",
                address=visit.address,
                did="raise",
                dataset=dataset,
            )
    except HubError as error:
        return _objections(visit, 422, str(error))
    return visit.go(f"/objections/{number}", "已送给提供单位核实，十个工作日内答复")


def _objection(visit: Visit, number: int, action: str = "objection.raise") -> Row:
    with visit.site.database.owner() as connection:
        found = objection.objections(connection, today(), number=number)
    one = found[0] if found else None
    mine = one is not None and (
        one["raised_by"] == visit.user.name or visit.user.department in {one["provider"], one["raised_dept"]}
    )
    county = visit.user.role == "engineer" and visit.user.department is None
    visit.require(action, one if mine or county else None)
    assert one is not None
    return _worded(one)


@route(router, "/objections/{number}", "objection.raise")
def one_objection(visit: Visit, number: int) -> Response:
    """One objection and its answer."""
    return _one_objection(visit, _objection(visit, number))


def _one_objection(visit: Visit, one: Row, status: int = 200, wrong: str = "") -> Response:
    answers = visit.user.department == one["provider"] and one["raised_by"] != visit.user.name
    return visit.page(
        "objection.html", status, one=one, agreed=contract(one["dataset"]), kinds=objection.KINDS, results=objection.RESULTS, wrong=wrong, answers=answers,
        owners=mapping.owners(), given={k: v for k, v in visit.form.items() if isinstance(v, str)},
    )  # fmt: skip


@route(router, "/objections/{number}/answer", "objection.answer", methods=("POST",))
def answer(visit: Visit, number: int) -> Response:
    """Close it with what verifying it came to."""
    one = _objection(visit, number)
    visit.require("objection.answer", {"department": one["provider"]})
    try:
        with visit.site.database.owner() as connection:
            objection.answer(
                connection, number, result=visit.text("result"), text=visit.text("answer"), by=visit.user.name
            )
            audit.write(
                connection,
                visit.user.name,
                "objection",
                f"数据异议 {number}",
                address=visit.address,
                did="answer",
                result=visit.text("result"),
            )
    except HubError as error:
        return _one_objection(visit, one, 422, str(error))
    return visit.go(f"/objections/{number}", "已答复，提出的人在“数据异议”里看得到")


# ------------------------------------------------------------------------------------------------ conflicts
@route(router, "/conflicts", "conflict.decide")
def conflicts(visit: Visit, closed: int = 0) -> Response:
    """Disagreements with the values this department owns."""
    with visit.site.database.control() as connection:
        found = truth.conflicts(connection, owner=visit.user.department, every=bool(closed))
        objection.clocked(connection, dated := [c | {"opened_on": c["opened_on"]} for c in found], today())
    return visit.page(
        "conflicts.html", found=[_worded(c) for c in dated], outcomes=truth.OUTCOMES, closed=bool(closed), groups=_groups(), valued=valued, owners=mapping.owners()
    )  # fmt: skip


def _groups() -> dict[str, str]:
    """Field or field group of the enterprise register -> its title."""
    agreed = contract("enterprise")
    titles = {name: "、".join(agreed.fields[f].title for f in fields) for name, fields in golden.groups(agreed).items()}
    return titles | {f.name: f.title for f in agreed.fields.values()}


def valued(field: str, value: Any) -> Any:
    """A value of the enterprise register as people say it: a code by its name."""
    agreed = contract("enterprise").fields.get(field)
    known = code_sets()[agreed.code_set].codes if agreed and agreed.code_set else ()
    return next((c.name for c in known if c.code == value), value)


def _conflict(visit: Visit, number: int) -> Row:
    with visit.site.database.control() as connection:
        asked = f"SELECT {answering('owner')} AS owner FROM hub.conflict WHERE conflict_id = %s"
        known = connection.execute(asked.encode(), [number]).fetchone()
        visit.require("conflict.decide", known and {"department": known["owner"]})
        one = truth.conflict(connection, number)
        objection.clocked(connection, [one], today())
    return _worded(one)


@route(router, "/conflicts/{number}", "conflict.decide")
def conflict(visit: Visit, number: int) -> Response:
    """One disagreement: what stands, what is said elsewhere, and the verdict."""
    return _one_conflict(visit, _conflict(visit, number))


def _one_conflict(visit: Visit, one: Row, status: int = 200, wrong: str = "") -> Response:
    with visit.site.database.control() as connection:
        claims = truth.trace(connection, one["enterprise_id"], one["field_group"])
    return visit.page(
        "conflict.html", status, one=one, claims=claims, outcomes=truth.OUTCOMES, groups=_groups(), valued=valued, owners=mapping.owners(), wrong=wrong,
        given={k: v for k, v in visit.form.items() if isinstance(v, str)},
    )  # fmt: skip


@route(router, "/conflicts/{number}/decide", "conflict.decide", methods=("POST",))
def decide(visit: Visit, number: int) -> Response:
    """Settle it: the owner's value, the other's, or a third; signed, with evidence."""
    one = _conflict(visit, number)
    verdict = visit.text("verdict")
    third = {f: v for f in one["stands"] if (v := visit.text(f"value:{f}"))}
    ways: dict[str, Callable[[], Row | None]] = {
        "kept": lambda: None,
        "other": lambda: dict(one["said"]),
        "third": lambda: third,
    }
    if verdict not in ways:
        return _one_conflict(visit, one, 422, "请选以哪个为准。")
    try:
        with visit.site.database.control() as connection:
            truth.decide(
                connection, number, ways[verdict](), by=visit.user.name, reason=visit.text("reason"), evidence=visit.text("evidence"),
                key=keyring.newest(visit.site.home),
            )  # fmt: skip
    except HubError as error:
        return _one_conflict(visit, one, 422, str(error))
    visit.note("verdict", f"冲突 {number}", verdict=verdict, reason=visit.text("reason"))
    visit.site.settle({"enterprise"})
    return visit.go("/conflicts", f"冲突 {number} 已裁定，主记录已更新；任何一方的说法变了，裁定自动失效")


# ------------------------------------------------------------------------------------------------ who is who
@route(router, "/identity", "identity.decide")
def identities(visit: Visit, closed: int = 0, page: int = 1) -> Response:
    """Cases no rule may decide."""
    return _identities(visit, closed=bool(closed), page=page)


def _identities(visit: Visit, status: int = 200, wrong: str = "", *, closed: bool = False, page: int = 1) -> Response:
    with Connection(visit.site.home.database_url) as warehouse:
        found = identity_cases.listed(warehouse, closed=closed)
    start = (max(page, 1) - 1) * _PAGE
    return visit.page(
        "identities.html", status, found=found[start : start + _PAGE], total=len(found), page=max(page, 1), size=_PAGE, cases=CASES, wrong=wrong, closed=closed
    )  # fmt: skip


@route(router, "/identity/{number}", "identity.decide", methods=("POST",))
def decide_identity(visit: Visit, number: int) -> Response:
    """Say whether they are the same; later runs follow."""
    verdict, why = visit.text("verdict"), visit.text(f"reason{number}")
    if verdict not in identity_cases.VERDICTS or not why:
        return _identities(visit, 422, f"主体疑点 {number}：请写明理由，再点“同一家”或“不是一家”。")
    try:
        with Connection(visit.site.home.database_url) as warehouse:
            identity_cases.decide(warehouse, number, verdict, by=visit.user.name, reason=why)
            warehouse.commit()
    except HubError as error:
        return _identities(visit, 422, str(error))
    visit.note("verdict", f"主体疑点 {number}", verdict=verdict, reason=why)
    visit.site.settle({"enterprise"})
    return visit.go("/identity", f"主体疑点 {number} 已定，以后照此办理")
