"""Every view gives the same rows on DuckDB and on PostgreSQL for one fixture full of blanks, ties and odd values."""

import datetime
import random
from typing import Any

import duckdb
import psycopg
import pytest

from schemas.contract import contracts
from schemas.reference import code_sets
from tests.views.casefile import CATALOG, KNOWN, Row, create, insert, plain, query_of
from views.render import render

DAY = datetime.date(2025, 10, 14)
TABLES = sorted(set().union(*(CATALOG.datasets(name) for name in CATALOG.views)))
# Small pools, so that joins meet, groups fill and ties happen.
POOLS = {
    "dept_code": ["D1", "D2", "D3", "D9"],
    "ticket_no": [f"T{n}" for n in range(300)],
    "problem_no": [f"P{n}" for n in range(40)],
    "indicator_code": ["A", "A1", "A2", "A3", "A31", "B", "B1"],
    "caller_hash": ["甲", "乙", "丙"],
    "category_code": ["0201", "0302"],
    "town_code": ["510999001", "510999100"],
    "connector": ["a/b", "c/d"],
    "upstream_no": [f"S{n}" for n in range(200)],
    "metric": ["close_pct", "satisfaction_pct"],
    "formula": ["piecewise", "weighted"],
    "rule_id": ["hotline.sign", "hotline.contact", "hotline.answer", "hotline.close"],
}
NAMED = {
    "main_dept_code": "dept_code", "lead_dept_code": "dept_code", "provider_dept_code": "dept_code",
    "parent_code": "indicator_code", "root_ticket_no": "ticket_no",
}  # fmt: skip
FIXED: dict[str, Any] = {
    "scheme_code": "S",
    "year": 2019,
    "period": "年度",
    "region_code": "510999",
    "code_set": "town",
}
# Indicators that are measured from the county's own cases.
MEASURED = {"A": "登记财产", "A1": "登记时间", "B": "获得信贷", "B1": "贷款审批时间"}
# Keys the views rely on being single.
UNIQUE = {
    "department": ["dept_code"],
    "department_period": ["dept_code"],
    "code_value": ["code"],
    "work_calendar": ["day"],
    "indicator_definition": ["indicator_code"],
    "indicator_score": ["indicator_code", "source"],
    "indicator_benchmark": ["indicator_code", "kind"],
    "hotline_ticket": ["ticket_no", "source_system"],  # two desks may tell of one
    "hotline_assignment": ["ticket_no", "dept_code", "role"],
    "rectification_problem": ["problem_no"],
    "batch": ["batch_id"],
    "deadline_rule": ["rule_id"],
    "delivery_promise": ["dataset"],
    "hotline_topic": ["topic_id"],
    "hotline_topic_ticket": ["ticket_no"],
}


def _value(rng: random.Random, table: str, column: str, kind: str) -> Any:
    pool = NAMED.get(column, column)
    contract = contracts().get(table)
    field = contract.fields.get(column) if contract else None
    if column in FIXED:
        return FIXED[column]
    if pool in POOLS:
        return rng.choice(POOLS[pool])
    if field is not None and field.code_set:
        return rng.choice(code_sets()[field.code_set].codes).code
    if kind.startswith(("varchar", "text")):
        return rng.choice(["甲", "乙", "长期坚持", "立行立改", "a'b", ""])
    if kind.startswith("timestamp"):
        day = datetime.datetime(2025, 8, 20) + datetime.timedelta(days=rng.randrange(70))
        return day + datetime.timedelta(seconds=rng.choice([0, 32400, 64800, 86399]))
    if kind == "date":
        return datetime.date(2025, 8, 20) + datetime.timedelta(days=rng.randrange(70))
    if kind == "boolean":
        return rng.random() < 0.3
    if kind.startswith("numeric"):
        precision, scale = (int(part) for part in kind[8:-1].split(","))
        values = ["70", "69.97", "0", "33.3333", "66.6667", "1.005", "100"]
        return rng.choice([value for value in values if len(value.split(".")[0]) <= precision - scale])
    return rng.randrange(4)


def _rows(rng: random.Random, table: str, count: int) -> list[Row]:
    keys = UNIQUE.get(table, [])
    always = {*keys, *FIXED, "day", "found_on", "level", "status", "category", "recorded_at", "quarantine_id"}
    rows: dict[tuple[Any, ...], Row] = {}
    for number in range(count):
        row: Row = {}
        for column, kind in KNOWN[table].items():
            if column in always or rng.random() < 0.85:
                row[column] = _value(rng, table, column, kind)
        if table == "batch":
            row["batch_id"] = number
        if table == "rectification_report":
            row |= {"report_id": number, "kind": rng.choice(["progress", "closure", "reopen"])}
        if table == "deadline_rule":
            by_hour = row["rule_id"] in {"hotline.sign", "hotline.contact"}
            row |= {"clock_unit": "hour" if by_hour else "workday", "effective_from": None, "effective_to": None,
                    "item": row["rule_id"], "days": row.get("days") or 1}  # fmt: skip
        if table == "indicator_definition":
            row["level"] = len(row["indicator_code"])
            row["parent_code"] = row["indicator_code"][:-1] or None
            row["name"] = MEASURED.get(row["indicator_code"], "甲")
        rows.setdefault(tuple(row[key] for key in keys) or (number,), row)
    return list(rows.values())


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_both_engines_give_the_same_rows(seed: int, postgres: psycopg.Connection) -> None:
    # Each table draws for itself: another one leaves its rows as they are.
    fixture = {
        table: _rows(random.Random(f"{seed} {table}"), table, 600 if table.startswith("hotline_") else 160)
        for table in TABLES
    }
    with duckdb.connect() as duck:
        answers = []
        for query, engine in ((query_of(duck), "duckdb"), (query_of(postgres), "postgres")):
            create(query, TABLES)
            for table, rows in fixture.items():
                insert(query, table, rows)
            found = {}
            for name, view in CATALOG.views.items():
                query(f"CREATE TEMP TABLE {name} AS {render(view, engine, DAY)}")
                columns, rows_out = query(f"SELECT * FROM {name}")
                found[name] = [dict(zip(columns, row, strict=True)) for row in rows_out]
            answers.append(found)
    for name in CATALOG.views:
        assert plain(answers[0][name]) == plain(answers[1][name]), name
        # A view the fixture leaves empty would agree without having been compared.
        assert answers[0][name], f"{name} is empty"


def test_on_empty_tables_there_is_nothing_to_tell(postgres: psycopg.Connection) -> None:
    """A county on its first day: every view computes, and none has a row."""
    with duckdb.connect() as duck:
        told = []
        for query, engine in ((query_of(duck), "duckdb"), (query_of(postgres), "postgres")):
            create(query, TABLES)
            for name, view in CATALOG.views.items():
                query(f"CREATE TEMP TABLE {name} AS {render(view, engine, DAY)}")
            told.append({name: query(f"SELECT count(*) FROM {name}")[1][0][0] for name in CATALOG.views})
    assert told[0] == told[1]
    assert {name for name, rows in told[0].items() if rows} == set()
