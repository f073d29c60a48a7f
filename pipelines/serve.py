"""The commands that make up a running Dagster: one code server, its web page and its daemon.

Both are served by the one code server, so that a reload is seen by both and the location is loaded once. It listens
on a socket inside the hub home, which only its owner may enter. Nothing here imports Dagster.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import ConfigError
from warehouse.home import ROOT

if TYPE_CHECKING:
    from warehouse.home import Home

MODULE = "pipelines.definitions"
_LONGEST_SOCKET = 100  # the kernel takes 107 bytes, Dagster's own suffixes a few
_RELOAD = "mutation { reloadWorkspace { __typename ... on PythonError { message } } }"


def prepare(home: Home) -> dict[str, str]:
    """Put dagster.yaml into place and give back the environment all three commands need; starts the warehouse.

    Raises:
        WarehouseUnavailable: the embedded server does not start.
        ConfigError: the home's path is too long for a socket.
    """
    folder = home.path / "dagster"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if len(os.fsencode(_socket(home))) > _LONGEST_SOCKET:
        raise ConfigError(f"{home.path}", "路径太长，放不下本机通信的套接字", "请把 HUB_HOME 设到短一些的路径")
    shutil.copyfile(ROOT / "dagster.yaml", folder / "dagster.yaml")
    return {
        **os.environ,
        "DAGSTER_HOME": str(folder),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "HUB_HOME": str(home.path),
        "HUB_DAGSTER_POSTGRES_URL": home.dagster_url,
    }


def code_server_command(home: Home) -> list[str]:
    """Serves the definitions; run it with ROOT as working folder, before the other two."""
    _socket(home).unlink(missing_ok=True)
    return [
        sys.executable, "-m", "dagster", "code-server", "start", "-m", MODULE, "-s", str(_socket(home)), "-d", str(ROOT),
        "--use-python-environment-entry-point", "--log-level", "warning",
    ]  # fmt: skip


def ready(home: Home, seconds: float = 60) -> bool:
    """Wait until the code server takes connections; the other two, started earlier, would show an error at first."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as line:
            try:
                line.connect(str(_socket(home)))
            except OSError:
                time.sleep(0.1)
            else:
                return True
    return False


def webserver_command(home: Home, port: int) -> list[str]:
    """The page at http://127.0.0.1:<port>/dagster, for this machine only: people reach it through the portal."""
    (home.path / "dagster" / "port").write_text(str(port))
    return [
        sys.executable, "-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port), "--path-prefix", "/dagster", "--grpc-socket", str(_socket(home)),
        "--dagster-log-level", "warning",
    ]  # fmt: skip


def daemon_command(home: Home) -> list[str]:
    """Schedules, sensors, automation, freshness and the run queue."""
    return [
        sys.executable,
        "-m",
        "dagster._daemon",
        "run",
        "--grpc-socket",
        str(_socket(home)),
        "--log-level",
        "warning",
    ]


def port(home: Home) -> int | None:
    """Where this home's Dagster was last served; None when it never was."""
    file = home.path / "dagster" / "port"
    return int(file.read_text()) if file.exists() else None


def poller_command() -> list[str]:
    """Asks sources with a cursor every few seconds and tells Dagster what it took in."""
    return [sys.executable, "-m", "pipelines.poll"]


def reload(home: Home) -> bool:
    """Have this home's running Dagster read the connectors again; False when none runs or it cannot."""
    where = port(home)
    if where is None:
        return False
    request = urllib.request.Request(
        f"http://127.0.0.1:{where}/dagster/graphql",
        json.dumps({"query": _RELOAD}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            told = json.load(answer)
    except (OSError, ValueError):
        return False
    return bool(told.get("data") and told["data"]["reloadWorkspace"]["__typename"] == "Workspace")


def _socket(home: Home) -> Path:
    return home.path / "dagster" / "code.sock"
