"""The child process that reads one query of MySQL into a spool file: started, let go, ended together with its query."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

_SCRIPT = Path(__file__).parent / "mysql_reader.py"
_FAREWELL = 20  # seconds for the child to end its query
_TOGETHER = 60  # seconds in which all children have to be there


class Child:
    """One reading process; it waits to be let go."""

    def __init__(self, descriptor: int, job: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_SCRIPT), str(descriptor)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, pass_fds=[descriptor], text=True,
        )  # fmt: skip
        self._write(json.dumps(job))

    def ready(self) -> None:
        """Wait until what it needs is loaded, or it has ended."""
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def go(self) -> None:
        """Let it begin."""
        self._write("go")

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def result(self, seconds: float) -> str | None:
        """What went wrong, None when the last row is written.

        Raises:
            subprocess.TimeoutExpired: it takes longer.
        """
        told = self._process.communicate(timeout=seconds)[0].strip()
        return None if self._process.returncode == 0 else told or "读取进程意外退出"

    def end(self) -> None:
        """End it, and its query in the source's database; nothing happens when it has ended."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_FAREWELL)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def close(self) -> None:
        """End it and let go of its pipes."""
        self.end()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; `result` tells why


class Moment:
    """Lets several readers begin while nobody writes: `lock` when all are ready, `unlock` when all have begun."""

    def __init__(self, readers: int, lock: Callable[[], None], unlock: Callable[[], None]) -> None:
        self._unlock, self._all_begun = unlock, False
        self._ready = threading.Barrier(readers, lock, _TOGETHER)
        self._begun = threading.Barrier(readers, self._let_in, _TOGETHER)

    def ready(self) -> None:
        """Wait for the others, and for the lock.

        Raises:
            threading.BrokenBarrierError: one of them has failed.
        """
        self._ready.wait()

    def begun(self) -> None:
        """Wait until all others have begun too.

        Raises:
            threading.BrokenBarrierError: one of them has failed.
        """
        self._begun.wait()

    def _let_in(self) -> None:
        self._unlock()
        self._all_begun = True

    def give_up(self) -> None:
        """Tell the others, unless all have begun: one that is through may be sooner than others are back from waiting."""
        if self._all_begun:
            return
        self._ready.abort()
        self._begun.abort()
