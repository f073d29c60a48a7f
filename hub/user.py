"""`hub user …`: the portal's accounts, from the machine's own console."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub import output
from hub.help import Command, Group

if TYPE_CHECKING:
    import psycopg

    from warehouse.home import Home

app = typer.Typer(cls=Group, help="门户账号：新建、停用、口令、角色。", no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(metavar="账号", help="登录名")]
_DEMO = (
    ("lingdao", "李县长（演示）", "leader", None),
    ("shuiwu", "王芳（演示）", "clerk", "tax"),
    ("fenxi", "张敏（演示）", "analyst", None),
    ("gongcheng", "陈工（演示）", "engineer", None),
    ("zhenggai", "周敏（演示）", "clerk", "business_env"),  # the office that keeps the rectification ledger
    ("fuhe", "刘工（演示）", "engineer", None),  # whoever registers a source does not approve it
    ("xitong", "周系统（演示）", "sysadmin", None),
    ("anquan", "吴安全（演示）", "secadmin", None),
    ("shenji", "郑审计（演示）", "auditor", None),
)


@contextmanager
def _connect() -> Iterator[psycopg.Connection[Any]]:
    """A connection whose work is committed at the end, and what it wrote into the audit sealed."""
    from hub import quarantine
    from hub.setup import home
    from portal import audit

    with quarantine.connect() as connection:
        yield connection
        connection.commit()
        audit.settle(connection, home().path / audit.SEALS)


def _by() -> str:
    return f"{getpass.getuser()}@console"


@app.command(cls=Command)
def add(
    name: Name,
    role: Annotated[str, typer.Option("--role", metavar="角色", help="leader 领导、clerk 部门经办、analyst 分析员、engineer 数据工程师、sysadmin 系统管理员、secadmin 安全管理员、auditor 审计员")],
    person: Annotated[str, typer.Option("--person", metavar="姓名", help="真实姓名")] = "",
    department: Annotated[str | None, typer.Option("--department", "-d", metavar="编号", help="所属部门；部门经办必填，不填为全县")] = None,
    oidc: Annotated[str | None, typer.Option("--oidc", metavar="标识", help="统一身份认证里的用户标识（sub）")] = None,
) -> None:  # fmt: skip
    """新建账号，打印一次初始口令；首次登录须改。三员账号登录时还要设置动态口令。

    示例：
      hub user add wang_fang --person 王芳 --role clerk --department tax
      hub user add li_na --person 李娜 --role analyst
    """
    from portal import accounts, audit

    with _connect() as connection:
        word = accounts.add(
            connection,
            name=name,
            person=person or name,
            role=role,
            department=department,
            by=_by(),
            subject=oidc,
            approved=True,
        )
        audit.write(connection, _by(), "user", name, did="add", role=role)
    output.result(f"{name}  {word}")
    output.say("以上是初始口令，只显示这一次；首次登录须改", "ok")


@app.command("list", cls=Command)
def list_(
    format: Annotated[str, typer.Option("--output", "-o", metavar="table|json", help="输出格式，默认 table")] = "table",
) -> None:
    """全部账号。

    示例：hub user list
    """
    from portal import accounts
    from portal.roles import ROLES

    output.one_of("-o", format, ("table", "json"))
    with _connect() as connection:
        found = accounts.everybody(connection)
    rows = [
        {
            "name": a.name,
            "person": a.person,
            "role": a.role,
            "department": a.department,
            "active": a.active,
            "totp": a.totp_secret is not None,
        }
        for a in found
    ]
    if format == "json":
        output.write_json(rows)
        return
    output.table(
        ("账号", "姓名", "角色", "范围", "状态"),
        (
            [
                a.name,
                a.person,
                ROLES[a.role],
                a.scope,
                "已停用" if a.disabled_at else "在用" if a.approved_at else "待批准",
            ]
            for a in found
        ),
    )


@app.command(cls=Command)
def passwd(name: Name) -> None:
    """重置口令，打印一次；同时解除锁定、退出已有登录。

    示例：hub user passwd wang_fang
    """
    from portal import accounts, audit

    with _connect() as connection:
        word = accounts.set_password(connection, name)
        audit.write(connection, _by(), "user", name, did="passwd")
    output.result(f"{name}  {word}")
    output.say("以上是新口令，只显示这一次；登录后须改", "ok")


@app.command(cls=Command)
def disable(name: Name) -> None:
    """停用账号：立即退出登录，数据库角色一并关闭。

    示例：hub user disable wang_fang
    """
    from portal import accounts, audit

    with _connect() as connection:
        accounts.disable(connection, name)
        audit.write(connection, _by(), "user", name, did="disable")
    output.say(f"已停用 {name}", "ok")


@app.command(cls=Command)
def enable(name: Name) -> None:
    """恢复停用或锁定的账号。

    示例：hub user enable wang_fang
    """
    from portal import accounts, audit

    with _connect() as connection:
        accounts.enable(connection, name)
        audit.write(connection, _by(), "user", name, did="enable")
    output.say(f"已恢复 {name}", "ok")


@app.command("totp-reset", cls=Command)
def totp_reset(name: Name) -> None:
    """清除动态口令（换手机时用），下次登录重新设置。

    示例：hub user totp-reset zhou_wei
    """
    from portal import accounts, audit

    with _connect() as connection:
        accounts.forget_totp(connection, name)
        audit.write(connection, _by(), "user", name, did="totp")
    output.say(f"已清除 {name} 的动态口令", "ok")


def nobody_yet(here: Home) -> bool:
    """Whether the portal has no account at all."""
    import psycopg

    with psycopg.connect(here.database_url) as connection:
        return connection.execute("SELECT FROM hub.account LIMIT 1").fetchone() is None


def demo_accounts(here: Home) -> list[tuple[str, str, str]]:
    """Make the demo's accounts that are not there yet: (name, title, password), each password told only now."""
    import psycopg
    from psycopg.rows import dict_row

    from portal import accounts, audit

    made = []
    with psycopg.connect(here.database_url, row_factory=dict_row) as connection:
        for name, person, role, department in _DEMO:
            if accounts.find(connection, name) is None:
                word = accounts.add(
                    connection, name=name, person=person, role=role, department=department, by=_by(), approved=True
                )
                audit.write(connection, _by(), "user", name, did="add", role=role)
                account = accounts.find(connection, name)
                made.append((name, account.title if account else role, word))
        connection.commit()
        audit.settle(connection, here.path / audit.SEALS)
    return made
