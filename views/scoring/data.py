"""The table to score, read from CSV, workbook or Parquet into one long table of cells.

    long   对象 | 指标 | 值 [| 年度]           one row per subject and indicator
    wide   对象 [| 年度] | 指标1 | 指标2 …      one row per subject
    years  对象 | 指标 | 2019 | 2020 …         one row per subject and indicator, a column per year

Every cell stays text with the row it stands in, so that an error can name file, row and column.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import ConfigError, ConfigErrors, nearest
from views.scoring.keys import squeezed

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from views.scoring.scheme import Scheme

SUBJECT = (
    "subject", "对象", "评价对象", "参评单位", "地区", "区县", "县区", "县市区", "区划", "economy", "country", "countryname",
    "location", "region", "name", "名称", "单位",
)  # fmt: skip
PERIOD = ("period", "年度", "年份", "期次", "周期", "year", "dbyear", "reportyear")
INDICATOR = ("indicator", "指标", "指标编号", "指标编码", "指标名称", "indicatorname", "indicatorcode", "indicatorid", "seriesname", "seriescode")  # fmt: skip
VALUE = ("value", "值", "数值", "原始值", "得分", "score", "rawvalue", "obsvalue")
_YEAR = re.compile(r"(?:yr)?(?:19|20)\d\d(?:yr(?:19|20)\d\d)?")
_HEAD = 40
_DELIMITERS = ",\t;|"


@dataclass(frozen=True)
class Table:
    """What was read: `cell` in the connection has one row per filled cell; names as the header spells them."""

    file: str
    form: str
    subject: str
    period: str | None
    unused: tuple[str, ...]


def read(con: duckdb.DuckDBPyConnection, path: Path, scheme: Scheme, columns: Sequence[str]) -> Table:
    """Make table cell(row, col, subject, period, key, text) from the file; `columns` are the indicators' names.

    Raises:
        ConfigError: not a readable table, no column of the scheme in it, or a subject given twice.
    """
    if not path.is_file():
        raise ConfigError(f"数据文件 {path.name}", "没有这个文件", "请检查路径")
    known = {squeezed(name) for name in columns}
    wanted = known | {*SUBJECT, *PERIOD, *INDICATOR, *VALUE, *map(squeezed, (*scheme.subject, *scheme.period))}
    con.register("source_table", _arrow(path, wanted))
    con.execute("CREATE OR REPLACE TEMP TABLE source AS SELECT * FROM source_table")
    con.unregister("source_table")
    names = [row[0] for row in con.execute("DESCRIBE source").fetchall() if row[0] != "_row"]
    names = _other_base_year(con, names, columns, known)
    return _unpivot(con, path.name, names, scheme, known)


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
    years = [name for name in names if _YEAR.fullmatch(squeezed(name))]
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
    base = f"{who}, {f'trim({_q(period)})' if period else 'NULL::VARCHAR'} AS period"
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
    else:
        form = "wide"
        matching = [name for name in names if squeezed(name) in known and name not in (subject, period)]
        if not matching:
            raise ConfigError(
                f"{file}：表头", "没有一列是方案里的指标", f"文件有：{'、'.join(names[:12])}；{_nearest(names, known)}"
            )
        used |= set(matching)
        listed = ", ".join(map(_q, matching))
        rows = (
            f"SELECT _row, col, subject, period, col AS key, text FROM (UNPIVOT (SELECT _row, {base}, {listed} FROM source) "
            f"ON {listed} INTO NAME col VALUE text)"
        )
    con.execute(f"CREATE OR REPLACE TEMP TABLE cell AS {rows}")
    con.execute("DELETE FROM cell WHERE subject IS NULL OR subject = '' OR trim(coalesce(text, '')) = ''")
    _refuse_twice(con, file)
    return Table(file, form, subject, period, tuple(n for n in names if n not in used))


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


def _arrow(path: Path, wanted: set[str]) -> pa.Table:
    """The file as text columns and `_row`, the row as a person counts it."""
    kind = path.suffix.lower()
    if kind in {".xlsx", ".xlsm", ".xls", ".ods"}:
        return _workbook(path, wanted)
    if kind in {".parquet", ".pq"}:
        return _parquet(path)
    return _delimited(path, wanted)


def _parquet(path: Path) -> pa.Table:
    import duckdb
    import pyarrow as pa

    try:
        with duckdb.connect() as con:
            found = con.read_parquet(str(path)).project("COLUMNS(*)::VARCHAR").to_arrow_table()
    except duckdb.Error as error:
        raise ConfigError(path.name, "不是可读的 Parquet 文件", "请重新导出") from error
    return found.append_column("_row", pa.array(range(1, found.num_rows + 1), pa.int32()))


def _workbook(path: Path, wanted: set[str]) -> pa.Table:
    import python_calamine as calamine

    from connectors.workbook import spelled

    try:
        with calamine.CalamineWorkbook.from_path(str(path)) as book:
            best: tuple[int, list[list[Any]], int] | None = None
            for meta in book.sheets_metadata:
                if meta.visible != calamine.SheetVisibleEnum.Visible:
                    continue
                rows = book.get_sheet_by_name(meta.name).to_python(skip_empty_area=False)
                at, hits = _header([[str(c) for c in row] for row in rows[:_HEAD]], wanted)
                if rows and (best is None or hits > best[0]):
                    best = (hits, rows, at)
    except calamine.CalamineError as error:
        raise ConfigError(path.name, "工作簿打不开", "请检查文件是否完整、有没有密码") from error
    if best is None:
        raise ConfigError(path.name, "没有可见的、有内容的工作表", "请检查文件")
    _, rows, at = best
    texts = [[spelled(cell) for cell in row] for row in rows[at + 1 :]]
    return _columns([str(cell) for cell in rows[at]], texts, at)


def _delimited(path: Path, wanted: set[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    text = _decoded(path)
    head = text.splitlines()[:_HEAD]
    if not head:
        raise ConfigError(path.name, "文件是空的", "请检查文件")
    # The delimiter is the one that gives the header most known names, then most columns.
    candidates = []
    for delimiter in _DELIMITERS:
        rows = list(csv.reader(head, delimiter=delimiter))
        at, hits = _header(rows, wanted)
        candidates.append((hits, len(rows[at]) if rows else 0, delimiter, at, rows))
    hits, _, delimiter, at, rows = max(candidates, key=lambda found: found[:2])
    names = _distinct(rows[at])
    skipped = at if len(rows) == len(head) else _line_of(head, delimiter, at)
    lines = text.splitlines(keepends=True)[skipped + 1 :]
    torn: list[str] = []
    notes: list[int] = []

    def refuse(row: arrow_csv.InvalidRow) -> str:
        number = row.number or 0
        # A line with words in its first cell only is a note, like the source line under a downloaded table.
        if row.actual_columns < row.expected_columns and not (row.text or "").strip(delimiter + " ").count(delimiter):
            notes.append(number)
        else:
            torn.append(f"第 {number + skipped + 1} 行有 {row.actual_columns} 列，表头有 {row.expected_columns} 列")
        return "skip"

    try:
        found = arrow_csv.read_csv(
            io.BytesIO("".join(lines).rstrip("\r\n").encode() + b"\n"),
            read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=1 << 26),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=refuse
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
    except pa.ArrowInvalid as error:
        raise ConfigError(
            path.name, "CSV 读不懂（引号不成对，或没有数据行）", "请用 Excel 打开另存为 CSV 再试"
        ) from error
    if torn:
        raise ConfigErrors([ConfigError(path.name, what, "请检查这一行多余的逗号或引号") for what in torn[:5]])
    left = set(notes)
    numbers = [n + skipped + 1 for n in range(1, found.num_rows + len(left) + 1) if n not in left]
    return found.append_column("_row", pa.array(numbers, pa.int32()))


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    for codec in ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    raise ConfigError(path.name, "既不是 UTF-8 也不是 GB18030 编码", "请另存为 UTF-8 的 CSV")


def _header(rows: Sequence[Sequence[str]], wanted: set[str]) -> tuple[int, int]:
    """Which row is the header: the first with the most known names, at least two; otherwise the first row."""
    hits = [sum(squeezed(cell) in wanted or bool(_YEAR.fullmatch(squeezed(cell))) for cell in row) for row in rows]
    most = max(hits, default=0)
    return (hits.index(most), most) if most >= 2 else (0, most)


def _line_of(head: list[str], delimiter: str, at: int) -> int:
    reader = csv.reader(head, delimiter=delimiter)
    for number, _ in enumerate(reader):
        if number == at:
            return reader.line_num - 1
    return at


def _columns(header: list[str], rows: list[list[str]], at: int) -> pa.Table:
    import pyarrow as pa

    names = _distinct(header)
    turned = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    arrays = [pa.array([v if v != "" else None for v in column], pa.string()) for column in turned]
    return pa.table([*arrays, pa.array(range(at + 2, at + 2 + len(rows)), pa.int32())], names=[*names, "_row"])


def _distinct(header: Sequence[str]) -> list[str]:
    """Header cells as names: blanks numbered, later ones of the same name (in any case of letters) too."""
    names: list[str] = []
    seen = {"_row"}
    for number, cell in enumerate(header, 1):
        name = re.sub(r"\s+", " ", cell.replace("\ufeff", "")).strip() or f"第{number}列"
        while name.lower() in seen:
            name += f"#{number}"
        seen.add(name.lower())
        names.append(name)
    return names


def _nearest(names: Sequence[str], known: set[str]) -> str:
    return next((cure for name in names if (cure := nearest(squeezed(name), known)).startswith("是否")), "列名须是指标的 id、title 或 columns")  # fmt: skip


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _s(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
