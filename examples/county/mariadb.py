"""A private MariaDB for the service centre: own folder, own port, ended by its process id."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pymysql

from warehouse.engines.postgresql import free_port

DATABASE = "zwfw"
READER = "gongxiang"
_SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/usr/libexec"])


def available() -> bool:
    """Whether MariaDB's server and its installer are on this machine."""
    return bool(shutil.which("mariadbd", path=_SEARCH) and shutil.which("mariadb-install-db", path=_SEARCH))


class Server:
    """One MariaDB in `home`; `passwords` holds those of the administrator and of the hub's reader."""

    def __init__(self, home: Path, passwords: dict[str, str]) -> None:
        self.home, self.data = home, home / "data"
        self.passwords = passwords

    def start(self) -> Server:
        """Make it if it is new, start it if it is down.

        Raises:
            RuntimeError: it does not answer within a minute; its log is named.
        """
        if self.pid() is not None:
            return self
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = not (self.data / "mysql").is_dir()
        user = ["--user=root"] if os.geteuid() == 0 else []
        if fresh:
            shutil.rmtree(self.data, ignore_errors=True)
            install = [
                str(shutil.which("mariadb-install-db", path=_SEARCH)),
                "--no-defaults",
                f"--datadir={self.data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                *user,
            ]
            done = subprocess.run(install, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"mariadb-install-db: {(done.stderr or done.stdout).strip()[-500:]}")
        self._claim_port()
        command = [
            str(shutil.which("mariadbd", path=_SEARCH)), "--no-defaults", f"--datadir={self.data}", f"--port={self.port}", "--bind-address=127.0.0.1",
            f"--socket={self._socket()}", f"--pid-file={self.home / 'pid'}", "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=2",
            "--skip-name-resolve", "--local-infile=1", "--default-time-zone=+08:00", "--performance-schema=OFF", *user,
        ]  # fmt: skip
        with (self.home / "server.log").open("ab") as log:
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self._wait(fresh)
        if fresh:
            self._secure()
        return self

    def stop(self) -> None:
        """Stop it in order; nothing happens when it is down."""
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        for _ in range(600):
            if self.pid() is None:
                return
            time.sleep(0.05)
        raise RuntimeError(f"mariadbd {pid} did not stop within 30 s")

    def pid(self) -> int | None:
        """The server's process id; None when it is down."""
        try:
            pid = int((self.home / "pid").read_text())
            alive = str(self.data).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if alive else None

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        return int((self.home / "port").read_text())

    def connect(self) -> Any:
        """An administrator's pymysql connection that may load files."""
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            password=self.passwords["administrator"],
            database=DATABASE,
            charset="utf8mb4",
            local_infile=True,
        )

    def _claim_port(self) -> None:
        """Keep the port of last time while nobody else has it, so that addresses stay good."""
        file = self.home / "port"
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", int(file.read_text())))
            except (OSError, ValueError):
                file.write_text(str(free_port()))

    def _socket(self) -> Path:
        # A socket's path may be no longer than 107 bytes, a home's path may well be.
        return Path(tempfile.gettempdir()) / f"county-{self.port}.sock"

    def _wait(self, fresh: bool) -> None:
        password = "" if fresh else self.passwords["administrator"]
        for _ in range(600):
            try:
                pymysql.connect(unix_socket=str(self._socket()), user="root", password=password).close()
            except pymysql.OperationalError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"mariadbd does not answer; see {self.home / 'server.log'}")

    def _secure(self) -> None:
        connection = pymysql.connect(unix_socket=str(self._socket()), user="root", password="")
        with connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
            cursor.execute(f"CREATE USER '{READER}'@'127.0.0.1' IDENTIFIED BY '{self.passwords['reader']}'")
            cursor.execute(f"GRANT SELECT ON {DATABASE}.* TO '{READER}'@'127.0.0.1'")
            cursor.execute(
                f"CREATE OR REPLACE USER 'root'@'127.0.0.1' IDENTIFIED BY '{self.passwords['administrator']}'"
            )
            cursor.execute("GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION")
            cursor.execute(f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{self.passwords['administrator']}'")


def new_password() -> str:
    """A random password that needs no quoting anywhere."""
    return secrets.token_urlsafe(24)
