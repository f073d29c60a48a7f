"""What a clerk does about refused rows, through the portal: the rows of the own department, judged by the same rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from connectors.header import COORDINATES
from portal import attachments
from portal.accounts import Account
from portal.mapping import veiled
from portal.site import Site
from schemas.contract import contract
from schemas.errors import ConfigError
from schemas.identifiers import COUNTY_TIME
from schemas.reference import departments
from warehouse import correction
from warehouse.load import resubmit
from warehouse.workbook import clock, grouped, place, reasons, state

if TYPE_CHECKING:
    import psycopg

    from connectors.spec import Connector

Row = dict[str, Any]
_KINDS = {
    "resubmitted": "更正通过",
    "bounced": "没有通过，退回",
    "contested": "申诉",
    "upheld": "裁定：申诉成立",
    "rejected": "裁定：维持",
}


@dataclass(frozen=True)
class Sent:
    """What came of rows sent in."""

    rows: int
    passed: int


def today() -> date:
    """The county's day."""
    return datetime.now(COUNTY_TIME).date()


def orders(connection: psycopg.Connection[Any], user: Account, *, all: bool = False) -> list[Row]:
    """The orders of the user's department (all for whole-county users), the most urgent first, with their clock in words."""
    found = correction.orders(connection, today(), department=user.department, all=all)
    names = {code: d.short_name or d.name for code, d in departments().items()}
    return [
        one | {"clock": clock(one), "urgency": urgency(one), "unit": names.get(one["department"], one["department"])}
        for one in found
    ]


def urgency(one: Row) -> str:
    """The tag of a case by its clock: good when closed, bad when late, soon from half its time on."""
    if one["closed_at"]:
        return "good"
    return "bad" if one["days_left"] < 0 else "soon" if one["used_pct"] >= 50 else ""


def order(connection: psycopg.Connection[Any], number: int) -> Row | None:
    """One order, closed or not."""
    found = correction.orders(connection, today(), order=number)
    return found[0] | {"clock": clock(found[0]), "urgency": urgency(found[0])} if found else None


def items(connection: psycopg.Connection[Any], site: Site, one: Row, *, veil: bool = False) -> list[Row]:
    """The order's rows as the page shows them: place, reasons, state, cells (which of them are wrong), what was done.

    With `veil` values of sensitive fields (S2, S3), and of columns nobody has classified, show their first character only.
    """
    connector = site.registry().connectors.get(one["connector"])
    columns = connector.fields if connector else {}
    found = correction.rows(connection, order=one["order_id"])
    history: dict[int, list[Row]] = {}
    for event in connection.execute(
        "SELECT e.* FROM hub.correction_event e JOIN hub.quarantine q USING (quarantine_id) WHERE q.order_id = %s ORDER BY event_id",
        [one["order_id"]],
    ):
        history.setdefault(event["quarantine_id"], []).append(event | {"what": _KINDS[event["kind"]]})
    papers = attachments.listed(connection, [f"contest:{row['quarantine_id']}" for row in found])
    made = [
        _item(row, columns, history.get(row["quarantine_id"], []))
        | {"papers": papers.get(f"contest:{row['quarantine_id']}", [])}
        for row in found
    ]
    if veil:
        open_columns = _plain_columns(connector)
        for cell in (c for row in made for c in row["cells"] if c["name"] not in open_columns):
            cell |= {"value": veiled(cell["value"]), "now": veiled(cell["now"])}
    return made


def _plain_columns(connector: Connector | None) -> set[str]:
    """Source columns whose every field is public or internal."""
    if connector is None:
        return set()
    agreed = contract(connector.dataset)
    levels: dict[str, set[str]] = {}
    for name, column in connector.fields.items():
        levels.setdefault(column, set()).add(agreed.fields[name].classification if name in agreed.fields else "S3")
    return {column for column, found in levels.items() if found <= {"S0", "S1"}}


def _item(row: Row, columns: dict[str, str], events: list[Row]) -> Row:
    bounced = next((e for e in reversed(events) if e["kind"] == "bounced"), None)
    told = bounced["detail"] if bounced and not row["resolved_at"] else row["reasons"]
    wrong = {columns.get(r.get("field") or "", r.get("field") or "") for r in told}
    offered = {columns.get(r["field"], r["field"]): r["value"] for r in told if bounced and r.get("field")}
    cells = [
        {"name": name, "value": value or "", "now": offered.get(name, value) or "", "wrong": name in wrong}
        for name, value in row["raw"].items()
        if name not in COORDINATES
    ]
    # The source's own order, as the connector names its columns; what is wrong comes first.
    places = {column: at for at, column in enumerate(columns.values())}
    cells.sort(key=lambda c: (not c["wrong"], places.get(c["name"], len(places))))
    return row | {
        "place": place(row | {"row": row["row_number"], "key": row["row_key"]}),
        "why": reasons({"reasons": told}),
        "state": state(row),
        "cells": cells,
        "events": events,
        "contested": bool(row["raised_by"]) and row["verdict"] is None and not row["resolved_at"],
        "rules": sorted({r["rule"] for r in told}),
        "twin": twin(row),
    }


def twin(row: Row) -> bool:
    """Whether a row was refused for nothing but the key it shares with another: it may be the right one of the two."""
    return {r["rule"] for r in row["reasons"]} == {"duplicate_key"}


STAGES = {"sent": "已提交", "checking": "检查中", "judged": "检查完", "merged": "已入库"}


def send(site: Site, user: Account, one: Row, changed: dict[int, tuple[dict[str, str | None], str]]) -> Sent:
    """Send changed rows in, each with its reason; what passes is merged and published at once.

    Raises:
        ConfigError: the connector is gone.
    """
    *_, (_, sent) = stages(site, user, one, changed)
    return sent


def stages(site: Site, user: Account, one: Row, changed: dict[int, tuple[dict[str, str | None], str]]) -> Iterator[tuple[str, Sent]]:  # fmt: skip
    """What `send` does, a key of STAGES as each begins, with what has come of it so far.

    Raises:
        ConfigError: the connector is gone.
    """
    connector = site.registry().connectors.get(one["connector"])
    if connector is None:
        raise ConfigError(f"更正单 {one['order_id']}", f"来源 {one['connector']} 已经不在", "请数据工程师恢复后再送")
    yield "sent", Sent(len(changed), 0)
    with site.database.owner() as connection:
        known = {r["quarantine_id"]: r for r in correction.rows(connection, ids=list(changed))}
    passed, touched = 0, False
    yield "checking", Sent(len(changed), 0)
    for (number, why), ids in grouped(known, changed).items():
        mended = [correction.Mended(n, {**known[n]["raw"], **changed[n][0]}) for n in ids]
        result = resubmit(connector, site.home, number, mended, by=user.name, reason=why)
        passed, touched = passed + result.passed, touched or result.touched
    yield "judged", Sent(len(changed), passed)
    site.settle({connector.dataset} if touched else set())
    yield "merged", Sent(len(changed), passed)
