"""`hub doctor`: is this machine fit to run the hub, and what to do where it is not."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from hub.output import result, say
from schemas.errors import HubError
from warehouse.home import ROOT, Home

_GIB = 1 << 30
_LEAST_POSTGRESQL = 150000


class Line(NamedTuple):
    """One finding: level ok, warn or fail; the cure where there is something to do."""

    level: str
    what: str
    cure: str = ""


Check = Callable[[Home], Iterator[Line]]


def run() -> int:
    """Print every finding; 1 when one of them is a failure."""
    try:
        home = Home()
        home.load_env()
    except HubError as error:
        result(str(error), "fail")
        return 1
    except OSError as error:
        result(f"数据目录建不了（{error.strerror}）。请检查 HUB_HOME 和目录权限。", "fail")
        return 1
    failed = 0
    for check in CHECKS:
        for line in check(home):
            result(line.what + (f"。{line.cure}" if line.cure else ""), line.level)
            failed += line.level == "fail"
    if failed:
        say(f"{failed} 项不能用，请先处理", "fail")
        return 1
    return 0


def python(_: Home) -> Iterator[Line]:
    """The interpreter and its text encoding."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield (
        Line("ok", f"Python {version}")
        if sys.version_info >= (3, 11)
        else Line("fail", f"Python {version} 太旧", "请安装 3.11 或更新的版本")
    )
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        yield Line("warn", f"终端编码是 {sys.stdout.encoding}，中文可能显示不出", "请设置 LANG=C.UTF-8")


def disk(home: Home) -> Iterator[Line]:
    """Free space and the home's mode: landed files hold raw personal data."""
    free = shutil.disk_usage(home.path).free
    text = f"数据目录 {home.path} 剩余 {free / _GIB:.1f} GB"
    if free < _GIB:
        yield Line("fail", text, "请清理磁盘或把 HUB_HOME 指到更大的磁盘")
    elif free < 5 * _GIB:
        yield Line("warn", text, "原始数据和历史会不断增长，请尽早扩容")
    else:
        yield Line("ok", text)
    if not os.access(home.path, os.W_OK):
        yield Line("fail", "数据目录不可写", f"请检查 {home.path} 的属主和权限")
    mode = stat.S_IMODE(home.path.stat().st_mode)
    if mode & 0o077:
        yield Line("warn", f"数据目录权限是 {mode:04o}，其他用户看得到原始数据", f"请执行 chmod 700 {home.path}")


def database(home: Home) -> Iterator[Line]:
    """The warehouse answers, is new enough and has its tables."""
    if home.embedded:
        from warehouse.engines.postgresql import Server, binaries

        try:
            binaries()
        except HubError as error:
            yield Line("fail", f"{error.where}{error.what}", error.cure)
            return
        if not (home.path / "pg" / "PG_VERSION").exists():
            yield Line("ok", "内置 PostgreSQL 已安装，第一次使用时建立（hub init 或 hub demo）")
            return
        if Server(home.path / "pg").pid() is None:
            yield Line("ok", "内置 PostgreSQL 没有在运行，用到时自动启动")
            return
    yield from _answering(home)


def _answering(home: Home) -> Iterator[Line]:
    import psycopg

    from warehouse import migrations

    try:
        with psycopg.connect(home.database_url, connect_timeout=5) as connection:
            number = connection.info.server_version
            name = f"{'内置 PostgreSQL' if home.embedded else 'HUB_DATABASE_URL 的 PostgreSQL'} {number // 10000}.{number % 10000}"
            if number < _LEAST_POSTGRESQL:
                yield Line("fail", f"{name} 太旧", "请使用 15 或更新的版本")
                return
            encoding = connection.info.parameter_status("server_encoding")
            if encoding != "UTF8":
                yield Line("fail", f"{name} 的库编码是 {encoding}", "请用 ENCODING 'UTF8' 另建一个库")
                return
            yield Line("ok", f"{name} 可连接")
            found = connection.execute("SELECT to_regclass('hub.alembic_version')").fetchone()
            revision = (
                connection.execute("SELECT version_num FROM hub.alembic_version").fetchone()
                if found and found[0]
                else None
            )
            if revision is None or revision[0] != migrations.HEAD:
                yield Line(
                    "warn",
                    "库表还没有建好" if revision is None else f"库表停在版本 {revision[0]}，程序要 {migrations.HEAD}",
                    "请运行 hub init",
                )
                return
            last = connection.execute("SELECT max(committed_at) FROM hub.batch").fetchone()
            if last and last[0] and last[0] > datetime.now().astimezone() + timedelta(minutes=5):
                yield Line(
                    "fail",
                    f"本机时钟比最近一批数据的入库时间（{last[0]:%Y-%m-%d %H:%M}）还早",
                    "请校准系统时间后再运行",
                )
    except (psycopg.OperationalError, HubError) as error:
        where = (
            "请检查 HUB_DATABASE_URL、网络和口令"
            if not home.embedded
            else f"请看日志 {home.path / 'pg' / 'server.log'}"
        )
        yield Line("fail", f"数据库连接不上（{str(error).strip().splitlines()[0][:120]}）", where)


def clock(_: Home) -> Iterator[Line]:
    """The clock is not behind the program's own files, and the zone is known."""
    now = datetime.now().astimezone()
    newest = datetime.fromtimestamp((ROOT / "schemas" / "errors.py").stat().st_mtime).astimezone()
    if newest > now + timedelta(days=1):
        yield Line("fail", f"系统时间 {now:%Y-%m-%d %H:%M} 比程序文件还早", "请校准系统时间")
        return
    offset = now.utcoffset()
    zone = f"{now:%Z}（UTC{now:%z}）"
    if offset == timedelta(hours=8):
        yield Line("ok", f"系统时间 {now:%Y-%m-%d %H:%M}，时区 {zone}")
    else:
        yield Line(
            "warn",
            f"系统时间 {now:%Y-%m-%d %H:%M}，时区 {zone}，不是北京时间",
            "数据和定时不受影响（一律按北京时间）；要让日志时间好读，可设 TZ=Asia/Shanghai",
        )


def calendar(_: Home) -> Iterator[Line]:
    """Up to which year the holidays are announced."""
    from schemas.calendar import WorkCalendar
    from schemas.identifiers import county_today

    today, days = county_today(), WorkCalendar()
    known = today.year
    while not days.day(date(known, 12, 31)).provisional:
        known += 1
    if known == today.year:
        yield Line(
            "fail",
            f"工作日历没有 {today.year} 年的放假安排，时限只能推算",
            "请升级 chinesecalendar，或录入国务院办公厅的通知",
        )
    elif known == today.year + 1 and today.month >= 11:
        yield Line(
            "warn",
            f"工作日历只到 {known - 1} 年，跨年的时限是推算的",
            f"国务院办公厅公布 {known} 年安排后请升级 chinesecalendar",
        )
    else:
        yield Line("ok", f"工作日历到 {known - 1} 年 12 月 31 日")


def ports(_: Home) -> Iterator[Line]:
    """The web page's port is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 3000))
        except OSError:
            yield Line("warn", "端口 3000 已被占用", "可能 hub up 正在运行；否则请用 hub up --port 换一个")
        else:
            yield Line("ok", "端口 3000 可用（hub up）")


def secrets(home: Home) -> Iterator[Line]:
    """Files with secrets are their owner's alone."""
    for name in ("hub.env", "county.key", "pg.password"):
        path = home.path / name
        if not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            yield Line("fail", f"{path} 的权限是 {mode:04o}，其他用户能读到口令", f"请执行 chmod 600 {path}")
        else:
            yield Line("ok", f"{name} 只有属主可读")


def connectors(home: Home) -> Iterator[Line]:
    """Connector files are sound and every reference in them has a value."""
    from connectors.references import names
    from hub.setup import registry

    known = registry(home)
    for error in known.broken.values():
        yield Line("fail", str(error).splitlines()[0].rstrip("。"))
    missing: dict[str, list[str]] = {}
    for connector in known.connectors.values():
        for name in names(connector.source):
            if not os.environ.get(name):
                missing.setdefault(name, []).append(connector.id)
    yield Line("ok", f"连接器 {len(known.connectors)} 个")
    if missing:
        users = sorted({user for users in missing.values() for user in users})
        listed = "、".join(sorted(missing)[:4]) + ("等" if len(missing) > 4 else "")
        yield Line(
            "warn",
            f"没有设置 {listed} {len(missing)} 个变量，{len(users)} 个连接器还连不上",
            f"请写进 {home.env_file}；演示用 hub demo 会自动写好",
        )


def extras(_: Home) -> Iterator[Line]:
    """Programs only some uses need."""
    if find_spec("dagster_webserver") is None:
        yield Line("fail", "没有安装 dagster-webserver", "请重新运行 make demo 或 uv sync")
    if shutil.which("mariadbd") or Path("/usr/sbin/mariadbd").exists():
        yield Line("ok", "MariaDB 已安装（演示里的政务服务中心用）")
    elif (ROOT / "examples" / "county").exists():
        yield Line(
            "warn", "没有 MariaDB，演示里的政务服务中心改用 SQLite", "要用真的 MariaDB：apt-get install mariadb-server"
        )


CHECKS: tuple[Check, ...] = (python, disk, database, clock, calendar, ports, secrets, connectors, extras)
