"""The hub home on this machine: made, described, logged to, stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hub.output import result, say
from warehouse.home import ROOT, Home

if TYPE_CHECKING:
    from connectors.spec import Registry

_ENV = """\
# 各来源的地址和口令，一行一项；连接器文件里写 ${名称} 引用。本文件只有属主可读，不进版本库。
# HUB_SOURCE_HOTLINE_URL=http://12345.example.gov:8080
# HUB_SECRET_HOTLINE_TOKEN=…
#
# 使用单位自己的 PostgreSQL（15 或更新）时写：
# HUB_DATABASE_URL=postgresql://用户:口令@主机:5432/库名
"""
COUNTY = "examples.county"


def home() -> Home:
    """The hub home with its settings in the environment."""
    found = Home()
    found.load_env()
    return found


def registry(of: Home) -> Registry:
    """The connectors of this hub, read now: its files, joined with what was registered in the database."""
    from warehouse.registry import load

    return load(of)


def init() -> None:
    """Make the home, the settings file and the warehouse's tables; what exists is left as it is."""
    here = home()
    if not here.env_file.exists():
        here.env_file.touch(mode=0o600)
        here.env_file.write_text(_ENV, encoding="utf-8")
        say(f"设置文件 {here.env_file}", "ok")
    from pipelines.run import prepare

    prepare(here)
    say(f"数据目录 {here.path}", "ok")
    say("库表已就绪" + ("（内置 PostgreSQL）" if here.embedded else "（HUB_DATABASE_URL 指定的库）"), "ok")
    result("接下来：在 hub.env 填来源地址，用 hub connector add 登记连接器，再 hub run；或 hub demo 看演示")


def down() -> None:
    """Stop the demo county and the embedded PostgreSQL when they run."""
    here = home()
    county("stop", here)
    if here.embedded and (here.path / "pg").exists():
        from warehouse.engines.postgresql import Server

        server = Server(here.path / "pg")
        running = server.pid() is not None
        server.stop()
        say("内置 PostgreSQL " + ("已停止" if running else "没有在运行"), "ok")


def county(verb: str, here: Home, *options: str) -> subprocess.CompletedProcess[bytes] | None:
    """Run one verb of the demo county; None where the county is not shipped. Its messages stay on stderr."""
    if not (ROOT / "examples" / "county" / "__main__.py").exists():
        return None
    return subprocess.run(
        [sys.executable, "-m", COUNTY, verb, *options],
        cwd=ROOT, env=os.environ | {"HUB_HOME": str(here.path)}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def log(text: str) -> Path:
    """Add a text to today's log file (mode 0600: error texts may quote data); returns its path."""
    folder = Home().path / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    now = datetime.now()
    path = folder / f"hub-{now:%Y%m%d}.log"
    path.touch(mode=0o600)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{now:%Y-%m-%d %H:%M:%S} hub {' '.join(sys.argv[1:2])}\n{text}\n")
    return path
