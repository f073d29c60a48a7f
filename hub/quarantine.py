"""`hub quarantine …`: the refused rows, each with its reasons and the place it came from."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import output
from hub.help import Command, Group
from hub.output import UsageError
from schemas.errors import HubError, nearest
from schemas.identifiers import COUNTY_TIME
from warehouse.workbook import place, reasons

if TYPE_CHECKING:
    import psycopg

app = typer.Typer(cls=Group, help="隔离区：没有通过质检的行，原因和出处。", no_args_is_help=True, rich_markup_mode=None)
ByConnector = Annotated[
    str | None, typer.Option("--connector", "-c", metavar="编号", help="只看这个连接器（可带 * ?）")
]
ByRule = Annotated[str | None, typer.Option("--rule", "-r", metavar="规则", help="只看触犯这条规则的")]
Resolved = Annotated[bool, typer.Option("--all", help="连同已更正、已撤回的")]

_SELECT = """
SELECT q.quarantine_id AS id, s.connector, s.dataset, q.delivery, q.sheet, q.row_number AS row, q.row_key AS key, q.rules,
  q.reasons, q.raw, q.batch_id, q.first_seen_at, q.resolution
FROM hub.quarantine q JOIN hub.source s USING (source_id)
"""
_FILTER = """
WHERE (%(connector)s::text IS NULL OR s.connector LIKE %(connector)s) AND (%(rule)s::text IS NULL OR %(rule)s = ANY (q.rules))
  AND (%(all)s OR q.resolved_at IS NULL)
"""
_STATE = {None: "待处理", "corrected": "已更正", "withdrawn": "已撤回"}
# Excel runs a CSV cell that starts with one of these as a formula; a citizen's text must not.
_FORMULA = ("=", "+", "@", "\t", "-")


@app.command("list", cls=Command)
def list_(
    connector: ByConnector = None,
    rule: ByRule = None,
    all: Resolved = False,
    limit: Annotated[int, typer.Option(metavar="行数", min=0, help="最多几行，0 为全部，默认 50")] = 50,
    format: Annotated[
        str, typer.Option("--output", "-o", metavar="table|json|csv", help="输出格式，默认 table")
    ] = "table",
) -> None:
    """列出隔离的行，新的在前。

    示例：
      hub quarantine list
      hub quarantine list --connector "tax/*" --rule uscc
    """
    output.one_of("-o", format, ("table", "json", "csv"))
    with connect() as connection:
        wanted = _wanted(connection, connector, rule, all)
        total = connection.execute(
            f"SELECT count(*) FROM hub.quarantine q JOIN hub.source s USING (source_id) {_FILTER}", wanted
        ).fetchone()["count"]  # type: ignore[index]
        rows = connection.execute(
            f"{_SELECT} {_FILTER} ORDER BY q.quarantine_id DESC LIMIT {limit or 'ALL'}", wanted
        ).fetchall()
    found = [
        {
            "id": r["id"],
            "connector": r["connector"],
            "source": place(r),
            "rules": r["rules"],
            "reason": reasons(r),
            "state": _STATE[r["resolution"]],
        }
        for r in rows
    ]
    titles = ("编号", "连接器", "出处", "规则", "原因", "状态")
    if format == "json":
        output.write_json(found)
    elif format == "csv":
        output.write_csv(titles, ([safe(output.shown(v)) for v in _line(row)] for row in found))
    else:
        output.table(titles, (_line(row) for row in found), right={"编号"})
    output.say(f"共 {output.thousands(total)} 行" + (f"，显示 {len(found)} 行" if len(found) < total else ""), "note")


def _line(row: dict[str, Any]) -> list[Any]:
    return [row["id"], row["connector"], row["source"], "、".join(row["rules"]), row["reason"], row["state"]]


@app.command(cls=Command)
def show(
    id: Annotated[int, typer.Argument(metavar="编号", help="隔离行编号，见 hub quarantine list")],
    format: Annotated[str, typer.Option("--output", "-o", metavar="table|json", help="输出格式，默认 table")] = "table",
) -> None:
    """一行的全部细节：文件、工作表、行号或主键，每个问题字段的值、规则、原因，以及整行原始数据。

    示例：hub quarantine show 42
    """
    output.one_of("-o", format, ("table", "json"))
    with connect() as connection:
        row = connection.execute(f"{_SELECT} WHERE q.quarantine_id = %s", [id]).fetchone()
    if row is None:
        raise UsageError(f"隔离行 {id}", "没有这个编号", "用 hub quarantine list 查看")
    if format == "json":
        output.write_json([row])
        return
    first_seen = row["first_seen_at"].astimezone(COUNTY_TIME).strftime("%Y-%m-%d %H:%M:%S")
    output.result(f"编号     {row['id']}（{_STATE[row['resolution']]}，首次出现 {first_seen}）")
    output.result(f"连接器   {row['connector']} → {row['dataset']}，批次 {row['batch_id']}")
    output.result(f"出处     {place(row)}")
    output.result("")
    output.table(
        ("字段", "名称", "值", "规则", "原因"),
        ([r.get(k) for k in ("field", "title", "value", "rule", "reason")] for r in row["reasons"]),
    )
    output.result("\n原始数据")
    for name, value in row["raw"].items():
        output.result(f"  {name}：{output.shown(value)}")


@app.command(cls=Command)
def export(
    file: Annotated[Path, typer.Argument(metavar="文件", help=".xlsx 或 .csv")],
    connector: ByConnector = None,
    rule: ByRule = None,
    all: Resolved = False,
) -> None:
    """导出隔离行给来源单位改正：原文件名、工作表、行号、字段、值、原因，附整行原始数据。代码一律按文本写。

    示例：hub quarantine export 税务退回.xlsx --connector "tax/*"
    """
    kind = file.suffix.lower()
    if kind not in {".xlsx", ".csv"}:
        raise UsageError(str(file), "只能导出 .xlsx 或 .csv", "例如 hub quarantine export 退回.xlsx")
    with connect() as connection:
        wanted = _wanted(connection, connector, rule, all)
        cursor = connection.cursor("quarantine")
        cursor.execute(
            f"{_SELECT} {_FILTER} ORDER BY s.connector, q.delivery, q.sheet, q.row_number, q.quarantine_id", wanted
        )
        part = file.with_name(f".{file.name}.part")
        try:
            rows = (_xlsx if kind == ".xlsx" else _csv)(part, iter(cursor))
            part.replace(file)
        except OSError as error:
            raise UsageError(str(file), f"写不进去（{error.strerror}）", "请换一个可写的位置") from error
        finally:
            part.unlink(missing_ok=True)
    output.say(f"已导出 {output.thousands(rows)} 行到 {file}", "ok")


_EXPORTED = (
    "编号",
    "连接器",
    "出处",
    "文件或表",
    "工作表",
    "行号",
    "主键",
    "问题字段",
    "问题值",
    "规则",
    "原因",
    "状态",
)


def _cells(row: dict[str, Any]) -> list[Any]:
    found = row["reasons"]
    texts = [
        "；".join(dict.fromkeys(output.shown(r.get(key)) for r in found if r.get(key)))
        for key in ("title", "value", "rule", "reason")
    ]
    return [
        row["id"],
        row["connector"],
        place(row),
        row["delivery"],
        row["sheet"],
        row["row"],
        row["key"],
        *texts,
        _STATE[row["resolution"]],
    ]


def _csv(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*_EXPORTED, "原始数据"])
        for row in rows:
            raw = json.dumps(row["raw"], ensure_ascii=False)
            writer.writerow([safe(output.shown(value)) for value in [*_cells(row), raw]])
            count += 1
    return count


def _xlsx(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    """One sheet per connector, so that the source's own columns stand behind the reasons."""
    import xlsxwriter  # type: ignore[import-untyped]

    count = 0
    sheets: dict[str, tuple[Any, dict[str, int], int]] = {}
    with xlsxwriter.Workbook(
        path, {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    ) as book:
        head, text = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "@"})
        for row in rows:
            if row["connector"] not in sheets:
                sheets[row["connector"]] = (book.add_worksheet(_sheet_name(row["connector"], len(sheets))), {}, 1)
            sheet, columns, at = sheets[row["connector"]]
            cells = dict(zip(_EXPORTED, _cells(row), strict=True)) | {f"原始·{k}": v for k, v in row["raw"].items()}
            for name, value in cells.items():
                if name not in columns:
                    columns[name] = len(columns)
                    sheet.write_string(0, columns[name], name, head)
                sheet.write_string(at, columns[name], output.shown(value), text)
            sheets[row["connector"]] = (sheet, columns, at + 1)
            count += 1
        for sheet, columns, _ in sheets.values():
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, len(columns), 16)
            sheet.set_column(columns["原因"], columns["原因"], 48)
        if not sheets:
            book.add_worksheet("隔离区").write_row(0, 0, _EXPORTED, head)
    return count


def _sheet_name(connector: str, number: int) -> str:
    # Excel allows 31 characters and no slash; the number keeps shortened names apart.
    return f"{number + 1} {connector.replace('/', '·')}"[:31]


def safe(cell: str) -> str:
    """The cell as text for Excel: one that would run as a formula gets an apostrophe before it."""
    if not cell.startswith(_FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return "'" + cell
    return cell


def connect() -> psycopg.Connection[dict[str, Any]]:
    """The warehouse, answering in dictionaries.

    Raises:
        HubError: it cannot be reached, or has no tables yet.
    """
    import psycopg
    from psycopg.rows import dict_row

    from hub.setup import home

    try:
        connection = psycopg.connect(home().database_url, row_factory=dict_row, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise HubError("共享库", "连接不上", "请运行 hub doctor 检查") from error
    if connection.execute("SELECT to_regclass('hub.quarantine') AS found").fetchone()["found"] is None:  # type: ignore[index]
        connection.close()
        raise HubError("共享库", "还没有建库表", "请先运行 hub init")
    return connection


def _wanted(
    connection: psycopg.Connection[dict[str, Any]], connector: str | None, rule: str | None, all: bool
) -> dict[str, Any]:
    """The filter's values.

    Raises:
        UsageError: no source has that name, or no row ever broke that rule.
    """
    pattern = None
    if connector is not None:
        pattern = (
            connector.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%").replace("?", "_")
        )
        known = [r["connector"] for r in connection.execute("SELECT connector FROM hub.source")]
        if not connection.execute("SELECT 1 FROM hub.source WHERE connector LIKE %s", [pattern]).fetchone():
            raise UsageError(f"--connector {connector}", "没有来过数据的连接器叫这个", nearest(connector, known))
    if rule is not None:
        known = [r["rule"] for r in connection.execute("SELECT DISTINCT unnest(rules) AS rule FROM hub.quarantine")]
        if rule not in known:
            raise UsageError(f"--rule {rule}", "没有行触犯这条规则", nearest(rule, known))
    return {"connector": pattern, "rule": rule, "all": all}
