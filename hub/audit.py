"""`hub audit …`: the audit chain checked and taken out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub import output
from hub.help import Command, Group
from hub.output import UsageError

app = typer.Typer(cls=Group, help="审计：核对指纹链，导出。", no_args_is_help=True, rich_markup_mode=None)


@app.command(cls=Command)
def verify(
    file: Annotated[Path | None, typer.Argument(metavar="文件", help="hub audit export 导出的文件，不连数据库；不写则核对库里的")] = None,
) -> None:  # fmt: skip
    """核对审计链：有没有人改过、删过、插过记录。断开时退出码为 1。

    示例：
      hub audit verify
      hub audit verify 审计.txt
    """
    from portal import audit

    try:
        if file is None:
            from hub import quarantine

            with quarantine.connect() as connection:
                count, last, broken = audit.verify(audit.stored(connection))
        else:
            with file.open(encoding="utf-8") as text:
                count, last, broken = audit.verify(audit.read(text))
    except OSError as error:
        raise UsageError(str(file), f"读不了（{error.strerror}）", "请核对路径") from error
    except ValueError as error:
        raise UsageError(str(file), "不是审计导出文件", "请用 hub audit export 导出") from error
    if broken is not None:
        output.result(f"第 {broken.number} 条断开：{broken.what}；之前 {count} 条完整", "fail")
        raise typer.Exit(1)
    output.result(f"{output.thousands(count)} 条，链条完整；最后一条的指纹 {last.hex()}", "ok")


@app.command(cls=Command)
def export(file: Annotated[Path, typer.Argument(metavar="文件", help="写到哪里")]) -> None:
    """导出全部审计记录，一行一条，供离线核对和归档。

    示例：hub audit export 审计.txt
    """
    from hub import quarantine
    from portal import audit

    with quarantine.connect() as connection:
        try:
            with file.open("w", encoding="utf-8") as target:
                count = sum(1 for line in audit.lines(audit.stored(connection)) if target.write(line))
        except OSError as error:
            raise UsageError(str(file), f"写不进去（{error.strerror}）", "请换一个可写的位置") from error
    output.say(f"已导出 {output.thousands(count)} 条到 {file}", "ok")
