"""The table to score, read from CSV, workbook or Parquet into one long table of cells.

    long   对象 | 指标 | 值 [| 年度]           one row per subject and indicator
    wide   对象 [| 年度] | 指标1 | 指标2 …      one row per subject
    years  对象 | 指标 | 2019 | 2020 …         one row per subject and indicator, a column per year
    wide   对象 | 指标1_2019 | 指标1_2020 …      one row per subject, a column per indicator and year
    across 指标 [| 年度] | 对象1 | 对象2 …      one row per indicator, a column per subject

Every cell stays text with the row it stands in, so that an error can name file, row and column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import ConfigError, ConfigErrors, nearest
from views.scoring import files
from views.scoring.keys import squeezed

if TYPE_CHECKING:
    import duckdb

    from views.scoring.scheme import Scheme

SUBJECT = (
    "subject", "对象", "评价对象", "参评单位", "地区", "区县", "县区", "县市区", "区划", "economy", "country", "countryname",
    "location", "region", "name", "名称", "单位",
)  # fmt: skip
PERIOD = ("period", "年度", "年份", "期次", "周期", "year", "dbyear", "reportyear")
INDICATOR = ("indicator", "指标", "指标编号", "指标编码", "指标名称", "indicatorname", "indicatorcode", "indicatorid", "seriesname", "seriescode")  # fmt: skip
VALUE = ("value", "值", "数值", "原始值", "得分", "score", "rawvalue", "obsvalue")
_WITH_YEAR = re.compile(r"(.*\D)((?:19|20)\d\d)\W*")
# 1.234,5 and 12,5: a comma for the decimal point, a point between thousands.
_COMMA = r"[-+]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?\s*%?"


@dataclass(frozen=True)
class Table:
    """What was read: `cell` in the connection has one row per filled cell; names as the header spells them."""

    file: str
    form: str
    subject: str
    period: str | None
    unused: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read(con: duckdb.DuckDBPyConnection, path: Path, scheme: Scheme, columns: Sequence[str]) -> Table:
    """Make table cell(row, col, subject, period, key, text) from the file; `columns` are the indicators' names.

    Raises:
        ConfigError: not a readable table, no column of the scheme in it, or a subject given twice.
    """
    if not path.is_file():
        raise ConfigError(f"数据文件 {path.name}", "没有这个文件", "请检查路径")
    known = {squeezed(name) for name in columns}
    usual = known | {*PERIOD, *INDICATOR, *VALUE, *map(squeezed, scheme.period)}
    about = {*SUBJECT, *map(squeezed, scheme.subject)} - known

    def met(name: str) -> int:
        key = squeezed(name)
        return 2 if key in about else int(key in usual or _of_year(name, known) is not None)

    text = files.read(path, met)
    con.register("source_table", text.table)
    con.execute("CREATE OR REPLACE TEMP TABLE source AS SELECT * FROM source_table")
    con.unregister("source_table")
    names = [row[0] for row in con.execute("DESCRIBE source").fetchall() if row[0] != "_row"]
    names = _other_base_year(con, names, columns, known)
    table = _unpivot(con, path.name, names, scheme, known)
    if text.commas and _decimal_commas(con):
        text.notes.append("小数点写作逗号，已按小数点读")
    return replace(table, notes=tuple(text.notes))


def _of_year(name: str, known: set[str]) -> tuple[str, str] | None:
    """Indicator and year of a column such as life_expectancy_2021 whose name without the year is known."""
    found = _WITH_YEAR.fullmatch(name)
    key = squeezed(found[1]) if found else ""
    return (key, found[2]) if found and key in known and squeezed(name) not in known else None


def _decimal_commas(con: duckdb.DuckDBPyConnection) -> bool:
    """Write commas as points in every cell, when some can be nothing else and no cell has a decimal point."""
    number = f"regexp_full_match(trim(text), '{_COMMA}')"
    found = con.execute(
        rf"""SELECT bool_or({number} AND contains(text, ',') AND NOT regexp_full_match(trim(text), '[-+]?[1-9]\d{{0,2}}(,\d{{3}})+')),
          bool_or(regexp_full_match(trim(text), '[-+]?\d*\.\d+\s*%?') AND NOT {number}) FROM cell"""
    ).fetchone()
    if not found or not found[0] or found[1]:
        return False
    con.execute(f"UPDATE cell SET text = replace(replace(text, '.', ''), ',', '.') WHERE {number}")
    return True


def _other_base_year(
    con: duckdb.DuckDBPyConnection, names: list[str], columns: Sequence[str], known: set[str]
) -> list[str]:
    """The header with a known name where only the year in its brackets differs: (2011 PPP $) for (2017 PPP $)."""
    base = {_yearless(name): name for name in columns if _yearless(name) != squeezed(name)}
    alike = [_yearless(name) for name in names]
    renamed = []
    for name, key in zip(names, alike, strict=True):
        meant = base[key] if squeezed(name) not in known and key in base and alike.count(key) == 1 else name
        if meant != name:
            con.execute(f"ALTER TABLE source RENAME COLUMN {_q(name)} TO {_q(meant)}")
        renamed.append(meant)
    return renamed


def _yearless(name: str) -> str:
    return squeezed(re.sub(r"\(([^()]*)\b(?:19|20)\d\d\b([^()]*)\)", r"(\1\2)", name))


def _unpivot(
    con: duckdb.DuckDBPyConnection, file: str, names: list[str], scheme: Scheme, known: set[str]
) -> Table:  # fmt: skip
    by_key = {squeezed(name): name for name in reversed(names)}

    def find(declared: Sequence[str], usual: Sequence[str], what: str) -> str | None:
        for name in declared:
            if squeezed(name) in by_key:
                return by_key[squeezed(name)]
        if declared:
            raise ConfigError(f"{file}：表头", f"没有{what}列 '{declared[0]}'", nearest(declared[0], names))
        return next((by_key[key] for key in usual if key in by_key and key not in known), None)

    indicators = [by_key[key] for key in INDICATOR if key in by_key and key not in known]
    years = [name for name in names if files.YEAR.fullmatch(squeezed(name))]
    value = find((), VALUE, "数值")
    period = find(scheme.period, PERIOD, "期次")
    subject = find(scheme.subject, SUBJECT, "对象")
    taken = {*indicators, *([value] if value else []), *([period] if period else [])}
    if subject is None:
        rest = [name for name in names if name not in taken and squeezed(name) not in known]
        if not rest:
            raise ConfigError(f"{file}：表头", "没有对象列", "请加一列 subject，或在方案里写 data: {subject: 列名}")
        subject = rest[0]
    who = f"trim({_q(subject)}) AS subject"
    when = f"{f'trim({_q(period)})' if period else 'NULL::VARCHAR'} AS period"
    base = f"{who}, {when}"
    used: set[str] = {subject, *taken}
    if indicators and (value or years):
        key = f"coalesce({', '.join(_q(name) for name in indicators)})"
        matched = " ".join(f"WHEN {_q(n)} IN (SELECT text FROM known_text) THEN {_q(n)}" for n in indicators)
        _note_known(con, indicators, known)
        key = f"CASE {matched} ELSE {key} END"
        if value:
            form, rows = "long", f"SELECT _row, {_s(value)} AS col, {base}, {key} AS key, {_q(value)} AS text FROM source"  # fmt: skip
        else:
            form, used = "years", used | set(years)
            rows = (
                f"SELECT _row, col, subject, regexp_extract(col, '(19|20)\\d\\d') AS period, key, text FROM "
                f"(UNPIVOT (SELECT _row, {who}, {key} AS key, {', '.join(map(_q, years))} FROM source) "
                f"ON {', '.join(map(_q, years))} INTO NAME col VALUE text)"
            )
        extra = [name for name in names if name not in used]
        _reference_columns(con, scheme, file, extra, base, key)
        used |= set(extra)
    elif (across := _across(con, names, indicators, known)) is not None:
        form, subject = "across", across
        subjects = [name for name in names if name not in {across, period, *indicators}]
        used = set(names)
        rows = (
            f"SELECT _row, col, trim(col) AS subject, period, key, text FROM (UNPIVOT (SELECT _row, {when}, {_q(across)} AS key, "
            f"{', '.join(map(_q, subjects))} FROM source) ON {', '.join(map(_q, subjects))} INTO NAME col VALUE text) WHERE key IN (SELECT text FROM known_text)"
        )
    else:
        form = "wide"
        matching = [name for name in names if squeezed(name) in known and name not in (subject, period)]
        dated = {name: of for name in names if (of := _of_year(name, known))}
        if not matching and dated and period is None:
            matching = list(dated)
        elif not matching:
            raise ConfigError(
                f"{file}：表头", "没有一列是方案里的指标", f"文件有：{'、'.join(names[:12])}；{_nearest(names, known)}"
            )
        used |= set(matching)
        listed = ", ".join(map(_q, matching))
        at, key = "period", "col"
        if matching[0] in dated:
            key, at = (
                f"CASE col {' '.join(f'WHEN {_s(n)} THEN {_s(dated[n][i])}' for n in matching)} END" for i in (0, 1)
            )
        rows = (
            f"SELECT _row, col, subject, {at} AS period, {key} AS key, text FROM (UNPIVOT (SELECT _row, {base}, {listed} FROM source) "
            f"ON {listed} INTO NAME col VALUE text)"
        )
    con.execute(f"CREATE OR REPLACE TEMP TABLE cell AS {rows}")
    con.execute("DELETE FROM cell WHERE subject IS NULL OR subject = '' OR trim(coalesce(text, '')) = ''")
    _refuse_twice(con, file)
    return Table(file, form, subject, period, tuple(n for n in names if n not in used))


def _across(con: duckdb.DuckDBPyConnection, names: list[str], indicators: list[str], known: set[str]) -> str | None:
    """The column that names the scheme's indicators down the page, where no column is one of them; known_text is made."""
    if any(squeezed(name) in known or _of_year(name, known) for name in names):
        return None
    for name in [*indicators, *(names[:1] if names[0] not in indicators else [])]:
        _note_known(con, [name], known)
        found = con.execute("SELECT count(DISTINCT text) FROM known_text").fetchone()
        if found and found[0] >= (1 if name in indicators else 2):
            return name
    return None


def _note_known(con: duckdb.DuckDBPyConnection, indicators: list[str], known: set[str]) -> None:
    """Table known_text(text): spellings in the indicator columns that name an indicator of the scheme."""
    every = " UNION ".join(f"SELECT {_q(name)} FROM source" for name in indicators)
    texts = [row[0] for row in con.execute(every).fetchall() if row[0] is not None and squeezed(row[0]) in known]
    con.execute("CREATE OR REPLACE TEMP TABLE known_text AS SELECT unnest($1::VARCHAR[]) AS text", [texts])


def _reference_columns(
    con: duckdb.DuckDBPyConnection, scheme: Scheme, file: str, extra: list[str], base: str, key: str
) -> None:
    """Table line(subject, period, key, col, text): what flags compare with, from columns beside the value."""
    wanted = [flag.of for flag in scheme.flags if flag.kind == "column"]
    parts = []
    for name in wanted:
        column = next((n for n in extra if squeezed(n) == squeezed(name)), None)
        if column is None:
            raise ConfigError(f"{file}：表头", f"没有 flags 里要比的列 '{name}'", nearest(name, extra))
        parts.append(f"SELECT {base}, {key} AS key, {_s(name)} AS col, {_q(column)} AS text FROM source")
    if parts:
        con.execute(f"CREATE OR REPLACE TEMP TABLE line AS {' UNION ALL '.join(parts)}")


def _refuse_twice(con: duckdb.DuckDBPyConnection, file: str) -> None:
    twice = con.execute(
        "SELECT subject, period, key, any_value(col), list_sort(list(_row)) FROM cell "
        "GROUP BY subject, period, key HAVING count(*) > 1 ORDER BY min(_row) LIMIT 5"
    ).fetchall()
    if twice:
        raise ConfigErrors(
            ConfigError(
                f"{file}：第 {'、'.join(map(str, rows[:4]))} 行：{col}",
                f"'{subject}'{f' {period}' if period else ''} 的 '{key}' 给了 {len(rows)} 次",
                "每个对象每期每个指标只能有一行；多年的数据请加期次列",
            )
            for subject, period, key, col, rows in twice
        )


def _nearest(names: Sequence[str], known: set[str]) -> str:
    return next((cure for name in names if (cure := nearest(squeezed(name), known)).startswith("是否")), "列名须是指标的 id、title 或 columns")  # fmt: skip


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _s(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
