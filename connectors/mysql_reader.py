"""A child process that reads one MySQL query with connectorx into an Arrow file, then ends.

It is a process of its own because connectorx holds Python's global lock while it waits for the server (one
slow department would freeze every other source), queues without a limit when its reader is slow, and panics
instead of raising. So it spools to a compressed file as fast as the server sends; the department's
connection is free again at the earliest moment, and nothing is handed on before all of it has arrived.

It is two: one reads, the other watches. The server notices that a client is gone only when it writes to it, so when
the hub ends the reading, or is gone itself, the watcher ends the statement in the department's database.

Run as a script: the job comes as the first line of stdin, as JSON (url, sql, setup, token, login); `ready` is written
to stdout, the next line of stdin lets it begin, the rows leave through the file descriptor named in argv. Exit code 1
and one more line on stdout tell a failure.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from typing import Any

BATCH_ROWS = 50_000
_DIE_WITH_PARENT = 1  # prctl(PR_SET_PDEATHSIG, …): no orphan goes on reading a department's database
_FAREWELL = 5.0  # seconds in which a statement has to be gone
_QUIET = 1.0  # seconds without it: one that was just sent may not have begun
_PAUSE = 0.05


def main(descriptor: int) -> int:
    """Read the job, have it done, watch over it; 0 when the last row is written."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # typed at the terminal, it is the hub that hears it
    hub = os.getppid()
    job = json.loads(_line())
    reader = os.fork()
    if not reader:
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        # Skip the interpreter's farewell: connectorx leaves a pool behind that takes a second to unwind.
        code = _read(descriptor, job)
        sys.stdout.flush()
        os._exit(code)
    os.close(descriptor)

    def stop(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one, of a thread's end, must not begin anew
        with contextlib.suppress(ProcessLookupError):
            os.kill(reader, signal.SIGKILL)
        _end(job)
        os._exit(1)

    signal.signal(signal.SIGTERM, stop)
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)
    if os.getppid() != hub:
        stop()
    return 0 if os.waitpid(reader, 0)[1] == 0 else 1


def _read(descriptor: int, job: dict[str, Any]) -> int:
    os.environ["RUST_BACKTRACE"] = "0"
    import connectorx
    import pyarrow as pa

    print("ready", flush=True)
    if not _line():
        return 1
    try:
        reader = connectorx.read_sql(
            job["url"], job["sql"], return_type="arrow_stream", batch_size=BATCH_ROWS, pre_execution_query=job["setup"]
        )
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with os.fdopen(descriptor, "wb") as sink, pa.ipc.new_stream(sink, reader.schema, options=options) as writer:
            for batch in reader:
                writer.write_batch(batch)
    except OSError as error:
        print(f"OS {error.errno}")
        return 1
    except BaseException as error:  # a Rust panic is no Exception
        print(str(error).replace("\n", " "))
        return 1
    return 0


def _line() -> bytes:
    """One line of stdin, byte by byte: what follows it is for the other of the two."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"\n", b""):
        line += byte
    return line


def _end(job: dict[str, Any]) -> None:
    """Kill the connection whose statement bears the job's token, as its owner may."""
    import pymysql

    with contextlib.suppress(pymysql.MySQLError), pymysql.connect(**job["login"], connect_timeout=5) as connection:
        cursor, seen = connection.cursor(), time.monotonic()
        until = seen + _FAREWELL
        while time.monotonic() < min(until, seen + _QUIET):
            cursor.execute(
                "SELECT id FROM information_schema.processlist WHERE info LIKE %s AND id <> CONNECTION_ID()",
                [f"%{job['token']}%"],
            )
            for (thread,) in cursor.fetchall():
                seen = time.monotonic()
                with contextlib.suppress(pymysql.MySQLError):
                    cursor.execute(f"KILL {int(thread):d}")
            time.sleep(_PAUSE)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
