"""Loading tickets: the hub against the database's own limit and against peers, all in one run.

Each step is a whole process, start-up included, on one durable PostgreSQL that holds source and target. Rounds are
interleaved and rotated, so that a slow minute of the machine meets everyone. A result counts only if the target's
content equals the source's. Nothing here asserts a time: seconds do not travel, ratios do.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import platform
import shutil
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.ticket import peers, source
from benchmarks.ticket.contender import CHAINS, HUB, STEPS, Contender, Task
from benchmarks.ticket.content import content
from benchmarks.ticket.limit import LIMIT
from benchmarks.ticket.measure import Usage, measure
from schemas.errors import HubError
from warehouse.engines.postgresql import Server
from warehouse.home import ROOT

FOLDER = ROOT / "var" / "bench"
OTHERS = {contender.name: contender for contender in (LIMIT, peers.DLT, peers.SLING, peers.INGESTR)}

# fsync and synchronous_commit stay on. Peers write instants without a zone as UTC.
_SETTINGS = {"max_wal_size": "8GB", "checkpoint_timeout": "30min", "timezone": "UTC"}


@dataclass(frozen=True)
class Run:
    """One step of one contender in one round. `check` is ok, or what is wrong with the target."""

    contender: str
    step: str
    rows: int
    round: int
    usage: Usage
    check: str
    stages: dict[str, float]  # the hub only: seconds by stage of the data path


@contextmanager
def server(folder: Path, shared_buffers: str = "1GB") -> Iterator[Server]:
    """The benchmark's own PostgreSQL, running; one benchmark at a time.

    Raises:
        SystemExit: another benchmark is using the folder.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SystemExit(f"{folder}：另一个基准正在运行。等它结束后再运行。") from None
        running = Server(folder / "pg", shared_buffers=shared_buffers).start()
        try:
            _execute(running, *(f"ALTER SYSTEM SET {name} = '{value}'" for name, value in _SETTINGS.items()))
            _execute(running, "SELECT pg_reload_conf()")
            yield running
        finally:
            running.stop()


def rounds(
    running: Server, folder: Path, contenders: Sequence[Contender], *, rows: int, reps: int, steps: Sequence[str]
) -> Iterator[Run]:
    """Every step of every contender, `reps` times; each run is given as soon as it is known."""
    say(f"准备来源：{rows:,} 行 …")
    sources = source.prepare(running, folder, rows)
    venvs = {}
    for contender in contenders:
        if contender.requirements:
            say(f"准备 {contender.title} 的环境 …")
        venvs[contender.name] = peers.install(contender, folder / "venvs")
    for number in range(reps):
        turn = number % len(contenders)
        for contender in [*contenders[turn:], *contenders[:turn]]:
            for chain in CHAINS:
                wanted = [step for step in chain if step in steps and step in contender.steps]
                yield from _chain(running, folder, contender, venvs[contender.name], sources, number, wanted)


def _chain(
    running: Server, folder: Path, contender: Contender, venv: Path, sources: source.Sources, number: int, steps: Sequence[str],
) -> Iterator[Run]:  # fmt: skip
    """Steps that follow one another on one fresh target; after a failure the rest is left out."""
    state, database = folder / "state", f"target_{contender.name}"
    shutil.rmtree(state, ignore_errors=True)
    _execute(running, f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", f"CREATE DATABASE {database}")
    for step in steps:
        state.mkdir(exist_ok=True)
        expected = STEPS[step][1]
        task = Task(step, sources.urls[expected], running.url(database), sources.csv, state, venv)
        _execute(running, "CHECKPOINT")
        usage = measure(
            contender.command(task), environment={**task.environment(), **contender.environment, "TZ": "UTC"}, folder=state,
            postmaster=running.pid() or 0,
        )  # fmt: skip
        check = _check(task, contender, usage, sources.contents[expected])
        yield Run(contender.name, step, sources.rows, number, usage, check, _stages(contender, state))
        if check != "ok":
            kept = shutil.copytree(state, folder / f"failed_{contender.name}_{step}", dirs_exist_ok=True)
            say(f"{contender.title} 说了什么，见 {kept}/stderr")
            break
    _execute(running, f"DROP DATABASE {database} WITH (FORCE)")
    shutil.rmtree(state, ignore_errors=True)


def _check(task: Task, contender: Contender, usage: Usage, expected: Any) -> str:
    if usage.exit_code != 0:
        return f"退出码 {usage.exit_code}"
    try:
        found = content(task.target_url, contender.table)
    except psycopg.Error as error:
        return f"读不到结果（{str(error).splitlines()[0]}）"
    if found == expected:
        return "ok"
    return f"{found.rows} 行，应为 {expected.rows} 行" if found.rows != expected.rows else "行数对，内容不同"


def _stages(contender: Contender, state: Path) -> dict[str, float]:
    """Seconds by stage, summed over deliveries."""
    total: dict[str, float] = {}
    if contender is HUB:
        for line in (state / "stdout").read_text().splitlines():
            for stage, seconds in json.loads(line)["seconds"].items():
                total[stage] = total.get(stage, 0.0) + seconds
    return total


def report(runs: Sequence[Run]) -> str:
    """Markdown: who took how long, and what the hub's time goes to. Medians over the rounds."""
    lines = [
        "| 步骤 | 方 | 行 | 秒（最小–最大） | 极限的倍数 | 通衢的倍数 | CPU 秒：自己＋数据库 | 每百万行 CPU 秒 | 内存峰值 MB | 内容 |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for step, (title, _) in STEPS.items():
        groups = _groups(runs, step)
        base = {name: _median(group, "wall") for name, group in groups.items()}
        for name, group in sorted(groups.items(), key=lambda item: base[item[0]]):
            walls = [run.usage.wall for run in group]
            cpu, database, rows = _median(group, "cpu"), _median(group, "server_cpu"), group[0].rows
            checks = "、".join(sorted({run.check for run in group}))
            lines.append(
                f"| {title} | {_title(name)} | {rows:,} | {base[name]:.2f}（{min(walls):.2f}–{max(walls):.2f}） | {_ratio(base, name, 'limit')} "
                f"| {_ratio(base, name, 'hub')} | {cpu:.1f}＋{database:.1f} | {(cpu + database) / rows * 1e6:.1f} | {_median(group, 'peak_mb'):.0f} | {checks} |"
            )
    return "\n".join([*lines, "", *_where_time_goes(runs)])


def _where_time_goes(runs: Sequence[Run]) -> list[str]:
    names = {"land": "提取并落地", "check": "规整、检查", "merge": "比对、合并、历史"}
    lines = [f"| 通衢的时间（秒） | {' | '.join(names.values())} | 启动、连接、记账 |", "|---|--:|--:|--:|--:|"]
    for step, (title, _) in STEPS.items():
        group = _groups(runs, step).get("hub", [])
        if group:
            spent = {stage: statistics.median(run.stages.get(stage, 0.0) for run in group) for stage in names}
            rest = statistics.median(run.usage.wall - sum(run.stages.values()) for run in group)
            lines.append(f"| {title} | {' | '.join(f'{seconds:.2f}' for seconds in spent.values())} | {rest:.2f} |")
    return lines if len(lines) > 2 else []


def _groups(runs: Sequence[Run], step: str) -> dict[str, list[Run]]:
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if run.step == step:
            groups.setdefault(run.contender, []).append(run)
    return groups


def _median(group: Sequence[Run], name: str) -> float:
    return float(statistics.median(getattr(run.usage, name) for run in group))


def _ratio(walls: dict[str, float], name: str, base: str) -> str:
    return f"{walls[name] / walls[base]:.2f}" if walls.get(base) else "–"


def _title(name: str) -> str:
    return next(contender.title for contender in (HUB, *OTHERS.values()) if contender.name == name)


def save(folder: Path, benchmark: str, runs: Sequence[Run], **about: object) -> Path:
    """Write all runs with what is needed to read them later: machine, versions, settings."""
    path = folder / f"{benchmark}_{time.strftime('%Y%m%dT%H%M%S')}.json"
    machine = {
        "cores": os.cpu_count(), "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "system": platform.platform(), "python": platform.python_version(),
        "processor": next((x.partition(": ")[2] for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), ""),
    }  # fmt: skip
    versions = {name: list(contender.requirements) for name, contender in OTHERS.items() if contender.requirements}
    record = {
        "machine": machine,
        "settings": _SETTINGS,
        "versions": versions,
        **about,
        "runs": [asdict(run) for run in runs],
    }
    path.write_text(json.dumps(record, ensure_ascii=False, indent=1))
    return path


def say(text: str) -> None:
    """What goes on, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def tell(run: Run) -> None:
    """One line on a run that has just ended."""
    say(
        f"第 {run.round + 1} 轮 {_title(run.contender)}，{STEPS[run.step][0]}：{run.usage.wall:.2f} 秒，{run.usage.peak_mb} MB，"
        f"旁人占用 CPU {run.usage.other_cpu:.1f} 秒，{run.check}"
    )


def _execute(running: Server, *statements: str) -> None:
    with psycopg.connect(running.url(), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def main(words: Sequence[str] | None = None) -> int:
    """Run, print the table, keep the figures; 1 when someone's content is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks load_tickets", description="装载工单：通衢、极限与同类工具"
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="首次装载的行数（默认 1,000,000）")
    parser.add_argument("--reps", type=int, default=3, help="轮数（默认 3）")
    parser.add_argument(
        "--peers", default=",".join(OTHERS), help=f"与谁比，逗号分隔（默认 {','.join(OTHERS)}）；空为只测通衢"
    )
    parser.add_argument(
        "--steps",
        default=",".join(STEPS),
        help=f"哪些步骤，逗号分隔；b_cursor、c_full 总在 a_initial 之后（默认 {','.join(STEPS)}）",
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="数据库、环境和结果放哪里（默认 var/bench）")
    parser.add_argument("--shared-buffers", default="1GB", help="数据库的缓存（默认 1GB）")
    given = parser.parse_args(words)
    chosen, steps = [name for name in given.peers.split(",") if name], given.steps.split(",")
    for name in {*chosen} - {*OTHERS} | {*steps} - {*STEPS}:
        parser.error(f"没有 {name}；对手有 {','.join(OTHERS)}，步骤有 {','.join(STEPS)}")
    if not {"b_cursor", "c_full"}.isdisjoint(steps):
        steps.append("a_initial")  # they change a target that is there
    if given.rows < 1_000 or given.reps < 1:
        parser.error("--rows 至少 1000，--reps 至少 1")
    runs = []
    try:
        with server(given.folder, given.shared_buffers) as running:
            contenders = [HUB, *(OTHERS[name] for name in chosen)]
            for run in rounds(running, given.folder, contenders, rows=given.rows, reps=given.reps, steps=steps):
                runs.append(run)
                tell(run)
    except HubError as error:
        say(str(error))
        return 1
    path = save(given.folder, "load_tickets", runs, rows=given.rows, reps=given.reps)
    print(report(runs))
    say(f"全部数据在 {path}")
    return int(any(run.check != "ok" for run in runs))


if __name__ == "__main__":
    sys.exit(main())
