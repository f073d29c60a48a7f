"""The sample driver of examples/driver, built and installed as any package, meets what the hub's own drivers meet."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from connectors import drivers
from schemas.errors import ConfigError, SourceChanged, SourceUnavailable
from tests.conformance.suite import COLUMNS, HOSTILE_COLUMNS, ROWS, Conformance, Source, failure, rows_of

ROOT = Path(__file__).resolve().parents[2]
WIDTHS = dict(zip(COLUMNS, (12, 40, 19, 16, 6, 60), strict=True))


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder the package is installed into, as pip does it."""
    folder = tmp_path_factory.mktemp("installed")
    sample = folder / "sample"
    shutil.copytree(ROOT / "examples" / "driver", sample)
    uv = Path(sys.prefix) / "share" / "uv" / "bin" / "uv"
    command = [
        uv,
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--target",
        folder / "site",
        sample,
    ]
    subprocess.run(command, check=True, env={**os.environ, "UV_OFFLINE": "1"})
    return folder / "site"


class FixedWidthSource(Source):
    modes = ("file_full",)

    def __init__(self, path):
        self.path = path

    def options(self):
        return {"driver": "fixed_width", "path": "${HUB_SOURCE_TEST}", "widths": WIDTHS}

    def put(self, rows, columns=COLUMNS):
        lines = (b"".join(self.cell(v).ljust(WIDTHS[c]) for c, v in zip(columns, row, strict=True)) for row in rows)
        self.path.write_bytes(b"".join(line + b"\r\n" for line in lines))

    def put_hostile(self, rows):
        widths = dict.fromkeys(HOSTILE_COLUMNS, 8000)
        lines = (b"".join(self.cell(v).ljust(8000) for v in row) for row in rows)
        self.path.write_bytes(b"".join(line + b"\r\n" for line in lines))
        return {"widths": widths}

    def cell(self, value):
        return ("" if value is None else str(value).replace("\n", " ")).encode("gb18030")

    def expected(self, row):
        return tuple(None if v is None else str(v).replace("\n", " ").rstrip(" ") for v in row)


@pytest.fixture
def source(installed, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.setenv("PYTHONPATH", str(installed))
    drivers.driver_class.cache_clear()
    made = FixedWidthSource(tmp_path / "bank.txt")
    made.put(ROWS)
    monkeypatch.setenv("HUB_SOURCE_TEST", str(made.path))
    yield made
    drivers.driver_class.cache_clear()
    sys.modules.pop("tongqu_fixed_width", None)


class TestFixedWidth(Conformance):
    """One file."""

    def test_it_came_by_its_entry_point(self, source):
        assert "fixed_width" in drivers.usable()
        assert drivers.driver_class("fixed_width").__module__ == "tongqu_fixed_width"

    def test_cut_line_is_told(self, source):
        source.path.write_bytes(source.path.read_bytes()[:-30])
        assert "第 4 行" in failure(source.connector(), SourceChanged)

    def test_same_file_comes_once(self, source):
        assert len(rows_of(source.connector())) == len(ROWS)
        driver = drivers.open_driver(source.connector())
        [delivery] = driver.deliveries(None, ())
        assert list(driver.deliveries(None, {delivery.content_sha256})) == []

    def test_missing_file_is_told(self, source):
        source.path.unlink()
        failure(source.connector(), SourceUnavailable)


def test_hub_check_reads_a_connector_of_it(installed, tmp_path):
    folder = tmp_path / "bank"
    folder.mkdir()
    file = folder / "loan.yaml"
    file.write_text(
        "title: 定长\ndataset: hotline_callback\nsource: {driver: fixed_width, path: a.txt, widths: {编号: none}}\nfields: {callback_id: 编号}\n",
        encoding="utf-8",
    )
    code = "from connectors.spec import load; from pathlib import Path; load(Path('bank/loan.yaml'))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert "widths.编号 须是正整数" in done.stderr
    assert "没有驱动" not in done.stderr


def test_name_nobody_brings_is_told():
    with pytest.raises(ConfigError, match="没有驱动 'fixed_widht'"):
        drivers.driver_class("fixed_widht")


def test_broken_package_is_told(tmp_path, monkeypatch):
    for name, content in {
        "bad-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n",
        "bad-1.0.dist-info/entry_points.txt": "[hub.drivers]\nbad = no_such_module:X\nworse = json:loads\ncsv = json:loads\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="装载失败"):
        drivers.driver_class("bad")
    with pytest.raises(ConfigError, match="不是驱动"):
        drivers.driver_class("worse")
    assert set(drivers.usable()) == set(drivers.NAMES)
    assert "csv" not in drivers.from_outside()
    assert drivers.driver_class("csv").__module__ == "connectors.drivers.csv"
