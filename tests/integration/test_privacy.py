"""Raw personal values stand in the declared restricted places and nowhere else: the whole warehouse and home are searched."""

from __future__ import annotations

import json
import logging
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pyarrow.parquet as pq
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from connectors import spec
from hub.cli import main
from schemas.contract import contract, contracts
from tests.integration.drops import uscc
from warehouse import correction, registry, wizard
from warehouse.correction import Mended
from warehouse.home import Home
from warehouse.load import resubmit

NAMES = ("欧阳澜枫", "诸葛沐辰", "钟离霁月", "令狐婉清")
RESIDENTS = ("510922198706230043", "51092219650718651X", "510922651224001")
MOBILES = ("13908255417", "１７７０８２５８８６３", "158 8255 9074")
LANDLINES = ("0825-5432198", "08255439906")
CARDS = ("6222023100012345678", "6228 4804 0256 4890 018")
BIRTHDAYS = ("1987-06-23", "1965年7月18日", "19651224")
NUMBERS = (*RESIDENTS, *MOBILES, *LANDLINES, *CARDS)
RAW = (*NAMES, *NUMBERS, *BIRTHDAYS)
SAID = f"本人身份证{RESIDENTS[0]}，老证{RESIDENTS[2]}，电话{MOBILES[0]}或{MOBILES[1]}、{MOBILES[2]}，座机{LANDLINES[0]}，{LANDLINES[1]}，卡号{CARDS[0]}，又卡{CARDS[1]}。"

# What docs/guide-zh tells people: rows as they came, and what a contract calls S3.
ROWS_AS_THEY_CAME = {"hub.quarantine.raw", "hub.quarantine.reasons", "hub.correction_event.detail"}
_RELATIONS = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
"""
_COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"


def _restricted() -> set[str]:
    found = set(ROWS_AS_THEY_CAME)
    for agreed in contracts().values():
        for f in agreed.fields.values():
            if f.classification == "S3":
                places = (
                    f"record.{agreed.dataset}",
                    f"record_history.{agreed.dataset}",
                    f"shared.{agreed.dataset}",
                    f"shared.{agreed.dataset}_version",
                )
                found |= {f"{place}.{f.name}" for place in places}
    return found


def _spellings(value: str) -> list[str]:
    """The value as text, as JSON may escape it, and as bytes print."""
    return list(dict.fromkeys([value, json.dumps(value)[1:-1], value.encode().hex()]))


def _in_database(url: str) -> dict[str, set[str]]:
    """schema.relation.column -> the raw values in it."""
    found: dict[str, set[str]] = {}
    spelled = [(s, value) for value in RAW for s in _spellings(value)]
    looked = [s for s, _ in spelled], [v for _, v in spelled]
    with psycopg.connect(url) as connection:
        for schema, name in connection.execute(_RELATIONS).fetchall():
            relation = sql.Identifier(schema, name)
            any_of = sql.SQL("SELECT EXISTS (SELECT FROM {} t, unnest(%s::text[]) s WHERE strpos(t::text, s) > 0)")
            if not connection.execute(any_of.format(relation), [looked[0]]).fetchone()[0]:  # type: ignore[index]
                continue
            for (column,) in connection.execute(_COLUMNS, [schema, name]).fetchall():
                told = sql.SQL(
                    "SELECT DISTINCT v FROM {} t, unnest(%s::text[], %s::text[]) AS u(s, v) WHERE strpos(t.{}::text, s) > 0"
                )
                values = {
                    v for (v,) in connection.execute(told.format(relation, sql.Identifier(column)), looked).fetchall()
                }
                if values:
                    found[f"{schema}.{name}.{column}"] = values
    return found


def _in_files(folder: Path) -> dict[str, set[str]]:
    """File under the folder -> the raw values in its bytes or its name, but for landed deliveries."""
    wanted = [
        (value, {s.encode(code) for s in _spellings(value) for code in ("utf-8", "gb18030", "utf-16-le")})
        for value in RAW
    ]
    found: dict[str, set[str]] = {}
    for path in (p for p in folder.rglob("*") if p.is_file() and p.relative_to(folder).parts[0] != "landing"):
        content = path.read_bytes() + str(path).encode()
        if values := {value for value, spelled in wanted if any(s in content for s in spelled)}:
            found[str(path.relative_to(folder))] = values
    return found


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Connector files and what their departments dropped, personal values in every place a county puts them."""
    drop, folder = tmp_path / "drop", tmp_path / "connectors"
    drop.mkdir()
    monkeypatch.setenv("HUB_CONNECTORS", str(folder))

    def source(dept: str, dataset: str, pattern: str, fields: str, **files: list[str]) -> None:
        path = folder / dept / f"{dataset}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"title: {contract(dataset).title}\ndataset: {dataset}\nsource: {{driver: csv, path: '{drop}/{pattern}', settle: 0}}\n"
            f"load: {{mode: file}}\nfields: {{{fields}}}\n", encoding="utf-8",
        )  # fmt: skip
        for name, lines in files.items():
            (drop / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    source(
        "market_supervision", "enterprise", "企业*.csv",
        "record_no: 编号, uscc: 代码, name: 名称, legal_rep_masked: 法人, legal_rep_hash: 法人证件, scope: 范围, reg_address: 住所, biz_address: 场所, "
        "phone_masked: 电话, phone_hash: 电话, status: 状态",
        **{f"企业{MOBILES[0]}.csv": [
            "编号,代码,名称,法人,法人证件,出生日期,范围,住所,场所,电话,状态",
            f"E1,{uscc(1)},示例县甲有限公司,{NAMES[0]},{RESIDENTS[0]},{BIRTHDAYS[0]},{SAID},朝阳街1号 {MOBILES[0]},朝阳街1号（{LANDLINES[0]}）,{MOBILES[0]},存续",
            f"E2,{uscc(2)},示例县乙有限公司,{NAMES[1]},{RESIDENTS[2]},{BIRTHDAYS[1]},零售,朝阳街2号,朝阳街2号,{LANDLINES[1]},存续",
            f"E3,坏{uscc(3)},示例县丙有限公司,{NAMES[2]},{RESIDENTS[1]},{BIRTHDAYS[2]},{SAID},朝阳街3号,{SAID},{LANDLINES[0]},{NAMES[3]}",
        ]},
    )  # fmt: skip
    source(
        "market_supervision", "enterprise_person", "人员.csv",
        "person_id: 编号, enterprise_code: 代码, role: 角色, name_masked: 姓名, name_hash: 姓名, id_type: 证件类型, id_masked: 证件, id_hash: 证件, phone_masked: 电话",
        **{"人员.csv": ["编号,代码,角色,姓名,证件类型,证件,出生日期,电话", *(
            f"P{n},{uscc(1)},股东,{name},身份证,{resident},{born},{phone}"
            for n, (name, resident, born, phone) in enumerate(zip(NAMES, (*RESIDENTS, RESIDENTS[0]), (*BIRTHDAYS, BIRTHDAYS[0]), (*MOBILES, LANDLINES[0]), strict=True))
        ), f"P9,{uscc(1)},东家,{NAMES[3]},身份证,{RESIDENTS[0]},{BIRTHDAYS[0]},{MOBILES[1]}"]},
    )  # fmt: skip
    ticket = "{no},{kind},{said},{said},{said},{name},{phone},{phone},朝阳街 {phone},2026-03-01 09:00:00,{status},{said},{said},{said},{name}"
    rows = [
        {"no": f"T{n}", "kind": "求助", "said": SAID, "name": NAMES[n % 4], "phone": MOBILES[n % 3], "status": "办结"}
        for n in range(30)
    ]
    source(
        "hotline_office", "hotline_ticket", "工单*.csv",
        "ticket_no: 编号, demand_type: 类型, title: 标题, content: 内容, content_scrubbed: 内容, caller_name_masked: 姓名, caller_phone_masked: 电话, "
        "caller_hash: 电话, event_address: 地址, recorded_at: 时间, status: 状态, unsolved_reason: 未解决, reply_public: 答复, exclude_reason: 剔除",
        **{"工单1.csv": ["编号,类型,标题,内容,副本,姓名,电话,电话二,地址,时间,状态,未解决,答复,剔除,剔除人",
                       *(ticket.format(**row) for row in rows), ticket.format(**rows[0] | {"no": ""}),
                       ticket.format(**rows[0] | {"no": "T90", "kind": MOBILES[0]})],
           "工单2.csv": ["编号,类型,标题,内容,副本,姓名,电话,电话二,地址,时间,状态,未解决,答复,剔除,剔除人",
                       *(ticket.format(**row | {"no": f"U{n}", "kind": LANDLINES[1]}) for n, row in enumerate(rows))]},
    )  # fmt: skip
    source(
        "business_env", "rectification_problem", "问题.csv",
        "problem_no: 编号, category: 类别, title: 标题, description: 描述, lead_dept_code: 单位, found_on: 发现, responsible_person: 责任人, "
        "responsible_leader: 领导, status: 状态, due_text: 时限, goal: 目标",
        **{"问题.csv": ["编号,类别,标题,描述,单位,发现,责任人,领导,状态,时限,目标",
                       f"ZG1,不规范,投诉人{MOBILES[0]}反映,{SAID},县税务局,2026-03-01,王英 {MOBILES[0]},刘强{LANDLINES[0]},整改中,电询{MOBILES[0]},{SAID}"]},
    )  # fmt: skip
    source(
        "utility", "utility_connection", "报装.csv", "apply_no: 编号, enterprise_name: 用户, utility: 种类, applied_at: 时间, address: 地址, phone_hash: 电话",
        **{"报装.csv": ["编号,用户,种类,时间,地址,电话", f"B1,示例县甲有限公司,电,2026-03-01 09:00:00,朝阳街1号 联系{MOBILES[0]},{MOBILES[0]}"]},
    )  # fmt: skip
    return folder


def test_raw_personal_values_stay_in_the_restricted_places(
    home: Home, sources: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert main(["run"]) == 1  # a delivery is held: its column of kinds holds telephone numbers
    _mend_and_bounce(home, sources)
    _register(home, sources)
    assert main(["drift", "list"]) == main(["quarantine", "list"]) == main(["status"]) == 0
    _print(capfd, caplog)
    found = _in_database(home.database_url)
    print({place: values for place, values in found.items() if place not in _restricted()}, _in_files(home.path))
    assert set(found) <= _restricted()
    assert found["hub.quarantine.raw"] >= {*RESIDENTS, *MOBILES, NAMES[2]}  # the search does find what is there
    assert found["record.hotline_ticket.content"] == set(NUMBERS) - {RESIDENTS[1]}
    assert _in_files(home.path) == {}
    landed = "".join(str(pq.read_table(path).to_pydict()) for path in home.landing.rglob("*.parquet"))
    assert [value for value in RAW if value not in landed] == []
    with psycopg.connect(home.database_url) as connection:
        shown = connection.execute(
            "SELECT scope, reg_address FROM shared.enterprise WHERE name = '示例县甲有限公司'"
        ).fetchone()
        names = connection.execute("SELECT delivery FROM hub.batch WHERE delivery LIKE '企业%'").fetchall()
    assert shown is not None
    assert (shown[1], "510***********0043" in shown[0]) == ("朝阳街1号 139****5417", True)
    assert [name.partition("#")[0] for (name,) in names] == ["企业139****5417.csv"]


def _mend_and_bounce(home: Home, sources: Path) -> None:
    """One refused row comes back right, another wrong again."""
    person = spec.load(sources / "market_supervision" / "enterprise_person.yaml")
    company = spec.load(sources / "market_supervision" / "enterprise.yaml")
    for one, fixed in ((person, {"角色": "股东"}), (company, {"编号": "E3"})):
        with psycopg.connect(home.database_url) as connection:
            (order,) = [o for o in correction.orders(connection, date.today()) if o["connector"] == one.id]
            (row,) = correction.rows(connection, order=order["order_id"])
        resubmit(
            one, home, order["order_id"], [Mended(row["quarantine_id"], row["raw"] | fixed)], by="王芳", reason="笔误"
        )


def _register(home: Home, sources: Path) -> None:
    """A draft of a source of the same files, tried out, its impact kept with it as the portal keeps it."""
    document: dict[str, Any] = dict(spec.load(sources / "market_supervision" / "enterprise_person.yaml").document)
    seen = wizard.look("market_supervision/people", dict(document["source"]))
    drafted = wizard.propose("market_supervision/people", seen, dataset="people", new_dataset=True)
    assert drafted.contract
    assert "出生" not in drafted.contract
    with psycopg.connect(home.database_url, row_factory=dict_row) as connection:
        registry.save(connection, "market_supervision/people", drafted.document, by="wang", contract=drafted.contract)
        kept = registry.save(connection, "market_supervision/persons", document, by="wang")
        told = wizard.impact(home, kept)
        assert told is not None
        assert told.quarantined == 1
        registry.save(
            connection,
            "market_supervision/persons",
            document,
            by="wang",
            seen={"impact": told.told()},
            number=kept.registration_id,
        )


def _print(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """What the commands printed and logged has none of it."""
    said = capfd.readouterr()
    text = said.out + said.err + caplog.text
    assert "整批被拦下" in text
    assert [value for value in RAW if value in text] == []


def test_a_number_in_a_name_a_code_a_heading_or_a_sheet_is_not_kept(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("HUB_CONNECTORS", str(tmp_path / "connectors"))
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = f"网格员{MOBILES[0]}"
    sheet.append(["编号", "名称", "角色", "证件", "姓名", f"电话{MOBILES[0]}"])
    named = f"示例县甲有限公司（联系 {MOBILES[0]}）"
    for line in (
        ["P1", named],
        [f"P2，电话{MOBILES[0]}", "示例县甲有限公司"],
    ):
        sheet.append([*line, "股东", SAID, SAID, "x"])
    sheet.append(["P3", "示例县甲有限公司", MOBILES[0], RESIDENTS[0], NAMES[0], "x"])
    book.save(tmp_path / "人员.xlsx")
    path = tmp_path / "connectors" / "market_supervision" / "people.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(
        f"title: 人员\ndataset: enterprise_person\nsource: {{driver: excel, path: '{tmp_path}/人员.xlsx', settle: 0}}\nload: {{mode: file}}\n"
        "fields: {person_id: 编号, enterprise_name: 名称, role: 角色, id_masked: 证件, id_hash: 证件, name_masked: 姓名}\n",
        encoding="utf-8",
    )
    assert main(["run"]) == 0
    assert set(_in_database(home.database_url)) <= _restricted()
    with psycopg.connect(home.database_url) as connection:
        kept = connection.execute("SELECT person_id, enterprise_name, _sheet FROM record.enterprise_person ORDER BY 1").fetchall()  # fmt: skip
        refused = connection.execute("SELECT rules, row_key FROM hub.quarantine ORDER BY row_number").fetchall()
    assert kept == [("P1", "示例县甲有限公司（联系 139****5417）", "网格员139****5417")]
    assert refused == [(["personal_number"], None), (["code_set"], "P3")]
