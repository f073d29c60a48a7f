"""The county's source systems: started, filled, stopped.

Everything lies under `<home>/county/`: data folders, the files of the departments (`files/<department>/`), the
answer sheet, passwords (0600). What a connector needs to know is written to `<home>/hub.env`. The servers outlive
whoever started them; starting a county that is there already only wakes what is down.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.county import answer, databases, mariadb, workbook
from examples.county.county import AS_OF, County, build
from warehouse.engines import postgresql
from warehouse.engines.postgresql import free_port, port_is_free

_READER = "gongxiang"
_ROOT = Path(__file__).resolve().parents[2]
FALLBACK = "没有找到 MariaDB（apt-get install mariadb-server 可装），政务服务中心改用 SQLite。"


@dataclass
class Place:
    """The folders and files of one county under a hub home."""

    home: Path

    def __post_init__(self) -> None:
        self.home = self.home.absolute()
        self.root = self.home / "county"
        self.files = self.root / "files"
        self.hotline = self.root / "hotline"
        self.cases = self.root / "zwfw.sqlite"
        self.state = self.root / "state.json"

    def read_state(self) -> dict[str, Any]:
        """What was filled: seed, scale, as_of, step; empty when nothing was, or not to the end."""
        return json.loads(self.state.read_text(encoding="utf-8")) if self.state.exists() else {}

    def write_state(self, state: dict[str, Any]) -> None:
        """Replace the state in one go."""
        fresh = self.state.with_suffix(".new")
        fresh.write_text(json.dumps(state, ensure_ascii=False, indent=1), encoding="utf-8")
        fresh.replace(self.state)

    def tell_day(self, day: object) -> None:
        """Let the hub take this for today: the synthetic county's calendar is not the wall's."""
        (self.home / "as_of").write_text(f"{day}\n", encoding="utf-8")

    def passwords(self) -> dict[str, str]:
        """Random passwords, made once and kept (0600)."""
        file = self.root / "passwords.json"
        if not file.exists():
            made = {name: mariadb.new_password() for name in ("market", "estate", "administrator", "reader", "hotline")}
            file.touch(mode=0o600)
            file.write_text(json.dumps(made))
        return dict(json.loads(file.read_text()))

    def databases(self) -> postgresql.Server:
        """The PostgreSQL of the register and of the exchange table."""
        return postgresql.Server(self.root / "pg", shared_buffers="128MB")

    def service_centre(self) -> mariadb.Server | None:
        """The service centre's MariaDB; None where its file is SQLite."""
        if self.read_state().get("service_centre") == "sqlite" or not mariadb.available():
            return None
        return mariadb.Server(self.root / "mariadb", self.passwords())


def start(home: Path, scale: float = 1.0, seed: int = 7, as_of: str = AS_OF, *, say: Any = None) -> dict[str, Any]:
    """Bring the county up, filling it unless it holds just this seed, scale and day already.

    Args:
        home: the hub home; hub.env in it gets the addresses.
        scale: 1 for a whole county.
        seed: tells one county from another.
        as_of: the day on which the county is looked at.
        say: called with a Chinese line as things go on; None for silence.

    Returns:
        The state: seed, scale, as_of, step, and seconds spent.
    """
    tell = say or (lambda line: None)
    begun = time.monotonic()
    place = Place(home)
    place.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = place.read_state()
    wanted = {"seed": seed, "scale": scale, "as_of": as_of, "maker": _maker()}
    fresh = {k: state.get(k) for k in wanted} != wanted
    place.home.chmod(0o700)
    server = place.databases().start()
    if fresh:
        place.state.unlink(missing_ok=True)
        _stop_hotline(place)
        tell("生成全县数据……")
        county = build(seed, scale, as_of)
        tell("启动并装入各部门系统……")
        state = {**wanted, "step": 0, "service_centre": _fill(place, county, server)}
        answer.write(county, place.root)
        place.write_state(state)
        place.tell_day(as_of)
    cases = place.service_centre()
    if cases:
        cases.start()
    else:
        print(FALLBACK, file=sys.stderr)
        _write_fallback(place)
    _start_hotline(place)
    _write_env(place, server, cases)
    return {**state, "seconds": round(time.monotonic() - begun, 1)}


def _maker() -> str:
    """What tells this generator from an older one that may have filled the systems."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def stop(home: Path) -> None:
    """End the county's processes, each by its id; data stay."""
    place = Place(home)
    _stop_hotline(place)
    cases = place.service_centre() if place.root.exists() else None
    if cases:
        cases.stop()
    place.databases().stop()


def status(home: Path) -> dict[str, Any]:
    """The state, and the process id of each system (None when it is down)."""
    place = Place(home)
    if not place.state.exists():
        return {"filled": False}
    cases = place.service_centre()
    return {
        "filled": True, **place.read_state(), "files": str(place.files), "answers": str(place.root / "expected.json"),
        "processes": {"postgresql": place.databases().pid(), "mariadb": cases.pid() if cases else None, "hotline": _hotline_pid(place)},
    }  # fmt: skip


def _fill(place: Place, county: County, server: postgresql.Server) -> str:
    """Fill every system; tells which database the service centre has."""
    passwords = place.passwords()
    frames = {connector: source.table for connector, source in county.sources.items()}
    mine = mariadb.available()

    def registers() -> None:
        for database, tables, password in (("scjg", databases.MARKET, "market"), ("bdc", databases.ESTATE, "estate")):
            databases.fill_postgresql(
                server.create_database(database), tables, frames, f"{_READER}_{database}", passwords[password]
            )

    def cases() -> None:
        if not mine:
            databases.fill_sqlite(place.cases, databases.CASES, frames)
            return
        with mariadb.Server(place.root / "mariadb", passwords).start().connect() as connection:
            databases.fill_mariadb(connection, databases.CASES, frames, place.root)

    def hotline() -> None:
        place.hotline.mkdir(mode=0o700, exist_ok=True)
        databases.fill_hotline(place.hotline / "store.sqlite", frames)

    def files() -> None:
        for old in place.files.glob("*/*"):
            old.unlink()
        workbook.write(county, place.files)

    with ThreadPoolExecutor(4) as pool:
        for task in [pool.submit(work) for work in (registers, cases, hotline, files)]:
            task.result()
    return "mariadb" if mine else "sqlite"


def _hotline_pid(place: Place) -> int | None:
    try:
        pid = int((place.hotline / "pid").read_text())
        mine = str(place.hotline).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if mine else None


def _start_hotline(place: Place) -> None:
    if _hotline_pid(place) is not None:
        return
    token = place.hotline / "token"
    token.touch(mode=0o600)
    token.write_text(place.passwords()["hotline"])
    port_file = place.hotline / "port"
    if not port_file.exists() or not port_is_free(int(port_file.read_text())):
        port_file.write_text(str(free_port()))
    port = int(port_file.read_text())
    command = [sys.executable, "-m", "examples.county.api", str(place.hotline / "store.sqlite"), str(port), str(token)]
    with (place.hotline / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    (place.hotline / "pid").write_text(str(process.pid))
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"the hotline interface does not answer; see {place.hotline / 'server.log'}")


def _stop_hotline(place: Place) -> None:
    pid = _hotline_pid(place)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    for _ in range(200):
        if _hotline_pid(place) is None:
            return
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            time.sleep(0.05)
    raise RuntimeError(f"the hotline interface {pid} did not stop within 10 s")


def _write_env(place: Place, server: postgresql.Server, cases: mariadb.Server | None) -> None:
    """Put the county's addresses and secrets into hub.env (0600); lines of others stay as they are."""
    passwords = place.passwords()
    lines = {
        "HUB_SOURCE_MARKET_ADDRESS": f"127.0.0.1:{server.port}",
        "HUB_SECRET_MARKET_PASSWORD": passwords["market"],
        "HUB_SOURCE_ESTATE_ADDRESS": f"127.0.0.1:{server.port}",
        "HUB_SECRET_ESTATE_PASSWORD": passwords["estate"],
        "HUB_SOURCE_SERVICE_ADDRESS": f"127.0.0.1:{cases.port}" if cases else str(place.cases),
        "HUB_SECRET_SERVICE_PASSWORD": passwords["reader"],
        "HUB_SOURCE_HOTLINE_URL": f"http://127.0.0.1:{(place.hotline / 'port').read_text()}/api",
        "HUB_SECRET_HOTLINE_TOKEN": passwords["hotline"],
        "HUB_SOURCE_INBOX": str(place.files),
        "HUB_SOURCE_NETWORKS": "127.0.0.0/8",  # the demo's servers are on this machine; a site's are not
    }
    file = place.home / "hub.env"
    kept = (
        [line for line in file.read_text(encoding="utf-8").splitlines() if line.partition("=")[0].strip() not in lines]
        if file.exists()
        else []
    )
    text = "\n".join([*kept, *(f"{name}={value}" for name, value in lines.items())]) + "\n"
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return
    fresh = file.with_name("hub.env.new")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(file)


def _write_fallback(place: Place) -> None:
    """Connector files for the service centre's SQLite file, in the hub home's own connector folder."""
    target = place.home / "connectors" / "service_center"
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted((_ROOT / "connectors" / "departments" / "service_center").glob("*.yaml")):
        text = re.sub(r"driver: mysql", "driver: sqlite", file.read_text(encoding="utf-8"))
        (target / file.name).write_text(
            re.sub(r"url: .*", "url: ${HUB_SOURCE_SERVICE_ADDRESS}", text), encoding="utf-8"
        )
