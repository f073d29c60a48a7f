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
    known: Annotated[list[str] | None, typer.Option("--known", metavar="序号:指纹", help="另外记下的某一条的序号和指纹，链里必须有它；可写多个")] = None,
) -> None:  # fmt: skip
    """核对审计链：有没有人改过、删过、插过、换过次序、截过末尾。断开时退出码为 1。

    库里的链还与数据目录里的封印（audit.seal 每分钟一条，audit.seal.last 是最新一条，写完即封）比对；离线文件与它自己的末行、与 --known 比对。

    示例：
      hub audit verify
      hub audit verify 审计.txt
      hub audit verify 审计.txt --known 1024:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    """
    from portal import audit

    seals = [_known(text) for text in known or ()]
    try:
        if file is None:
            from hub import quarantine
            from hub.setup import home

            seals += audit.sealed(home().path / audit.SEALS)
            with quarantine.connect() as connection:
                count, last, broken = audit.verify(audit.stored(connection), seals)
        else:
            with file.open(encoding="utf-8") as text:
                count, last, broken = audit.verify(audit.read(text, seals), seals)
    except OSError as error:
        raise UsageError(str(file), f"读不了（{error.strerror}）", "请核对路径") from error
    except ValueError as error:
        raise UsageError(
            str(file), "不是完整的审计导出文件，或末尾被截断", "请用 hub audit export 重新导出后比对"
        ) from error
    if broken is not None:
        output.result(f"第 {broken.number} 条断开：{broken.what}；之前 {count} 条完整", "fail")
        raise typer.Exit(1)
    output.result(f"{output.thousands(count)} 条，链条完整；最后一条的指纹 {last.hex()}", "ok")


def _known(text: str) -> tuple[int, bytes]:
    number, _, told = text.partition(":")
    try:
        return int(number), bytes.fromhex(told)
    except ValueError as error:
        raise UsageError(
            f"--known {text}", "不是 序号:指纹", "例如 --known 12:9f86…，指纹是 64 个十六进制数字"
        ) from error


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
