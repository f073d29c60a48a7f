"""The house: rooms import downwards only, bear no other package's name, and ship every data file."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("schemas", "connectors", "quality", "warehouse", "views", "pipelines", "portal", "hub")


@pytest.mark.parametrize("room", ROOMS)
def test_room_is_ours_and_nobody_elses(room: str) -> None:
    """A dependency that brought a package of the same name would shadow the room, or be shadowed by it."""
    assert set(packages_distributions().get(room, ["tongqu"])) == {"tongqu"}
    found = subprocess.run(
        [sys.executable, "-c", f"import {room}; print({room}.__file__)"],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()) == ROOT / room / "__init__.py"


def test_imports_go_down_only() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_short_job_imports_nothing_heavy() -> None:
    """What a minute's cron job loads before it does anything: half of such a job's time was once imports."""
    heavy = "pandas,polars,sqlalchemy,alembic,dagster,great_expectations,pydantic,sqlglot,httpx,typer"
    code = f"import sys, warehouse.load; print([m for m in '{heavy}'.split(',') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_wheel_ships_every_data_file(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    shipped = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for suffix in ("*.yaml", "*.sql", "*.mako", "*.html", "*.css", "*.js")
        for path in (ROOT / room).rglob(suffix)
    }
    assert wanted
    assert wanted <= shipped
