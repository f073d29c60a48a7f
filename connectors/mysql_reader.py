"""A child process that reads one MySQL query with connectorx into an Arrow file, then ends.

It is a process of its own because connectorx holds Python's global lock while it waits for the server (one
slow department would freeze every other source), queues without a limit when its reader is slow, and panics
instead of raising. So it spools to a compressed file as fast as the server sends; the department's
connection is free again at the earliest moment, and nothing is handed on before all of it has arrived.

Run as a script: the job comes on stdin as JSON (url, sql, setup), the rows leave through the file descriptor
named in argv. Exit code 1 and one line on stdout tell a failure.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

BATCH_ROWS = 50_000
_DIE_WITH_PARENT = 1, 9  # prctl(PR_SET_PDEATHSIG, SIGKILL): no orphan goes on reading a department's database


def main(descriptor: int) -> int:
    """Read the job, write the rows; 0 when the last one is written."""
    ctypes.CDLL(None).prctl(*_DIE_WITH_PARENT)
    os.environ["RUST_BACKTRACE"] = "0"
    import connectorx
    import pyarrow as pa

    job = json.load(sys.stdin)
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


if __name__ == "__main__":
    # Skip the interpreter's farewell: connectorx leaves a pool behind that takes a second to unwind.
    code = main(int(sys.argv[1]))
    sys.stdout.flush()
    os._exit(code)
