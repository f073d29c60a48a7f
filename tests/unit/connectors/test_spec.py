"""Connector files: what is read, and how each mistake is told."""

import subprocess
import sys
import time

import pytest

from connectors.spec import DEPARTMENTS, load, load_registry
from schemas.errors import ConfigError


class Field:
    def __init__(self, required=False, title=""):
        self.required, self.title = required, title


FIELDS = {"ticket_no": Field(True, "工单编号"), "recorded_at": Field(), "replied_at": Field(), "channel": Field()}

GOOD = """
# 县 12345 热线平台 → 工单。登记单位：县热线办综合股。
title: 12345 热线工单
dataset: hotline_ticket
source:
  driver: postgresql
  url: ${HUB_SOURCE_HOTLINE_URL}
  table: public.ticket
load: {mode: cursor, cursor: updated_at, lookback: 10m}
schedule: "*/10 * * * *"
fields:
  ticket_no: 工单编号
  recorded_at: 来电时间
constants: {channel: phone}
"""


def fields_of(dataset):
    if dataset != "hotline_ticket":
        raise ConfigError(f"数据集 '{dataset}'", "没有这个数据集的契约", "是否想写 'hotline_ticket'？")
    return FIELDS


@pytest.fixture
def write(tmp_path):
    def write(text, name="ticket", dept="hotline_office"):
        path = tmp_path / dept / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def told(path, **options):
    """The lines of the error a file ends in."""
    with pytest.raises(ConfigError) as caught:
        load(path, fields_of=fields_of, **options)
    lines = str(caught.value).splitlines()
    assert all(
        line.startswith("hotline_office/ticket.yaml：") or "文件夹" in line or line.startswith("hotline_office/")
        for line in lines
    )
    return lines


def test_good_file_is_read(write):
    c = load(write(GOOD), fields_of=fields_of)
    assert (c.id, c.dept, c.dataset, c.driver) == (
        "hotline_office/ticket",
        "hotline_office",
        "hotline_ticket",
        "postgresql",
    )
    assert (c.mode, c.cursor, c.lookback, c.pool, c.timezone) == (
        "cursor",
        "updated_at",
        "10m",
        "hotline_office",
        "Asia/Shanghai",
    )
    assert c.source_columns == ["工单编号", "来电时间", "updated_at"]
    assert c.constants == {"channel": "phone"}
    assert c.source["url"] == "${HUB_SOURCE_HOTLINE_URL}"
    assert c.enabled


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "recorded_at: 来电",
            "recorded_on: 来电",
            "fields.recorded_on：数据集 'hotline_ticket' 没有这个字段。是否想写 'recorded_at'？",
        ),
        (
            "channel: phone",
            "chanel: phone",
            "constants.chanel：数据集 'hotline_ticket' 没有这个字段。是否想写 'channel'？",
        ),
        ("channel: phone", "ticket_no: 1", "constants.ticket_no：fields 里已经对应了列。请只留一处。"),
        (
            "  ticket_no: 工单编号\n",
            "",
            "fields：缺少必填字段 'ticket_no'（工单编号）。请写上它在源系统的列名，或在 constants 里给定值。",
        ),
        ("table:", "tabel:", "source.tabel：驱动 postgresql 没有这个选项。是否想写 'table'？"),
        ("driver: postgresql", "driver: postgres", "source.driver：没有驱动 'postgres'。是否想写 'postgresql'？"),
        ("schedule:", "shedule:", "shedule：没有这个键。是否想写 'schedule'？"),
        ("dataset: hotline_ticket", "dataset: ticket", "dataset：没有这个数据集的契约。是否想写 'hotline_ticket'？"),
        ("title: 12345 热线工单\n", "", "title：缺少这一项。请补上。"),
        ("mode: cursor,", "mode: curser,", "load.mode：驱动 postgresql 不支持 'curser'。是否想写 'cursor'？"),
        ("mode: cursor,", "mode: file,", "load.mode：驱动 postgresql 不支持 'file'。"),
        ("cursor: updated_at, ", "", "load.cursor：按游标增量时须写明"),
        ("lookback: 10m", "lookback: 十分钟", "load.lookback：'十分钟' 不是一段时长。"),
        ("lookback: 10m", "look_back: 10m", "load.look_back：没有这个键。是否想写 'lookback'？"),
        ('"*/10 * * * *"', '"every day"', "schedule：'every day' 不是五段的定时写法。"),
        ("schedule:", "timezone: Asia/Peking\nschedule:", "timezone：没有时区 'Asia/Peking'。"),
        ("${HUB_SOURCE_HOTLINE_URL}", "${HOME}", "source：引用 ${HOME} 不合规。"),
        ("${HUB_SOURCE_HOTLINE_URL}", "postgresql://u:geheim@h/d", "source.url：密码或令牌不得写进文件。"),
        ("  table: public.ticket\n", "", "source：table 和 query 须写且只写一个。"),
        ("table: public.ticket", "query: DELETE FROM ticket", "source：query 须是一条 SELECT。"),
        ("table: public.ticket", "query: SELECT 1; DROP TABLE x", "source：query 须是一条 SELECT。"),
        (
            "table: public.ticket",
            "table: public.ticket\n  timeout: long",
            "source.timeout：一次读取的时限（秒）：应当是一个数。",
        ),
        ("recorded_at: 来电时间", "recorded_at: [a, b]", "fields.recorded_at：应当是源系统的列名。"),
        ("dataset: hotline_ticket", "dataset: 12", "dataset：应当是一段文字。"),
        (
            "recorded_at: 来电时间",
            "recorded_at: UPD\n  updated_at: upd",
            "fields：列 'UPD' 和 'upd' 只差大小写，分不清。请只采集一列，或请部门在视图里改名。",
        ),
    ],
)
def test_each_mistake_is_told_with_its_place_and_cure(write, old, new, line):
    assert old in GOOD
    lines = told(write(GOOD.replace(old, new)))
    assert any(f"hotline_office/ticket.yaml：{line}" in one for one in lines), lines


def test_all_mistakes_are_told_at_once(write):
    lines = told(write(GOOD.replace("recorded_at:", "x:").replace("table:", "tabel:").replace("title:", "titel:")))
    assert len(lines) == 5


def test_secret_in_a_file_is_not_repeated(write):
    assert "geheim" not in "\n".join(
        told(write(GOOD.replace("${HUB_SOURCE_HOTLINE_URL}", "postgresql://u:geheim@h/d")))
    )


def test_wrong_yaml_tells_the_line(write):
    assert told(write("title: a\nsource: {driver: csv\nfields:\n  a: b\n"))[0].startswith(
        "hotline_office/ticket.yaml：第 "
    )
    assert "不是有效的 YAML" in told(write("title: a\n\tb: c\n"))[0]
    assert "键: 值" in told(write("只是一段话"))[0]
    assert "键: 值" in told(write(""))[0]


def test_file_that_is_no_utf8_is_told(write):
    path = write(GOOD)
    path.write_bytes(GOOD.encode("gb18030"))
    assert "UTF-8" in told(path)[0]


def test_folder_must_be_a_department(write):
    assert "hotline_office" in told(write(GOOD, dept="hotline_ofice"), departments=["hotline_office"])[0]


@pytest.mark.parametrize(
    ("driver", "options", "mode"),
    [
        ("csv", "path: /x/*.csv", "file"),
        ("excel", "path: /x/*.xlsx", "file"),
        ("sqlite", "{url: x, table: t}", "full"),
        ("exchange", "{url: x, table: t}", "exchange"),
    ],
)
def test_mode_follows_from_the_driver(write, driver, options, mode):
    options = options.strip("{}").replace(", ", "\n  ")
    text = f"title: a\ndataset: hotline_ticket\nsource:\n  driver: {driver}\n  {options}\nfields: {{ticket_no: 编号}}\n"
    assert load(write(text), fields_of=fields_of).mode == mode


def test_one_bad_file_never_stops_the_others(write, tmp_path):
    write(GOOD)
    write(GOOD.replace("fields:", "feilds:"), name="broken")
    registry = load_registry(tmp_path, fields_of=fields_of)
    assert list(registry.connectors) == ["hotline_office/ticket"]
    assert "feilds" in str(registry.broken["hotline_office/broken"])
    assert registry.get("hotline_office/ticket").title == "12345 热线工单"
    with pytest.raises(ConfigError, match="feilds"):
        registry.get("hotline_office/broken")
    with pytest.raises(ConfigError, match="是否想写 'hotline_office/ticket'"):
        registry.get("hotline_office/tickets")


def test_later_folder_replaces_a_file_of_the_same_id(write, tmp_path):
    write(GOOD)
    site = tmp_path / "site" / "hotline_office"
    site.mkdir(parents=True)
    (site / "ticket.yaml").write_text(GOOD.replace("12345 热线工单", "本县工单"), encoding="utf-8")
    registry = load_registry(tmp_path, tmp_path / "site", fields_of=fields_of)
    assert registry.get("hotline_office/ticket").title == "本县工单"


def test_two_hundred_connectors_load_in_about_a_second(write, tmp_path):
    for number in range(200):
        write(GOOD, name=f"ticket_{number}")
    load_registry(tmp_path, fields_of=fields_of)
    begun = time.process_time()
    assert len(load_registry(tmp_path, fields_of=fields_of).connectors) == 200
    assert time.process_time() - begun < 1.5


def test_connectors_that_come_with_the_hub_are_sound():
    registry = load_registry()
    assert registry.broken == {}
    assert {path.stem for path in DEPARTMENTS.glob("*/*.yaml")} == {c.id.partition("/")[2] for c in registry}


def test_reading_connector_files_imports_nothing_heavy():
    code = (
        "import sys, connectors.spec; from connectors.drivers import NAMES, driver_class; [driver_class(n) for n in NAMES];"
        "print(sorted({'pyarrow', 'numpy', 'pandas', 'polars', 'duckdb', 'httpx', 'pymysql', 'connectorx', 'python_calamine',"
        " 'adbc_driver_manager', 'pydantic', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        ("boolean", "是", "true 或 false"), ("boolean", True, None), ("integer", "一", "整数"), ("integer", True, "整数"),
        ("bigint", 5, None), ("numeric(12,2)", "1.50", None), ("numeric(12,2)", "一元", "一个数"), ("date", "2026-03-01", None),
        ("timestamp", "昨天", "时间"), ("varchar(20)", "许可", None), ("", "any", None),
    ],
)  # fmt: skip
def test_constants_must_be_of_the_field_s_type(kind, value, problem):
    from connectors.spec import _constant_problem

    found = _constant_problem(kind, value)
    assert (found is None) if problem is None else problem in found
