"""`hub publication …` and `hub prove`: figures given out by two people, computed again and opened at any time."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import output
from hub.help import Command, Group
from hub.output import UsageError
from schemas.errors import HubError

if TYPE_CHECKING:
    import psycopg

app = typer.Typer(
    cls=Group, help="发布：把一个视图的结果固定下来，一人提出、另一人批准，随时可复核。", no_args_is_help=True, rich_markup_mode=None
)  # fmt: skip
Number = Annotated[int, typer.Argument(metavar="编号", help="发布编号，见 hub publication list")]
By = Annotated[str, typer.Option("--by", metavar="姓名", help="经办人")]
Format = Annotated[str, typer.Option("--output", "-o", metavar="table|json", help="输出格式，默认 table")]
_STATES = {"proposed": "待批准", "approved": "已批准", "rejected": "已退回"}


@app.command(cls=Command)
def propose(
    view: Annotated[str, typer.Argument(metavar="视图", help="如 indicator_overview")],
    by: By,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="日期", help="数据截至哪天，默认看板最近一次核算的数据日")
    ] = None,
    note: Annotated[str, typer.Option("--note", metavar="文字", help="用途，如 县长办公会材料")] = "",
) -> None:
    """提出发布：按截至日核算视图，连同口径、版本、行指纹和每一行存下，等另一人批准。

    示例：hub publication propose indicator_overview --as-of 2026-03-31 --by 王某
    """
    from views import publication

    given = None if as_of is None else _day(as_of)
    with connect() as connection:
        day = given or publication.latest(connection, view) or _today()
        number = publication.propose(connection, view, day, by=by, note=note)
        found = publication.get(connection, number)
    output.say(
        f"发布 {number}：{found['title']}，截至 {day}，{output.thousands(found['row_count'])} 行，待另一人批准", "ok"
    )
    output.result(str(number))


@app.command(cls=Command)
def approve(
    number: Number,
    by: By,
    reject: Annotated[bool, typer.Option("--reject", help="退回而不是批准")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="文字", help="理由")] = "",
) -> None:
    """批准（或退回）一项发布：不能是提出人；批准前先重新核算，一致才行。

    示例：hub publication approve 3 --by 李某
    """
    from views import publication

    with connect() as connection:
        publication.decide(connection, number, by=by, approve=not reject, reason=reason)
    output.say(f"发布 {number} {'已退回' if reject else '已批准'}", "ok")


@app.command("list", cls=Command)
def list_(format: Format = "table") -> None:
    """列出各项发布，新的在前。

    示例：hub publication list
    """
    from views import publication

    output.one_of("-o", format, ("table", "json"))
    with connect() as connection:
        found = publication.listed(connection)
    if format == "json":
        output.write_json(found)
        return
    output.table(
        ("编号", "视图", "名称", "截至", "行数", "状态", "提出", "批准"),
        ([p["publication_id"], p["view"], p["title"], p["as_of"], p["row_count"], _STATES[p["state"]], p["proposed_by"], p["decided_by"]] for p in found),
        right={"编号", "行数"},
    )  # fmt: skip


@app.command(cls=Command)
def show(number: Number, format: Format = "table") -> None:
    """一项发布的每一行，连同行号；行号给 hub prove --row 用。

    示例：hub publication show 3
    """
    from views import publication

    output.one_of("-o", format, ("table", "json"))
    with connect() as connection:
        found = publication.get(connection, number)
        rows = publication.rows(connection, number)
    if format == "json":
        output.write_json([{"row": row_no, **row} for row_no, row in rows])
        return
    output.result(f"发布 {number}：{found['title']}   截至 {found['as_of']}   {_STATES[found['state']]}   行指纹 {found['row_hash'][:16]}")  # fmt: skip
    names = [c["name"] for c in found["columns"]]
    output.table(["行号", *names], ([row_no, *(row[name] for name in names)] for row_no, row in rows), right={"行号"})


def prove(
    number: Number,
    row: Annotated[int | None, typer.Option("--row", metavar="行号", min=1, help="打开这一行，见 hub publication show")] = None,
    column: Annotated[str | None, typer.Option("--column", "-c", metavar="列", help="只看这一列由哪些源记录得来")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="条数", min=1, help="最多列出几条源记录")] = 200,
    format: Annotated[str, typer.Option("--output", "-o", metavar="table|csv|json", help="输出格式，默认 table")] = "table",
) -> None:  # fmt: skip
    """复核一项发布：按当时的口径、当时所知的数据重新核算并比对；--row 打开到源记录：批次、文件和行，或表和主键。

    数据后来更正过也一样。不一致时退出码为 1。

    示例：
      hub prove 3
      hub prove 3 --row 2 --column level2_below_70
    """
    from views import publication, trace

    output.one_of("-o", format, ("table", "csv", "json"))
    if column is not None and row is None:
        raise UsageError("--column", "要和 --row 一起用", "例如 --row 2 --column score")
    with connect() as connection:
        proof = publication.prove(connection, number)
        found = proof.publication
        if row is None:
            _tell(proof, format)
            raise typer.Exit(0 if proof.same else 1)
        stored = connection.execute(
            "SELECT row::text FROM hub.publication_row WHERE publication_id = %s AND row_no = %s", [number, row]
        ).fetchone()
        connection.commit()
        if stored is None:
            raise HubError(f"发布 {number}", f"没有第 {row} 行", f"共 {found['row_count']} 行")
        opened = trace.open_figure(connection, publication.kept(found), found["view"], stored[0], column, limit)
    if format == "json":
        output.write_json(opened.rows)
    elif format == "csv":
        output.write_csv(opened.columns, (list(r.values()) for r in opened.rows))
    else:
        output.result(f"发布 {number} 第 {row} 行：{_brief(json.loads(stored[0]), column)}")
        output.table(
            ("数据集", "主键", "来源", "批次", "文件或表", "工作表", "行", "入库时间"),
            ([r["dataset"], r["source_pk"], r["title"], r["batch_id"], r["delivery"], r["source_sheet"], r["source_row"], r["committed_at"]] for r in opened.rows),
            right={"批次", "行"},
        )  # fmt: skip
    output.say(f"共 {output.thousands(opened.total)} 条源记录" + (f"，列出前 {limit} 条" if opened.total > limit else ""), "note")  # fmt: skip
    if not proof.same:
        output.say(f"发布 {number} 重新核算与当时不一致", "fail")
        raise typer.Exit(1)


def _tell(proof: Any, format: str) -> None:
    found = proof.publication
    if format == "json":
        told = {k: found[k] for k in ("publication_id", "view", "title", "as_of", "known_at", "state", "row_count", "row_hash", "view_version", "contract_versions")}  # fmt: skip
        output.write_json(
            [told | {"same": proof.same, "row_hash_now": proof.row_hash, "view_changed": proof.view_changed}]
        )
        return
    known = found["known_at"].astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
    output.result(f"发布 {found['publication_id']}：{found['title']}（{found['view']}）   {_STATES[found['state']]}")
    output.result(f"截至 {found['as_of']}，所知时点 {known}，{output.thousands(found['row_count'])} 行")
    output.result(f"当时的行指纹 {found['row_hash']}")
    output.result(f"现在的行指纹 {proof.row_hash}")
    output.say("重新核算与当时逐行一致" if proof.same else f"不一致：少 {len(proof.missing)} 行，多 {len(proof.added)} 行（各最多数 20）", "ok" if proof.same else "fail")  # fmt: skip
    if proof.view_changed:
        output.say("视图的口径后来改过；这里按当时的口径核算", "note")


def _brief(row: dict[str, Any], column: str | None) -> str:
    shown = {k: v for k, v in row.items() if v is not None}
    told = "，".join(f"{k}={v}" for k, v in list(shown.items())[:8])
    return f"{column}={row.get(column)}   （{told}）" if column else told


def _today() -> date:
    from warehouse.history import COUNTY_TIME

    return datetime.now(COUNTY_TIME).date()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError("--as-of", f"'{text}' 不是日期", "例如 2026-03-31") from error


def connect() -> psycopg.Connection[Any]:
    """A connection to the warehouse.

    Raises:
        WarehouseUnavailable: it does not answer.
    """
    import psycopg

    from hub.setup import home
    from schemas.errors import WarehouseUnavailable

    try:
        return psycopg.connect(home().database_url, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise WarehouseUnavailable("共享库", "连接不上", "请运行 hub doctor 检查") from error
