"""What a command costs: wall time, CPU of its whole process tree, peak memory, and the server's CPU meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PERIOD = 0.05  # seconds between two looks at the process tree


@dataclass(frozen=True)
class Usage:
    """Seconds and MB of one command, from its start to its end.

    `cpu` is the command's process tree, `server_cpu` the database server's, `other_cpu` what everyone else on the
    machine used at the same time: a figure taken on a busy machine gives itself away. `peak_mb` is resident memory.
    """

    exit_code: int
    wall: float
    cpu: float
    server_cpu: float
    other_cpu: float
    peak_mb: int


def measure(
    command: Sequence[str], *, environment: Mapping[str, str], folder: Path, postmaster: int, time_limit: float = 3600
) -> Usage:
    """Run the command in `folder`; what it says goes to the files `stdout` and `stderr` there.

    A command that is not done within `time_limit` seconds is killed: its exit code is then -9.
    """
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        busy, server = _machine_cpu(), _server_cpu(postmaster)
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )  # fmt: skip
        memory = _Memory(process.pid)
        limit = threading.Timer(time_limit, os.killpg, (process.pid, signal.SIGKILL))
        limit.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            limit.cancel()
            memory.stop()
        wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = used.ru_utime + used.ru_stime
    server = _server_cpu(postmaster) - server
    other = max(0.0, _machine_cpu() - busy - cpu - server)
    return Usage(
        process.returncode, round(wall, 3), round(cpu, 2), round(server, 2), round(other, 2), memory.peak >> 20
    )


class _Memory(threading.Thread):
    """Watches a process tree; `peak` is the most bytes seen resident, or the highest of one process if that is more."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self._root, self._done, self.peak = root, threading.Event(), 0
        self.start()

    def run(self) -> None:
        while True:
            states = [state for pid in _tree(self._root) if (state := _memory(pid)) is not None]
            together = sum(now for now, _ in states)
            self.peak = max([self.peak, together, *(highest for _, highest in states)])
            if self._done.wait(_PERIOD):
                return

    def stop(self) -> None:
        self._done.set()
        self.join()


def _tree(root: int) -> Iterator[int]:
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        with suppress(OSError):  # it may be gone by now
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += map(int, children.read_text().split())


def _memory(pid: int) -> tuple[int, int] | None:
    """Bytes resident now and at most so far; None for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    found = {name: int(rest.split()[0]) << 10 for name, _, rest in (x.partition(":") for x in lines) if name in _SIZES}
    return (found["VmRSS"], found["VmHWM"]) if len(found) == len(_SIZES) else None


_SIZES = {"VmRSS", "VmHWM"}


def _server_cpu(postmaster: int) -> float:
    """CPU seconds of the server so far: the postmaster, its live children and (in its own account) the dead ones."""
    ticks = 0
    for pid in _tree(postmaster):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / _TICK


def _machine_cpu() -> float:
    """CPU seconds the whole machine has worked so far."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / _TICK
