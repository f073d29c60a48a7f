"""The command line as a user runs it: real processes, a real warehouse, files of a department."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import psycopg
import pyarrow.parquet as pq
import pytest

from warehouse.engines.postgresql import Server, free_port

HUB = Path(sys.executable).with_name("hub")
HEADER = "回访编号,工单编号,轮次,回访时间,方式,备注"
ROWS = (
    "CB00001,GD001,1,2026-03-01 09:00:00,电话,",
    "CB00002,GD002,1,2026-03-01 10:00:00,飞鸽,=1+1",
    "CB00003,,1,2026-03-02 09:00:00,短信,00123",
    "CB00004,GD004,2,2026-03-02 10:00:00,短信,",
)
CONNECTOR = """title: {title}
dataset: hotline_callback
source: {{driver: csv, path: "${{HUB_SOURCE_INBOX}}/{pattern}", settle: 0}}
load: {{mode: file}}
fields: {{callback_id: 回访编号, ticket_no: 工单编号, round: 轮次, called_at: 回访时间, method: 方式}}
"""

Hub = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("site")
    for name in ("inbox", "connectors", "drafts"):
        (made / name).mkdir()
    return made


@pytest.fixture(scope="module")
def environment(folder: Path, postgres_server: Server) -> Iterator[dict[str, str]]:
    url = postgres_server.create_database("test_cli")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    yield kept | {
        "HUB_HOME": str(folder / "home"), "HUB_DATABASE_URL": url, "HUB_CONNECTORS": str(folder / "connectors"), "HUB_SOURCE_INBOX": str(folder / "inbox"),
        "PYTHONIOENCODING": "utf-8",
    }  # fmt: skip
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute('DROP DATABASE "test_cli" WITH (FORCE)')


@pytest.fixture(scope="module")
def hub(environment: dict[str, str]) -> Hub:
    """Run one command; a traceback is never shown, and nothing is coloured in a pipe."""

    def call(*words: str, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [HUB, *words],
            env=environment | more,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=300,
        )
        assert "Traceback" not in done.stderr
        assert "\x1b[" not in done.stdout + done.stderr
        assert done.returncode == code, done.stderr
        return done

    return call


@pytest.fixture(scope="module")
def site(hub: Hub, folder: Path) -> Hub:
    """A hub with two connectors, one run behind it and one source that cannot be read."""
    hub("init")
    (folder / "inbox" / "callback_01.csv").write_text("\n".join([HEADER, *ROWS]) + "\n", encoding="utf-8-sig")
    _draft(folder, "callback", "回访", "callback_*.csv")
    hub("connector", "add", str(folder / "drafts" / "callback.yaml"), "--as", "hotline_office/callback")
    _draft(folder, "lost", "不在的目录", "nowhere/*.csv")
    hub("connector", "add", str(folder / "drafts" / "lost.yaml"), "--as", "hotline_office/lost")
    hub("run", "--select", "*/callback")
    return hub


def _draft(folder: Path, name: str, title: str, pattern: str) -> Path:
    path = folder / "drafts" / f"{name}.yaml"
    path.write_text(CONNECTOR.format(title=title, pattern=pattern), encoding="utf-8")
    return path


def test_init_keeps_what_is_there(site: Hub, folder: Path) -> None:
    settings = folder / "home" / "hub.env"
    assert settings.stat().st_mode & 0o777 == 0o600
    settings.write_text("# mine\n", encoding="utf-8")
    site("init")
    assert settings.read_text(encoding="utf-8") == "# mine\n"


def test_a_draft_with_a_mistake_is_refused_with_the_nearest_name(site: Hub, folder: Path) -> None:
    draft = folder / "drafts" / "wrong.yaml"
    draft.write_text(
        _draft(folder, "right", "回访", "x.csv").read_text(encoding="utf-8").replace("called_at:", "caled_at:"),
        encoding="utf-8",
    )
    told = site("connector", "add", str(draft), "--as", "hotline_office/wrong", code=1).stderr
    assert "fields.caled_at：数据集 'hotline_callback' 没有这个字段。是否想写 'called_at'？" in told
    assert not (folder / "connectors" / "hotline_office" / "wrong.yaml").exists()
    assert site("check", str(draft), code=1).stdout.count("✗")


def test_a_connector_is_never_overwritten(site: Hub, folder: Path) -> None:
    target = folder / "connectors" / "hotline_office" / "callback.yaml"
    before = target.read_bytes()
    assert (
        "已经登记过"
        in site(
            "connector",
            "add",
            str(_draft(folder, "callback", "另一个", "y.csv")),
            "--as",
            "hotline_office/callback",
            code=1,
        ).stderr
    )
    assert target.read_bytes() == before


def test_connector_list_show_test_preview(site: Hub) -> None:
    assert [c["id"] for c in json.loads(site("connector", "list", "-o", "json").stdout)] == [
        "hotline_office/callback",
        "hotline_office/lost",
    ]
    assert "called_at" in site("connector", "show", "hotline_office/callback").stdout
    assert "✗" not in site("connector", "test", "hotline_office/callback").stdout
    assert "✗" in site("connector", "test", "hotline_office/lost", code=1).stdout
    shown = json.loads(site("connector", "preview", "hotline_office/callback", "-n", "2", "-o", "json").stdout)
    assert [row["回访编号"] for row in shown] == ["CB00001", "CB00002"]
    assert "是否想写 'hotline_office/callback'" in site("connector", "show", "hotline_office/calback", code=2).stderr


def test_a_second_run_finds_nothing_new(site: Hub) -> None:
    assert "没有新数据" in site("run", "--select", "*/callback").stderr


def test_one_failing_source_never_stops_the_other(site: Hub, folder: Path) -> None:
    (folder / "inbox" / "callback_02.csv").write_text(
        f"{HEADER}\nCB00005,GD005,1,2026-03-03 09:00:00,电话,\n", encoding="utf-8"
    )
    told = site("run", code=1).stderr
    assert "hotline_office/lost" in told
    assert "取到 1 行，通过 1，隔离 0；新增 1" in told


def test_replay_asks_no_source_and_changes_nothing(site: Hub) -> None:
    told = site("replay", "-s", "hotline_office/callback", HUB_SOURCE_INBOX="/nonexistent").stderr
    assert "没有变化" in told


def test_status_knows_no_report_from_no_rows(site: Hub) -> None:
    rows = {row["connector"]: row for row in json.loads(site("status", "-o", "json").stdout)}
    assert rows["hotline_office/lost"]["state"] == "never"
    assert "extracted" not in rows["hotline_office/lost"]
    assert rows["hotline_office/callback"]["state"] == "on_time"
    assert rows["hotline_office/callback"]["waiting"] == 2
    assert "未报" in site("status").stdout


def test_a_refused_row_is_traced_to_file_and_row(site: Hub) -> None:
    rows = json.loads(site("quarantine", "list", "-o", "json").stdout)
    assert {(row["source"], *row["rules"]) for row in rows} == {
        ("callback_01.csv 第 3 行", "code_set"),
        ("callback_01.csv 第 4 行", "required"),
    }
    only = json.loads(
        site("quarantine", "list", "--rule", "code_set", "--connector", "hotline_office/*", "-o", "json").stdout
    )
    shown = site("quarantine", "show", str(only[0]["id"])).stdout
    for part in ("callback_01.csv 第 3 行", "飞鸽", "code_set", "回访编号：CB00002"):
        assert part in shown
    assert "没有这个编号" in site("quarantine", "show", "999999", code=2).stderr
    assert "是否想写 'code_set'" in site("quarantine", "list", "--rule", "codeset", code=2).stderr


def test_quarantine_leaves_as_text(site: Hub, folder: Path) -> None:
    book, text = folder / "back.xlsx", folder / "back.csv"
    site("quarantine", "export", str(book))
    site("quarantine", "export", str(text))
    sheet = openpyxl.load_workbook(book).active
    rows = list(sheet.iter_rows(values_only=True))
    column = {name: place for place, name in enumerate(rows[0])}
    found = {row[column["原始·回访编号"]]: row for row in rows[1:]}
    assert found["CB00002"][column["原始·备注"]] == "=1+1"
    assert found["CB00003"][column["原始·备注"]] == "00123"
    assert found["CB00003"][column["行号"]] == "4"
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    assert text.read_bytes().startswith(b"\xef\xbb\xbf")
    site("quarantine", "export", str(folder / "back.docx"), code=2)


def test_query_formats(site: Hub, folder: Path) -> None:
    sql = "SELECT callback_id, round, called_at, reached FROM hotline_callback ORDER BY callback_id"
    assert (
        site("query", sql, "-o", "csv", "--limit", "1").stdout
        == "callback_id,round,called_at,reached\nCB00001,1,2026-03-01 09:00:00,\n"
    )
    assert json.loads(site("query", sql, "-o", "json").stdout)[1]["callback_id"] == "CB00004"
    assert "CB00004" in site("query", sql).stdout
    target = folder / "callback.parquet"
    told = site("query", sql, "-o", "parquet", "--file", str(target))
    assert told.stdout == ""
    assert "已写 3 行" in told.stderr
    assert pq.read_table(target).column("round").to_pylist() == [1, 2, 1]
    one = site("query", "SELECT callback_id FROM hotline_callback WHERE round = :n", "--param", "n=2", "-o", "csv")
    assert one.stdout == "callback_id\nCB00004\n"
    site("query", sql, "-o", "csv", "--bom", "-f", str(folder / "callback.csv"))
    assert (folder / "callback.csv").read_bytes()[:3] == b"\xef\xbb\xbf"
    assert site("query", "SELECT true AS yes, '00123'::text AS code", "-o", "csv").stdout == "yes,code\ntrue,00123\n"


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT * FROM hotline_calback", "没有 'hotline_calback' 这个表。是否想写 'hotline_callback'？"),
        ("SELECT callback FROM hotline_callback", "没有 'callback' 这个字段。是否想写 'callback_id'？"),
        (
            "SELECT 1\nFROM hotline_callback c\nWHERE c.rownd = 1",
            "查询第 3 行：没有 'rownd' 这个字段。是否想写 'round'？",
        ),
        ("SELEC 1", "SQL 写法不对"),
        ("DELETE FROM record.hotline_callback", "只能查询，不能改数据"),
        ("WITH x AS (DELETE FROM record.hotline_callback RETURNING 1) SELECT * FROM x", "只能查询，不能改数据"),
        ("SELECT 1; SELECT 2", "只能写一条 SELECT"),
        ("SELECT round FROM hotline_callback GROUP BY called_at", "没有汇总"),
        ("SELECT 1 / (round - round) FROM hotline_callback", "除数为 0"),
        ("SELECT nosuch(1)", "没有这个函数"),
        ("SELECT 'x'::int", "不能这样转换"),
    ],
)
@pytest.mark.parametrize("format", ["table", "csv"])
def test_query_mistakes_are_told(site: Hub, sql: str, told: str, format: str) -> None:
    done = site("query", sql, "-o", format, code=1)
    assert told in done.stderr
    assert done.stdout in ("", "?column?\n")  # what fails on a row has its heading out already


def test_query_has_a_time_limit(site: Hub) -> None:
    assert "超过 1 秒" in site("query", "SELECT pg_sleep(20)", "--timeout", "1", code=1).stderr


def test_a_reader_that_stops_early_is_no_error(site: Hub, environment: dict[str, str]) -> None:
    command = f"'{HUB}' query 'SELECT * FROM generate_series(1, 300000)' -o csv | head -n 1"
    done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("generate_series\n", "")


def test_a_dead_warehouse_is_one_sentence(hub: Hub) -> None:
    dead = f"postgresql://nobody:secret-word@127.0.0.1:{free_port()}/x"
    for words in (("query", "SELECT 1"), ("status",), ("quarantine", "list")):
        told = hub(*words, code=1, HUB_DATABASE_URL=dead).stderr
        assert "连接不上" in told
        assert "hub doctor" in told
        assert "secret-word" not in told
    assert "✗" in hub("doctor", code=1, HUB_DATABASE_URL=dead).stdout


def test_doctor_tells_an_open_settings_file(site: Hub, folder: Path) -> None:
    assert "PostgreSQL" in site("doctor").stdout
    settings = folder / "home" / "hub.env"
    settings.chmod(0o644)
    assert "chmod 600" in site("doctor", code=1).stdout
    settings.chmod(0o600)


def test_settings_that_cannot_be_read_are_told(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "hub.env").write_text("HUB_SOURCE_X http://x\n", encoding="utf-8")
    assert "hub.env：第 1 行：不是 名称=值 的形式" in hub("status", code=1, HUB_HOME=str(tmp_path)).stderr


def test_check_of_the_repository_and_of_one_bad_file(hub: Hub, tmp_path: Path) -> None:
    hub("check", HUB_CONNECTORS=str(Path("connectors/departments").resolve()))
    bad = tmp_path / "indicator" / "bad.sql"
    bad.parent.mkdir()
    bad.write_text(
        "/* ---\ntitle: 坏\nquestion: 问？\ngrain: 行\nowner: 县营商环境建设局\n--- */\nSELECT nosuch FROM hotline_callback\n",
        encoding="utf-8",
    )
    assert "nosuch" in hub("check", str(bad), code=1).stdout
    contract = tmp_path / "thing.odcs.yaml"
    contract.write_text(
        "kind: DataContract\nschema: [{name: thing, properties: [{name: a, logicalType: strin}]}]\n", encoding="utf-8"
    )
    assert "ODCS" in hub("check", str(contract), code=1).stdout


def test_correction_order_goes_out_and_back_in_one_workbook(site: Hub, folder: Path) -> None:
    (order,) = json.loads(site("correction", "list", "-o", "json").stdout)
    number, book = str(order["order_id"]), folder / "更正单.xlsx"
    assert (order["rows"], order["open_rows"]) == (2, 2)
    assert "个工作日" in site("correction", "list").stdout
    site("correction", "export", number, str(book))
    edited = openpyxl.load_workbook(book)
    sheet = edited.active
    sheet.move_range("A1:C9", cols=20)  # columns moved, as people do
    head = {cell.value: cell.column for cell in sheet[1]}
    for line in sheet.iter_rows(min_row=2):
        if sheet.cell(line[0].row, head["回访编号"]).value == "CB00002":
            sheet.cell(line[0].row, head["方式"]).value = "电话"
            bad = sheet.cell(line[0].row, head["更正说明（必填）"])
        elif sheet.cell(line[0].row, head["回访编号"]).value == "CB00003":
            sheet.cell(line[0].row, head["方式"]).value = "短息"
            sheet.cell(line[0].row, head["更正说明（必填）"]).value = "手误"
    edited.save(book)
    assert "没有写更正说明" in site("correction", "import", str(book), "--by", "王芳", code=2).stderr
    bad.value = "手误"
    edited.save(book)
    told = site("correction", "import", str(book), "--by", "王芳", code=1).stderr
    assert "送回 2 行，通过 1 行，退回 1 行" in told
    assert "工单编号" in told
    assert (
        json.loads(site("query", "SELECT count(*) AS n FROM shared.hotline_callback", "-o", "json").stdout)[0]["n"] == 4
    )
    (item,) = [
        i
        for i in json.loads(site("correction", "show", number, "-o", "json").stdout)[0]["items"]
        if i["resolution"] is None
    ]
    row = str(item["quarantine_id"])
    assert "退回 1 次" in site("correction", "show", number).stdout
    site("correction", "contest", row, "--by", "王芳", "--reason", "当天没有工单")
    assert "另一个人" in site("correction", "decide", row, "upheld", "--by", "王芳", "--reason", "x", code=1).stderr
    site("correction", "decide", row, "rejected", "--by", "李强", "--reason", "有工单")
    assert (
        "没有“工单”这一列"
        in site("correction", "fix", row, "工单=GD003", "--by", "王芳", "--reason", "补", code=2).stderr
    )
    site("correction", "fix", row, "工单编号=GD003", "--by", "王芳", "--reason", "补")
    assert json.loads(site("correction", "list", "-o", "json").stdout) == []
    assert "已办结" in site("correction", "list", "--all").stdout


def test_a_row_of_another_width_is_refused_and_the_others_load(site: Hub, folder: Path) -> None:
    """One torn row is the department's to mend; it costs neither the file nor a shifted value."""
    lines = [HEADER, "CB00201,GD201,1,2026-04-01 09:00:00,电话,", "CB00202,GD202,1,2026-04-01 09:00:00,电话,多,余", "CB00203,GD203,1,2026-04-01 09:00:00,短信,"]  # fmt: skip
    path = folder / "inbox" / "callback_99.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    read = site("read", str(path), "--coordinates")
    assert [line.split(",")[0] for line in read.stdout.splitlines()] == ["回访编号", "CB00201", "CB00203"]
    assert "第 3 行 这一行有 7 格，表头有 6 列" in read.stderr
    site("run", "--select", "*/callback")
    [refused] = json.loads(site("quarantine", "list", "--rule", "row_shape", "-o", "json").stdout)
    assert refused["source"] == "callback_99.csv 第 3 行"
    assert refused["reason"] == "这一行有 7 格，表头有 6 列"  # as its reader said it
    shown = site("quarantine", "show", str(refused["id"])).stdout
    assert "第 3 行" in shown
    assert "这一行有 7 格，表头有 6 列" in shown
    loaded = site("query", "SELECT callback_id FROM shared.hotline_callback WHERE callback_id LIKE 'CB002%' ORDER BY 1", "-o", "csv")  # fmt: skip
    assert loaded.stdout.split() == ["callback_id", "CB00201", "CB00203"]
    path.unlink()


def test_a_file_that_cannot_be_read_is_one_sentence(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"%PDF-1.7")
    assert "内容是PDF，不是表格" in hub("read", str(tmp_path / "a.xlsx"), code=1).stderr
    assert "没有这个文件" in hub("read", str(tmp_path / "b.csv"), code=1).stderr
    assert "不是行号" in hub("read", str(tmp_path / "a.xlsx"), "--header", "x", code=2).stderr
