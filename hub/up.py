"""`hub up`: the portal, and Dagster's code server, web page and daemon behind it, ended together with this process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from connectors.network import OWN_PORTS
from hub.output import UsageError, result, say
from schemas.errors import HubError
from warehouse.engines.postgresql import free_port, port_is_free
from warehouse.home import ROOT, Home

_READY_SECONDS = 120
_STOP_SECONDS = 20


@dataclass
class _Part:
    name: str
    process: subprocess.Popen[bytes]


def run(port: int) -> int:
    """Start all parts, print the address, wait for Ctrl-C or for a part that ends by itself; 1 in that last case."""
    from hub.setup import home
    from pipelines import serve
    from pipelines.run import prepare

    if not 0 < port < 65536 or not port_is_free(port):
        raise UsageError(f"--port {port}", "端口不可用（可能 hub up 已在运行）", "请换一个，例如 --port 3100")
    here = home()
    say("准备库表……", "note")
    prepare(here)
    environment = serve.prepare(here)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _setter(stop))
    logs = here.path / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    parts: list[_Part] = []
    try:
        parts.append(_start("code-server", serve.code_server_command(here), environment, logs))
        _wait(here.path / "dagster" / "code.sock", parts, stop, logs)
        behind = free_port()
        environment[OWN_PORTS] = ",".join(map(str, (port, behind, urlsplit(here.database_url).port or 5432)))
        portal = [sys.executable, "-m", "hub.portal", str(port), str(behind)]
        parts.append(_start("portal", portal, environment, logs))
        parts.append(_start("webserver", serve.webserver_command(here, behind), environment, logs))
        parts.append(_start("daemon", serve.daemon_command(here), environment, logs))
        parts.append(_start("poller", serve.poller_command(), environment, logs))
        _wait_for_page(f"http://127.0.0.1:{port}/healthz", parts, stop, logs)
        _wait_for_page(f"http://127.0.0.1:{behind}/dagster/server_info", parts, stop, logs)
        if not stop.is_set():
            result(f"http://127.0.0.1:{port}")
            say(f"门户已启动，只在本机可访问，调度在登录后的 /dagster/；日志在 {logs}；Ctrl-C 停止", "ok")
            _say_accounts(here)
        while not stop.wait(1):
            _all_alive(parts, logs)
        return 0
    finally:
        say("正在停止……", "note")
        _stop(parts)


def _setter(stop: threading.Event) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, frame: FrameType | None) -> None:
        stop.set()

    return handle


def _start(name: str, command: list[str], environment: dict[str, str], logs: Path) -> _Part:
    path = logs / f"{name}.log"
    path.touch(mode=0o600)
    with path.open("ab") as log:
        # A session of its own: Ctrl-C reaches only us, and we end the parts in order.
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    return _Part(name, process)


def _all_alive(parts: list[_Part], logs: Path) -> None:
    for part in parts:
        code = part.process.poll()
        if code is not None:
            raise HubError(
                f"hub up：{part.name}", f"自己停止了（退出码 {code}）", f"请看日志 {logs / f'{part.name}.log'}"
            )


def _wait(path: Path, parts: list[_Part], stop: threading.Event, logs: Path) -> None:
    """Until the code server's socket is there."""
    until = time.monotonic() + _READY_SECONDS
    while not path.exists() and not stop.wait(0.2):
        _all_alive(parts, logs)
        _in_time(until, parts[-1], logs)


def _say_accounts(here: Home) -> None:
    """Tell how to make the first account when there is none."""
    from hub.user import nobody_yet

    if nobody_yet(here):
        say("还没有账号：hub user add 名称 --person 姓名 --role engineer", "note")


def _wait_for_page(address: str, parts: list[_Part], stop: threading.Event, logs: Path) -> None:
    """Until the page answers."""
    until = time.monotonic() + _READY_SECONDS
    while not stop.wait(0.3):
        _all_alive(parts, logs)
        _in_time(until, parts[-1], logs)
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            continue


def _in_time(until: float, part: _Part, logs: Path) -> None:
    if time.monotonic() > until:
        raise HubError(
            f"hub up：{part.name}", f"{_READY_SECONDS} 秒还没有就绪", f"请看日志 {logs / f'{part.name}.log'}"
        )


def _stop(parts: list[_Part]) -> None:
    """End the parts, the last started first: politely, then, after a while, for good."""
    for part in reversed(parts):
        if part.process.poll() is None:
            part.process.terminate()
    until = time.monotonic() + _STOP_SECONDS
    for part in reversed(parts):
        with suppress(subprocess.TimeoutExpired):
            part.process.wait(max(0.1, until - time.monotonic()))
        # Each part leads a process group; what its children left behind ends with it.
        with suppress(ProcessLookupError):
            os.killpg(part.process.pid, signal.SIGKILL)
        part.process.wait()
