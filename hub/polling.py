"""`hub poll`: near real time without Dagster, a line whenever a source had something new."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from hub import output
from hub.help import Command

if TYPE_CHECKING:
    from pipelines.poll import Beat

app = typer.Typer()


@app.command(cls=Command)
def poll(
    select: Annotated[
        list[str] | None, typer.Option("--select", "-s", metavar="选择", help="同 hub run；默认全部有游标的来源")
    ] = None,
    every: Annotated[float, typer.Option(metavar="秒", min=0.5, help="每几秒问一遍，默认 3")] = 3.0,
    once: Annotated[bool, typer.Option("--once", help="只问一遍")] = False,
) -> None:
    """近实时：每几秒问一遍有游标的来源有没有新东西，一个来源一条小查询；有变化才采集，随即更新视图。Ctrl-C 停止。

    示例：
      hub poll
      hub poll --select "hotline_office/*" --every 5
    """
    from hub.selection import select as choose
    from hub.setup import home, registry
    from pipelines.poll import Poller, forever
    from pipelines.run import prepare
    from quality.expectations import judge

    here = home()
    prepare(here)
    only = [c.id for c in choose(registry(here), select)] if select else None
    poller = Poller(here, judge=judge, only=only)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        if once:
            _tell(poller.round())
            return
        output.say(f"每 {every:g} 秒问一遍；Ctrl-C 停止", "note")
        forever(poller, stop, every=every, told=_tell)
    finally:
        poller.close()


def _tell(beat: Beat) -> None:
    for name, problem in beat.problems.items():
        output.say(f"{name}  {problem}", "fail")
    if beat.report is None:
        return
    from hub.running import counted

    for name in beat.changed:
        done = [r for r in beat.report.results if r.connector == name and r.status != "skipped"]
        if done:
            held = "，整批被扣住" if any(r.status == "held" for r in done) else ""
            output.say(f"{name}  {counted(done)}{held}（{beat.seconds:.1f} 秒）", "ok")
