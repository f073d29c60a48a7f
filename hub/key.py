"""`hub key …`: the county's key under personal numbers."""

from __future__ import annotations

from typing import Annotated

import typer

from hub import output
from hub.help import Command, Group
from hub.publication import connect

app = typer.Typer(cls=Group, help="县密钥：个人号码的指纹用它算。", no_args_is_help=True, rich_markup_mode=None)


@app.command(cls=Command)
def rotate(
    by: Annotated[str, typer.Option("--by", metavar="姓名", help="谁换的")],
    reason: Annotated[str, typer.Option("--reason", metavar="文字", help="为什么换")],
) -> None:
    """更换县密钥：库里的个人号码指纹一次全部改用新密钥，不需要原号码；新来的行照样对得上。

    示例：hub key rotate --by 王芳 --reason 管理员离任
    """
    from hub.setup import home
    from pipelines.run import prepare
    from warehouse import keyring

    here = home()
    prepare(here)
    with connect() as connection:
        generation, prints = keyring.rotate(connection, here, by=by, reason=reason)
    output.say(f"已是第 {generation} 次更换，改了 {output.thousands(prints)} 个指纹", "ok")
    output.say(f"请备份 {here.path / 'county.keys'}：没有它，新来的行认不出旧的", "note")


@app.command(cls=Command)
def show(
    format: Annotated[str, typer.Option("--output", "-o", metavar="table|json", help="输出格式，默认 table")] = "table",
) -> None:
    """换过几次、谁换的、为什么；不显示密钥。

    示例：hub key show
    """
    output.one_of("-o", format, ("table", "json"))
    with connect() as connection:
        cursor = connection.execute(
            "SELECT generation, to_char(rotated_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI') AS rotated_at, by_whom, reason, prints, fingerprint "
            "FROM hub.key_rotation ORDER BY generation"
        )
        rows = cursor.fetchall()
    names = ("generation", "rotated_at", "by_whom", "reason", "prints", "fingerprint")
    if format == "json":
        output.write_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    output.table(
        ("次", "时间", "谁", "理由", "指纹数", "密钥标记"), (list(row) for row in rows), right={"次", "指纹数"}
    )
    output.say(f"更换过 {len(rows)} 次", "note")
