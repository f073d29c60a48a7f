"""The peers: tools a county could use instead to move the rows. None of them checks, lands or keeps history here.

Each is called as its documentation shows, with the settings that were quickest, in a venv of its own made from
pinned versions.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.ticket.contender import STEPS, Contender, Task
from schemas.errors import ConfigError


def _dlt(task: Task) -> list[str]:
    return [str(task.venv / "bin" / "python"), "-P", str(Path(__file__).with_name("dlt_step.py"))]


def _sling(task: Task) -> list[str]:
    program = next(task.venv.glob("lib/python*/site-packages/sling_linux_amd64/bin/sling-linux-amd64"))
    target = [
        "--tgt-conn",
        f"{task.target_url}?sslmode=disable",
        "--tgt-object",
        "public.ticket",
        "--primary-key",
        "ticket_id",
    ]
    if task.step == "w2_csv":  # it has no decoder for GB18030
        script = 'iconv -f GB18030 -t UTF-8 "$1" | "${@:2}"'
        source = ["--src-options", '{"empty_as_null": true, "format": "csv"}', "--mode", "full-refresh"]
        return ["bash", "-o", "pipefail", "-ec", script, "sling", str(task.csv), str(program), "run", *source, *target]
    mode = {
        "a_initial": ["--mode", "full-refresh"],
        "b_cursor": ["--mode", "incremental", "--update-key", "updated_at"],
        "c_full": ["--mode", "incremental"],
    }[task.step]
    source = ["--src-conn", f"{task.source_url}?sslmode=disable", "--src-stream", "public.ticket"]
    return [str(program), "run", *source, *target, *mode]


def _ingestr(task: Task) -> list[str]:
    mode = {
        "a_initial": ["--incremental-strategy", "replace"],
        # It keeps no bookmark between two calls: the caller names the day from which to read.
        "b_cursor": [
            "--incremental-strategy",
            "merge",
            "--incremental-key",
            "updated_at",
            "--interval-start",
            "2026-09-01",
        ],
        "c_full": ["--incremental-strategy", "merge"],
    }[task.step]
    return [
        str(task.venv / "bin" / "ingestr"), "ingest", "--yes", "--progress", "log", "--pipelines-dir", str(task.state / "pipelines"),
        "--source-uri", task.source_url, "--source-table", "public.ticket", "--dest-uri", task.target_url,
        "--dest-table", "public.ticket", "--primary-key", "ticket_id", *mode,
    ]  # fmt: skip


DLT = Contender(
    name="dlt",
    title="dlt 1.31.0",
    table="bench.ticket",
    command=_dlt,
    requirements=(
        "dlt[postgres,sql_database,parquet]==1.31.0", "connectorx==0.4.6", "sqlalchemy==2.1.9", "psycopg2-binary==2.9.13", "pyarrow==26.0.1",
        "pandas==3.1.1", "adbc-driver-postgresql==1.13.0", "adbc-driver-manager==1.13.0", "duckdb==1.5.5",
    ),
    environment={"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "WARNING", "LOAD__WORKERS": "2"},
)  # fmt: skip
SLING = Contender(
    name="sling",
    title="sling 1.4.11",
    table="public.ticket",
    command=_sling,
    requirements=("sling-linux-amd64==1.4.11",),
    environment={"SLING_DISABLE_TELEMETRY": "true"},
)
INGESTR = Contender(
    name="ingestr",
    title="ingestr 0.14.155",
    table="public.ticket",
    command=_ingestr,
    steps=frozenset(STEPS) - {"w2_csv"},
    requirements=("ingestr==0.14.155",),
    environment={"DISABLE_TELEMETRY": "true", "TELEMETRY_DISABLED": "true", "INGESTR_DISABLE_TELEMETRY": "true"},
)


def install(contender: Contender, folder: Path) -> Path:
    """The contender's venv under `folder`, made when it is not there or was made from other requirements.

    Raises:
        ConfigError: uv is missing, or one of the packages cannot be had.
    """
    venv = folder / contender.name
    wanted = "\n".join(contender.requirements)
    note = venv / "requirements.txt"
    if not contender.requirements or (note.exists() and note.read_text() == wanted):
        return venv
    uv = _uv()
    python = ["--python", str(venv / "bin" / "python")]
    shutil.rmtree(venv, ignore_errors=True)
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(venv)],
        [uv, "pip", "install", "--quiet", "--compile-bytecode", *python, *contender.requirements],
    ):
        # Not in the repository: uv would hold the peers to the hub's own constraints.
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ConfigError(
                f"{contender.name}",
                f"装不上（{done.stderr.strip()[-300:]}）",
                f"请检查 PyPI 是否可达，或用 --peers 去掉 {contender.name}",
            )
    note.write_text(wanted)
    return venv


def _uv() -> str:
    folders = [Path(sys.prefix) / "share" / "uv" / "bin", Path(sys.prefix) / "bin"]
    for folder in folders:
        if (folder / "uv").exists():
            return str(folder / "uv")
    if found := shutil.which("uv"):
        return found
    raise ConfigError("同类工具", "找不到 uv，装不了它们的环境", "请运行 make bench，它会先备好 uv")
