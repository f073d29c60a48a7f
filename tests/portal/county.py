"""A few rows of each board's datasets, put straight into the record tables; the real publication does the rest."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from schemas.contract import contract
from warehouse.tables import key_ddl

DAY = date(2026, 9, 30)
TAX, HOUSING, MARKET = "11510999MB0010049A", "11510999MB00100650", "11510999MB0010014P"
HOTLINE, BUSINESS = "11510999MB0010030D", "11510999MB00101101"


def put(connection: psycopg.Connection[Any], dept: str, code: str, dataset: str, rows: list[dict[str, Any]]) -> None:
    """Rows of a dataset as one delivery of a department."""
    agreed = contract(dataset)
    title = agreed.title
    source = connection.execute(
        "INSERT INTO hub.source (connector, dataset, department, provider_dept_code, title) VALUES (%s, %s, %s, %s, %s) RETURNING source_id",
        [f"{dept}/{dataset}", dataset, dept, code, title],
    ).fetchone()[0]  # type: ignore[index]
    batch = connection.execute(
        "INSERT INTO hub.batch (source_id, dataset, delivery, kind, status, contract_version, extracted_at, extracted, passed, quarantined, repaired, "
        "warned, new_rows, changed_rows, unchanged_rows, superseded_rows, closed_rows) VALUES (%s, %s, '首批.csv', 'file', 'committed', '1', now(), "
        "%s, %s, 0, 0, 0, %s, 0, 0, 0, 0) RETURNING batch_id",
        [source, dataset, len(rows), len(rows), len(rows)],
    ).fetchone()[0]  # type: ignore[index]
    names = [n for n in rows[0] if n in agreed.fields]
    assert set(names) == set(rows[0]), set(rows[0]) - set(agreed.fields)
    insert = sql.SQL("INSERT INTO record.{} ({}) VALUES ({})").format(
        sql.Identifier(dataset),
        sql.SQL(", ").join(map(sql.Identifier, [*names, "_source_id", "_batch_id", "_row_hash", "_quality"])),
        sql.SQL(", ").join([sql.Placeholder()] * (len(names) + 4)),
    )
    connection.cursor().executemany(
        insert, [[*(row[n] for n in names), source, batch, uuid.uuid4(), 0] for row in rows]
    )
    connection.execute(key_ddl(agreed))


def drop(path: Path, rows: list[str]) -> None:
    """A file of call-backs."""
    path.write_text("\n".join(["编号,工单,轮次,时间,接通,解决", *rows, ""]), encoding="utf-8")


def fill(connection: psycopg.Connection[Any]) -> None:
    """Indicators with one below 70, tickets with three overdue, problems with one overdue."""
    _indicators(connection)
    _hotline(connection)
    _rectification(connection)
    connection.commit()


def _indicators(connection: psycopg.Connection[Any]) -> None:
    base = {"scheme_code": "S1", "year": 2025}
    given = base | {"region_code": "510999", "period": "全年", "source": "published"}
    put(
        connection,
        "evaluation",
        BUSINESS,
        "indicator_scheme",
        [{"scheme_code": "S1", "name": "省营商环境评价", "region_level": "省", "year": 2025}],
    )
    defined, scores, marks = [], [], []
    plan = [("A01", "开办企业", MARKET, 85.07), ("A02", "纳税", TAX, 69.97), ("A03", "办理建筑许可", HOUSING, 78.5)]
    for code, name, lead, score in plan:
        defined.append(
            {
                "scheme_code": "S1",
                "indicator_code": code,
                "parent_code": None,
                "level": 1,
                "name": name,
                "weight": 33.3,
                "full_score": 100,
                "lead_dept_code": lead,
            }
        )
        for n, gap in ((1, -6), (2, 6)):
            part = f"{code}0{n}"
            defined.append(
                {
                    "scheme_code": "S1",
                    "indicator_code": part,
                    "parent_code": code,
                    "level": 2,
                    "name": f"{name}环节{n}",
                    "weight": 50,
                    "full_score": 100,
                    "lead_dept_code": lead,
                }
            )
            scores.append(given | {"indicator_code": part, "score": score + gap})
            marks += [
                base | {"indicator_code": part, "value": 72, "kind": kind} for kind in ("city_avg", "province_avg")
            ]
        scores.append(given | {"indicator_code": code, "score": score})
        marks += [base | {"indicator_code": code, "value": 74, "kind": kind} for kind in ("city_avg", "province_avg")]
    put(connection, "evaluation", BUSINESS, "indicator_definition", defined)
    put(connection, "evaluation", BUSINESS, "indicator_score", scores)
    put(connection, "evaluation", BUSINESS, "indicator_benchmark", marks)
    put(connection, "evaluation", BUSINESS, "indicator_evidence",
        [base | {"indicator_code": "A0201", "material_name": "办税台账", "due_on": DAY, "status": "通过"}])  # fmt: skip


def _hotline(connection: psycopg.Connection[Any]) -> None:
    start = datetime(2026, 6, 1, 9)
    tickets, events = [], []
    for n in range(60):
        at = start + timedelta(days=2 * n)
        number, dept = f"26{n:010d}", (TAX, HOUSING, MARKET)[n % 3]
        late, done = n % 10 == 0, n % 20 != 0
        closed = at + timedelta(days=9 if late else 3)
        tickets.append({
            "ticket_no": number, "channel": "电话", "demand_type": "求助", "category_code": "0201", "title": f"关于第 {n} 号问题的反映",
            "content": "诉求人陈大文 13800000000 反映停水", "content_scrubbed": "诉求人反映停水", "caller_name_masked": "陈**", "caller_phone_masked": "138****0000",
            "event_address": "示例县复兴乡朝阳街225号", "is_enterprise": False, "town_code": "510999108", "recorded_at": at, "accepted_at": at,
            "dispatched_at": at + timedelta(hours=1), "main_dept_code": dept, "due_at": at + timedelta(days=5), "first_contact_at": at + timedelta(hours=5),
            "replied_at": closed if done else None, "closed_at": closed if done else None, "status": "closed" if done else "processing",
            "return_count": 0, "redo_count": 0, "supervise_level": 0, "exclude_from_assessment": False, "updated_at": at,
        })  # fmt: skip
        events.append(
            {
                "event_id": f"{number}-1",
                "ticket_no": number,
                "seq": 1,
                "step": "派单",
                "event_at": at,
                "dept_code": dept,
            }
        )
    put(connection, "hotline_office", HOTLINE, "hotline_ticket", tickets)
    put(connection, "hotline_office", HOTLINE, "hotline_ticket_event", events)


def _rectification(connection: psycopg.Connection[Any]) -> None:
    problems, measures = [], []
    for n in range(12):
        number, closed = f"ZG2026{n:03d}", n % 3 != 0
        problems.append({
            "problem_no": number, "category": ("不担当", "不规范", "不诚信")[n % 3], "source": "巡察", "title": f"第 {n} 个整改问题", "description": "说明",
            "lead_dept_code": (TAX, HOUSING, MARKET)[n % 3], "found_on": date(2026, 4, 1), "due_on": date(2026, 9, 1) if n < 6 else date(2026, 10, 3),
            "status": "closed" if closed else "rectifying", "closed_at": datetime(2026, 8, 20, 10) if closed else None, "progress_pct": 100 if closed else 60,
            "responsible_leader": "刘强", "responsible_person": "王英",
        })  # fmt: skip
        measures.append(
            {
                "measure_id": f"{number}-1",
                "problem_no": number,
                "seq": 1,
                "content": "自查自纠",
                "planned_end": date(2026, 8, 1),
            }
        )
    put(connection, "business_env", BUSINESS, "rectification_problem", problems)
    put(connection, "business_env", BUSINESS, "rectification_measure", measures)
