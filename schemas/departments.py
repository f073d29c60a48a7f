"""Departments as tables: what each is, how it is written, what it was called on a day and who answers for it then.

A renamed department keeps its code; a merged one keeps its own for what was written in its days, and what it left open is
its successor's from the day of its end. Views join these rows by the day of the event, or by the day of the report where
they tell who has to act now.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from pathlib import Path

from schemas.reference import ROOM, Alias, Department, Rows, bearers_of, departments, heirs


def department_rows(path: Path = ROOM / "departments.yaml") -> Rows:
    """One row per department: dept_code, dept_id (folder), dept_name, short_name, dept_type, region_code."""
    columns = {"dept_code": "dept_code", "dept_id": "code", "dept_name": "name"}
    columns |= {same: same for same in ("short_name", "dept_type", "region_code")}
    return {column: [getattr(d, field) for d in departments(path).values()] for column, field in columns.items()}


def department_alias_rows(path: Path = ROOM / "departments.yaml") -> Rows:
    """One row per spelling and bearer: alias, dept_code, valid_from, valid_to (NULL = open)."""
    flat = [
        (spelling, department, alias) for spelling, found in bearers_of(path).items() for department, alias in found
    ]
    return {
        "alias": [spelling for spelling, _, _ in flat],
        "dept_code": [department.dept_code for _, department, _ in flat],
        "valid_from": [alias.valid_from for _, _, alias in flat],
        "valid_to": [alias.valid_to for _, _, alias in flat],
    }


def department_period_rows(path: Path = ROOM / "departments.yaml") -> Rows:
    """One row per department and stretch of days without a change: dept_code, its names, who answers for it.

    `from_on` is the first day, `to_on` the day after the last (0001-01-01 and 9999-12-31: open). After its end a
    department keeps the name it had last.
    """
    found = departments(path)
    rows = [row for department in found.values() for row in _periods(department, found)]
    names = ("dept_code", "from_on", "to_on", "dept_name", "short_name", "answering_code", "answering_name")
    return {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


def _periods(department: Department, found: dict[str, Department]) -> Iterable[tuple[str | date, ...]]:
    line = [department, *(heir for heir, _ in heirs(department, found))]
    ends = {day for body in line for former in _formers(body) for day in (former.valid_from, former.valid_to) if day}
    ends |= {start for _, start in heirs(department, found)}
    cuts = [date.min, *sorted(ends), date.max]
    for start, end in pairwise(cuts):
        name, short_name = _called(department, start)
        answering = [department, *(heir for heir, since in heirs(department, found) if since <= start)][-1]
        yield (
            department.dept_code, start, end, name, short_name, answering.dept_code, _called(answering, start)[1],
        )  # fmt: skip


def _formers(department: Department) -> list[Alias]:
    """The names it officially bore before today's, oldest first."""
    return sorted((a for a in department.aliases if a.short_name), key=lambda a: a.valid_to or date.max)


def _called(department: Department, day: date) -> tuple[str, str]:
    """Its name and short name on a day; a former name without a beginning reaches back to the one before it."""
    for former in _formers(department):
        if day < (former.valid_to or date.max):
            if (former.valid_from or date.min) <= day:
                return former.name, former.short_name or former.name
            break
    return department.name, department.short_name
