"""The drift inbox: what sources no longer deliver as agreed, and what people decided about it.

    accept  the change is right: a renamed column is followed, a gone one no longer asked for, a new one known, a small
            or odd delivery let in; one that the batch rules hold only with a reason
    map     the change is right, and this is what it means: a column for a field, a code for a spelling
    reject  the delivery is wrong: it is kept and never loaded, the department sends another

A layout holds from its effective date on; deliveries of before are replayed by the layout of their day. A held
delivery is let in when all that held it is decided, together with those that came after it, in their order.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg

from connectors.drivers import driver_class
from connectors.drivers.base import KEY_TYPE
from connectors.spec import Connector
from schemas.contract import contract
from schemas.errors import ConfigError, nearest
from schemas.identifiers import COUNTY_TIME
from schemas.reference import code_sets, department_of
from schemas.text import person
from warehouse import registry
from warehouse.drift import landed_columns
from warehouse.home import Home

Control = psycopg.Connection[dict[str, Any]]

KINDS = {
    "column_added": "多了列", "column_gone": "少了列", "column_renamed": "列改名", "type_changed": "类型变化", "code_added": "新代码",
    "rows_dropped": "行数骤减", "empty": "空的交付", "missing": "没有交付", "judged": "整批规则不合格",
}  # fmt: skip
STATES = {"open": "待处理", "accepted": "已接受", "mapped": "已对应", "rejected": "已拒收", "closed": "已自行恢复"}
_SELECT = """
SELECT d.drift_id, s.connector, s.title, s.dataset, d.kind, d.subject, d.message, d.detail, d.holds, d.delivery, d.batch_id,
  d.found_at, d.state, d.decided_by, d.decided_at, d.effective_on, d.decision, d.reason, b.status AS batch_status, b.extracted_at
FROM hub.drift d JOIN hub.source s USING (source_id) LEFT JOIN hub.batch b ON b.batch_id = d.batch_id
"""


@dataclass(frozen=True)
class Item:
    """One finding in the inbox."""

    drift_id: int
    connector: str
    title: str
    dataset: str
    kind: str
    subject: str
    message: str
    detail: dict[str, Any]
    holds: bool
    delivery: str
    batch_id: int | None
    found_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    effective_on: date | None
    decision: dict[str, Any] | None
    reason: str
    batch_status: str | None
    extracted_at: datetime | None


@dataclass(frozen=True)
class Decided:
    """A decision taken: which landed deliveries now have to be read again, oldest first."""

    item: Item
    replay: tuple[int, ...] = ()


def items(connection: Control, states: Sequence[str] = ("open",), connector: str | None = None) -> list[Item]:
    """The inbox, newest first."""
    rows = connection.execute(
        f"{_SELECT} WHERE d.state = ANY(%s) AND (%s::text IS NULL OR s.connector = %s) ORDER BY d.drift_id DESC",
        [list(states), connector, connector],
    ).fetchall()
    return [Item(**row) for row in rows]


def item(connection: Control, number: int) -> Item:
    """One finding.

    Raises:
        ConfigError: there is none of that number.
    """
    row = connection.execute(f"{_SELECT} WHERE d.drift_id = %s", [number]).fetchone()
    if row is None:
        raise ConfigError(f"变化 {number}", "收件箱里没有这一条", "用 hub drift list 查看")
    return Item(**row)


# ------------------------------------------------------------------------------------------------ decisions
def accept(
    connection: Control, home: Home, number: int, *, by: str, connector: Connector, effective_on: date | None = None, reason: str = ""
) -> Decided:  # fmt: skip
    """The change is right as it was told.

    Raises:
        ConfigError: it was decided, a gone column serves a required field, the date is after the delivery's, or what the batch
            rules hold is let in without a reason.
    """
    found = _undecided(connection, number)
    if found.kind == "judged" and not reason.strip():
        raise ConfigError(f"变化 {number}", "放行要写明谁核实、为什么", "例如：台账确实减了，县整改办王芳书面确认")
    day = _day(found, effective_on)
    document = _followed(found, connector)
    return _decided(
        connection, home, found, "accepted", connector, document, by=by, day=day, reason=reason, decision={}
    )


def map_(
    connection: Control, home: Home, number: int, *, by: str, connector: Connector, field: str | None = None, column: str | None = None,
    code: str | None = None, effective_on: date | None = None, reason: str = "",
) -> Decided:  # fmt: skip
    """The change is right, and means this: `field` for a new column, `column` in place of a gone one, `code` for a spelling.

    A new column that was accepted before can still be mapped; it is then filled from landed deliveries.

    Raises:
        ConfigError: it was decided, or what is needed for its kind is not given or does not exist.
    """
    found = item(connection, number)
    if not (found.kind == "column_added" and found.state == "accepted"):
        found = _undecided(connection, number)
    document = copy.deepcopy(connector.document)
    agreed = contract(connector.dataset)
    if found.kind == "column_added":
        if field not in agreed.fields:
            raise ConfigError(
                f"--field {field}", f"数据集 '{agreed.dataset}' 没有这个字段", nearest(field or "", agreed.fields)
            )
        document["fields"] = {**document["fields"], field: found.subject}
    elif found.kind in {"column_gone", "column_renamed"}:
        if not column:
            raise ConfigError("--column", "要写明由哪一列代替", "例如 --column 新列名")
        document["fields"] = _swapped(document["fields"], found.subject, column)
        if connector.cursor == found.subject:
            document["load"]["cursor"] = column
    elif found.kind == "code_added":
        name = str(found.detail["field"])
        _check_code(agreed.fields[name].code_set, code)
        document["codes"] = {**document.get("codes", {})}
        document["codes"][name] = {**document["codes"].get(name, {}), str(found.detail["spelling"]): code}
    else:
        raise ConfigError(f"变化 {number}", f"“{KINDS[found.kind]}”没有什么可对应的", "请用 accept 或 reject")
    decision = {k: v for k, v in {"field": field, "column": column, "code": code}.items() if v}
    day = _day(found, effective_on)
    return _decided(connection, home, found, "mapped", connector, document, by=by, day=day, reason=reason, decision=decision)  # fmt: skip


def reject(connection: Control, number: int, *, by: str, reason: str) -> Decided:
    """The delivery is wrong: kept, never loaded. Whatever else held it is rejected with it.

    Raises:
        ConfigError: it was decided, no reason is given, or the delivery is in the warehouse already.
    """
    found = _undecided(connection, number)
    if found.kind == "missing":
        raise ConfigError(f"变化 {number}", "没有交付，没有什么可拒收的", f"请催报；已知晓：hub drift accept {number}")
    if found.batch_status == "committed":
        cure = "属实就接受；不对的请部门重报正确的一份，入库后随之改正"
        raise ConfigError(f"变化 {number}", f"批次 {found.batch_id} 只是提醒，已经入库，拒收不了", cure)
    if not reason.strip():
        raise ConfigError(f"变化 {number}", "拒收要写明原因", "例如：漏导了乡镇列，请重报")
    where = "drift_id = %s" if found.batch_id is None else "drift_id = %s OR (batch_id = %s AND state = 'open')"
    values: list[Any] = [number] if found.batch_id is None else [number, found.batch_id]
    connection.execute(
        f"UPDATE hub.drift SET state = 'rejected', decided_by = %s, decided_at = clock_timestamp(), reason = %s WHERE {where}",
        [person(by), reason, *values],
    )
    if found.batch_id is not None:
        connection.execute(
            "UPDATE hub.batch SET status = 'rejected' WHERE batch_id = %s AND status = 'held'", [found.batch_id]
        )
    connection.commit()
    return Decided(item(connection, number))


def _undecided(connection: Control, number: int) -> Item:
    found = item(connection, number)
    if found.state != "open":
        raise ConfigError(f"变化 {number}", STATES[found.state], "用 hub drift list --all 查看")
    return found


def _day(found: Item, effective_on: date | None) -> date:
    delivered = (found.extracted_at or found.found_at).astimezone(COUNTY_TIME).date()
    if effective_on is not None and effective_on > delivered:
        raise ConfigError(
            f"变化 {found.drift_id}", f"生效日 {effective_on} 晚于这份交付的日期 {delivered}", "这份交付已是新的样子，请写不晚于它的日期"
        )  # fmt: skip
    return effective_on or delivered


def _followed(found: Item, connector: Connector) -> dict[str, Any]:
    """The connector's document with the change followed; the same when nothing of it changes."""
    document = copy.deepcopy(connector.document)
    if found.kind == "column_renamed":
        document["fields"] = _swapped(document["fields"], found.subject, str(found.detail["to"]))
        if connector.cursor == found.subject:
            document["load"]["cursor"] = found.detail["to"]
    elif found.kind == "column_gone":
        agreed = contract(connector.dataset)
        needed = [agreed.fields[n].title for n in found.detail.get("fields", ()) if agreed.fields[n].required]
        if needed or connector.cursor == found.subject:
            what = (
                f"列“{found.subject}”供必填字段{'、'.join(needed)}用"
                if needed
                else f"列“{found.subject}”是增量用的游标"
            )
            raise ConfigError(f"变化 {found.drift_id}", f"{what}，不能不要", "用 map --column 写明代替的列，或 reject")
        document["fields"] = {n: c for n, c in document["fields"].items() if str(c) != found.subject}
    return document


def _swapped(fields: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {name: new if str(column) == old else column for name, column in fields.items()}


def _check_code(code_set: str | None, code: str | None) -> None:
    if not code:
        raise ConfigError("--code", "要写明对应哪个代码", "例如 --code 1")
    if code_set:
        known = {c.code for c in code_sets()[code_set].codes}
        if code not in known:
            raise ConfigError(f"--code {code}", f"代码表 '{code_set}' 里没有", nearest(code, known))
    elif department_of(code) is None:
        raise ConfigError(f"--code {code}", "不是已登记的部门", "请写部门的统一社会信用代码")


def _decided(
    connection: Control, home: Home, found: Item, state: str, connector: Connector, document: dict[str, Any], *, by: str, day: date,
    reason: str, decision: dict[str, Any],
) -> Decided:  # fmt: skip
    if document != connector.document:
        note = f"{found.message}：{STATES[state]}" + (f"（{reason}）" if reason else "")
        registry.read(connector.id, document)  # told before anything is written
        registry.revise(connection, connector, document, by=person(by), effective_on=day, note=note)
    connection.execute(
        "UPDATE hub.drift SET state = %s, decided_by = %s, decided_at = clock_timestamp(), effective_on = %s, decision = %s, reason = %s "
        "WHERE drift_id = %s",
        [state, person(by), day, json.dumps(decision, ensure_ascii=False), reason, found.drift_id],
    )
    replayed = _due(connection, home, found, state, day)
    retold = found.batch_id is not None and driver_class(connector.driver).retells
    if found.kind == "column_added" and state != "rejected" and not retold:
        _know(connection, found)
    connection.commit()
    return Decided(item(connection, found.drift_id), tuple(replayed))


def _know(connection: Control, found: Item) -> None:
    """A column that held nothing, or of which the landed delivery does not tell, is known from now on."""
    connection.execute(
        "UPDATE hub.source_layout l SET columns = jsonb_set(l.columns::jsonb, ARRAY['columns', %s], '\"text\"')::json "
        "FROM hub.source s WHERE s.source_id = l.source_id AND s.connector = %s AND l.columns IS NOT NULL",
        [found.subject, found.connector],
    )


def _due(connection: Control, home: Home, found: Item, state: str, day: date) -> Iterable[int]:
    """The batches to read again: the held one once nothing holds it, those after it, and what a new column can be filled from."""
    waiting = connection.execute(
        "SELECT 1 FROM hub.drift WHERE batch_id = %s AND state = 'open' AND holds LIMIT 1", [found.batch_id]
    ).fetchone()
    due: set[int] = set()
    if found.batch_id is not None and found.batch_status == "held" and waiting is None:
        due.add(found.batch_id)
        later = connection.execute(
            "SELECT b.batch_id FROM hub.batch b JOIN hub.source s USING (source_id) WHERE s.connector = %s AND b.batch_id > %s "
            "AND b.status = 'committed' AND b.landed_path IS NOT NULL AND b.kind <> 'correction'",
            [found.connector, found.batch_id],
        ).fetchall()
        due |= {int(row["batch_id"]) for row in later}
    if state == "mapped" and found.kind == "column_added":
        past = connection.execute(
            "SELECT b.batch_id, b.landed_path FROM hub.batch b JOIN hub.source s USING (source_id) WHERE s.connector = %s "
            "AND b.status = 'committed' AND b.landed_path IS NOT NULL AND b.kind <> 'correction' AND b.extracted_at >= %s",
            [found.connector, datetime.combine(day, datetime.min.time(), COUNTY_TIME)],
        ).fetchall()
        for row in past:
            path = home.landing / row["landed_path"]
            if path.exists() and found.subject in landed_columns(path):
                due.add(int(row["batch_id"]))
    return sorted(due)


# ------------------------------------------------------------------------------------------------ no report
def _span(seconds: float) -> str:
    for unit, name in ((86400, "天"), (3600, "小时")):
        if seconds >= unit:
            return f"{round(seconds / unit, 1):g} {name}"
    return f"{round(seconds / 60):g} 分钟"


def missing(connection: Control, connectors: Iterable[Connector]) -> int:
    """Put sources that have not reported within their contract's time into the inbox, and close those that have.

    A file source reports by delivering, any other by answering, with or without new rows. A silence that somebody has
    accepted is not told again until it has been broken. Returns how many are open.
    """
    told = {
        row["connector"]: row
        for row in connection.execute(
            "SELECT s.connector, s.source_id, l.answered_at, l.delivered_at, l.problem, max(b.extracted_at) AS extracted_at, "
            "(SELECT max(decided_at) FROM hub.drift d WHERE d.source_id = s.source_id AND kind = 'missing' AND state = 'accepted') AS accepted_at "
            "FROM hub.source s LEFT JOIN hub.source_layout l USING (source_id) LEFT JOIN hub.batch b ON b.source_id = s.source_id "
            "AND b.status IN ('committed', 'held', 'released') GROUP BY 1, 2, 3, 4, 5"
        )
    }
    row = connection.execute("SELECT clock_timestamp() AS now").fetchone()
    assert row is not None
    now: datetime = row["now"]
    late: dict[int, str] = {}
    for c in connectors:
        limit, of = contract(c.dataset).sla_seconds("latency"), told.get(c.id)
        if limit is None or of is None or not c.enabled:
            continue
        by_file = c.mode in {"file", "file_full"}
        last = max((m for m in (of["extracted_at"], of["delivered_at"], None if by_file else of["answered_at"]) if m), default=None)  # fmt: skip
        accepted = of["accepted_at"] is not None and (last is None or of["accepted_at"] > last)
        if last is not None and not accepted and now - last > timedelta(seconds=max(limit, 60)):
            span, agreed = _span((now - last).total_seconds()), _span(limit)
            why = f"；最近一次出错：{of['problem']}" if of["problem"] else ""
            late[of["source_id"]] = f"已 {span}没有{'交付' if by_file else '读到应答'}，约定不超过 {agreed}{why}"
    for source, text in late.items():
        connection.execute(
            "INSERT INTO hub.drift (source_id, kind, message, holds) VALUES (%s, 'missing', %s, false) "
            "ON CONFLICT (source_id, kind, subject, delivery) WHERE state = 'open' DO UPDATE SET message = EXCLUDED.message",
            [source, text],
        )
    connection.execute(
        "UPDATE hub.drift SET state = 'closed', decided_at = clock_timestamp(), reason = '来源已恢复' "
        "WHERE kind = 'missing' AND state = 'open' AND NOT source_id = ANY(%s)",
        [list(late)],
    )
    connection.commit()
    return len(late)


# ------------------------------------------------------------------------------------------------ for people
def difference(connection: Control, home: Home, found: Item) -> list[dict[str, Any]]:
    """The held delivery's columns beside those of the last good one: column, was, now, fields, mark (same, gone, new)."""
    row = connection.execute(
        "SELECT l.columns, b.landed_path FROM hub.drift d JOIN hub.batch b USING (batch_id) "
        "JOIN hub.source_layout l ON l.source_id = d.source_id WHERE d.drift_id = %s",
        [found.drift_id],
    ).fetchone()
    if row is None or row["columns"] is None or not (home.landing / row["landed_path"]).exists():
        return []
    was, now = row["columns"]["columns"], landed_columns(home.landing / row["landed_path"])
    if KEY_TYPE in was.values():  # of an interface only what is in use was landed
        gone = {found.subject} if found.kind in {"column_gone", "column_renamed"} else set()
        new = {"column_added": found.subject, "column_renamed": found.detail.get("to")}.get(found.kind)
        now = {name: KEY_TYPE for name in [*was, *now, *([new] if new else [])] if name not in gone}
    last = registry.versions(connection, found.connector)
    mapping = last[-1].document.get("fields", {}) if last else registry.load(home).get(found.connector).fields
    return [
        {
            "column": name, "was": was.get(name, ""), "now": now.get(name, ""),
            "fields": [f for f, column in mapping.items() if str(column) == name],
            "mark": "same" if name in was and name in now else "gone" if name in was else "new",
        }
        for name in dict.fromkeys([*was, *now])
    ]  # fmt: skip


def advice(found: Item) -> str:
    """What can be done about an open finding, as commands."""
    number = found.drift_id
    accept_, reject_ = f"hub drift accept {number}", f"hub drift reject {number} --reason …"
    match found.kind:
        case "column_renamed":
            return f"是改名：{accept_}；由别的列代替：hub drift map {number} --column 列；导错了：{reject_}"
        case "column_gone":
            return f"以后不报了：{accept_}；由别的列代替：hub drift map {number} --column 列；漏导了：{reject_}"
        case "column_added":
            return f"知道了，不采集：{accept_}；要采集：hub drift map {number} --field 字段；导错了：{reject_}"
        case "code_added":
            return f"对应到代码：hub drift map {number} --code 代码；照常隔离这些行：{accept_}；填错了：{reject_}"
        case "missing":
            return f"请催报；已知晓：{accept_}"
        case "judged":
            return f"核实无误，放行：{accept_} --reason …；不对，请部门重报：{reject_}"
    return f"属实，入库：{accept_}；不对，请部门重报：{reject_}"
