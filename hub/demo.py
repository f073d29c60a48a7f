"""`hub demo`: the whole way on a county that exists nowhere, checked against its answer sheet.

Running it again changes nothing: the county is there, the sources have nothing new, the views are as they were.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from hub import output
from hub.answers import Item, compare
from hub.output import result, say, thousands
from schemas.errors import HubError
from warehouse.home import Home

DEFAULT_SEED = 7
_MOST_DIFFERENCES = 40
_NEXT = """
接下来可以试：
  {hub} status                                                    # 各来源近况
  {hub} quarantine list --connector "tax/*"                       # 税务被隔离的行和原因
  {hub} query "SELECT * FROM hotline_on_time_by_department"       # 热线按期办结
  {hub} query "SELECT * FROM rectification_ledger" -o csv --bom   # 整改台账导出
  {hub} up --port 3000                                            # 启动门户和调度：http://127.0.0.1:3000
  {python} -m examples.county advance && {hub} run                # 让合成县过一天，再采集
"""


def run(scale: float, seed: int | None) -> int:
    """Start the county, collect, compare, show the boards; 1 when anything differs or failed."""
    from hub.running import collect, tell
    from hub.setup import registry

    begun = time.monotonic()
    home = Home()
    state = _county(home, scale, seed)
    home.load_env()
    known = registry(home)
    for error in known.broken.values():
        say(str(error), "fail")
    if not known.connectors:
        raise HubError(str(home.departments), "没有连接器文件", "请检查仓库是否完整")
    as_of = date.fromisoformat(state["as_of"])
    report = collect(home, known.connectors.values(), as_of=as_of)
    failed = tell(report) + len(known.broken)
    differs = _checked(home, state)
    _boards(home, as_of)
    say(f"用时 {time.monotonic() - begun:.0f} 秒；数据在 {home.path}", "note")
    result(_NEXT.format(hub=_typed("hub"), python=_typed("python")).rstrip())
    _accounts(home)
    return 1 if failed or differs else 0


def _typed(program: str) -> str:
    """How the user types a program of this environment: its bare name only where the shell would find it."""
    own = Path(sys.prefix) / "bin" / program
    found = shutil.which(program)
    if found and Path(found).resolve() == own.resolve():
        return program
    return str(own.relative_to(Path.cwd())) if own.is_relative_to(Path.cwd()) else str(own)


def _county(home: Home, scale: float, seed: int | None) -> dict[str, Any]:
    """Start the county's systems; its state (seed, scale, as_of, step)."""
    from hub.setup import county

    folder = home.path / "county"
    before = _state(folder)
    wanted = {"scale": scale, "seed": DEFAULT_SEED if seed is None else seed}
    if before and {name: before[name] for name in wanted} != wanted and (home.path / "pg").exists():
        told = "、".join(f"{name}={before[name]:g}" for name in wanted)
        raise HubError(
            str(home.path),
            f"里面已是另一个合成县（{told}）",
            "同一数据目录只放一个县：先 make clean，或用 HUB_HOME 指到别处",
        )
    say("启动合成县的部门系统……", "note")
    done = county("start", home, "--scale", f"{scale:g}", "--seed", str(wanted["seed"]))
    if done is None:
        raise HubError("hub demo", "没有找到合成县（examples/county）", "请在源码仓库里运行")
    state = _state(folder)
    if done.returncode != 0 or not state:
        raise HubError("合成县", "没有启动成功", "原因见上面的提示；hub doctor 可检查环境")
    return state


def _state(folder: Path) -> dict[str, Any]:
    file = folder / "state.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def _checked(home: Home, state: dict[str, Any]) -> int:
    """Compare with the answer sheet and print the verdict; how many figures differ."""
    import psycopg

    if state.get("step"):
        say(f"合成县已往后走了 {state['step']} 天，标准答案只对第一天，这次不核对", "note")
        return 0
    with psycopg.connect(home.database_url) as connection:
        items = compare(connection, home.path / "county")
    wrong = [item for item in items if not item.agrees]
    if not wrong:
        result(f"与标准答案核对 {thousands(len(items))} 项，全部一致", "ok")
        return 0
    result(f"与标准答案核对 {thousands(len(items))} 项，{len(wrong)} 项不一致", "fail")
    output.table(("项目", "答案", "实际"), (_cells(item) for item in wrong[:_MOST_DIFFERENCES]))
    if len(wrong) > _MOST_DIFFERENCES:
        result(f"……另有 {len(wrong) - _MOST_DIFFERENCES} 项")
    return len(wrong)


def _cells(item: Item) -> tuple[str, str, str]:
    found = "没有数据" if item.found is None else output.shown(item.found)
    return item.what, output.shown(item.expected), found


def _accounts(home: Home) -> None:
    """Make the demo's accounts and print their first passwords, this once."""
    from hub.user import demo_accounts

    made = demo_accounts(home)
    result(f"\n门户：http://127.0.0.1:3000，用 {_typed('hub')} up 启动")
    if made:
        say("演示账号，口令只显示这一次，首次登录须改；三员登录还要在手机验证器里设动态口令：", "note")
        output.table(("账号", "身份", "初始口令"), made)
    else:
        say("演示账号已建过，口令当时显示过；忘了用 hub user passwd 账号 重置", "note")


def _boards(home: Home, as_of: date) -> None:
    """The three boards' headline figures, read from their views."""
    import psycopg

    say(f"数据截至 {as_of.isoformat()}", "note")
    with psycopg.connect(home.database_url) as connection:
        for title, tell in (("营商环境指标", _indicator), ("12345 热线", _hotline), ("问题整改", _rectification)):
            try:
                with connection.transaction():
                    result(f"{title}：{tell(connection)}")
            except psycopg.errors.UndefinedTable:
                result(f"{title}：视图还没有发布", "warn")


def _indicator(connection: Any) -> str:
    row = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE above_both), count(DISTINCT lead_department) FILTER (WHERE below_70), "
        "string_agg(indicator || ' ' || round(score, 2), '、' ORDER BY score) FILTER (WHERE below_70) FROM board.indicator_overview"
    ).fetchone()
    return f"一级指标 {row[0]} 项，{row[1]} 项高于全市和全省均值；{row[2]} 个牵头单位不足 70 分（{row[3] or '无'}）"


def _hotline(connection: Any) -> str:
    due = connection.execute(
        "SELECT sum(tickets_due), round(100.0 * sum(on_time) / nullif(sum(tickets_due), 0), 1) FROM board.hotline_on_time_by_department"
    ).fetchone()
    overdue = connection.execute("SELECT count(*), max(days_overdue) FROM board.hotline_overdue_open").fetchone()
    hot = connection.execute(
        "SELECT category, town, tickets FROM board.hotline_high_frequency ORDER BY tickets DESC, callers DESC LIMIT 1"
    ).fetchone()
    text = (
        f"到期 {thousands(due[0] or 0)} 件，按期办结 {due[1]}%；超期未办结 {overdue[0]} 件，最长 {overdue[1] or 0} 天"
    )
    return text + (f"；近 30 天最集中：{hot[1]}{hot[0]} {hot[2]} 件" if hot else "")


def _rectification(connection: Any) -> str:
    row = connection.execute(
        "SELECT problems, closed, completion_pct, on_time_pct, red, yellow FROM board.rectification_overview WHERE category = '合计'"
    ).fetchone()
    if row is None:
        return "没有问题"
    return f"{row[0]} 个问题，已销号 {row[1]} 个（{row[2]}%），按期率 {row[3]}%；红灯 {row[4]}，黄灯 {row[5]}"
