"""Proposals of a mapping: by name, by pinyin, by what stands in the column; and drafts of contracts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from connectors import draft_contract, proposal
from connectors.drivers.base import SourceColumn
from connectors.sample import Sample
from hub import check
from schemas import contract as contracts
from schemas import identifiers
from schemas.contract import contract
from schemas.errors import ConfigError

USCC = ["91350100M000100Y43"]


def sample(**columns: list[str]) -> Sample:
    names = list(columns)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return Sample({"driver": "csv"}, [SourceColumn(n, "text") for n in names], rows)


@pytest.mark.parametrize(
    ("dataset", "column", "field", "why"),
    [
        ("hotline_ticket", "工单编号", "ticket_no", "同"),
        ("hotline_ticket", "GDBH", "ticket_no", "拼音首字母"),
        ("hotline_ticket", "gongdanbianhao", "ticket_no", "拼音"),
        ("hotline_ticket", "ticketNo", "ticket_no", "英文名"),
        ("hotline_ticket", "TICKET_NO", "ticket_no", "英文名"),
        ("enterprise", "企业 名称", "name", "同义词"),
        ("enterprise", "注册资本（万元）", "reg_capital", "同"),
        ("enterprise", "基本情况/成立日期", "established_on", "同"),
        ("enterprise", "FDDBR", "legal_rep_masked", "拼音首字母"),
        ("tax_refund", "退税流水号", "refund_no", "编号的另一种叫法"),
        ("rectification_problem", "问题单号", "problem_no", "编号的另一种叫法"),
    ],
)
def test_a_name_finds_its_field(dataset: str, column: str, field: str, why: str) -> None:
    found = proposal.propose(contract(dataset), sample(**{column: []})).fields
    assert found[field].column == column
    assert why in found[field].reason
    assert found[field].certainty >= proposal.SURE


def test_a_remark_is_nobodys_field() -> None:
    found = proposal.propose(contract("hotline_callback"), sample(备注=["a", "b"], 打印次数=["1", "2"]))
    assert not found.fields
    assert found.left == ["备注", "打印次数"]
    assert set(found.missing) >= {"callback_id", "ticket_no"}


def test_values_prove_a_column_whose_name_says_nothing() -> None:
    codes = [c for c in USCC for _ in range(6)]
    found = proposal.propose(contract("enterprise"), sample(列甲=codes))
    (suggestion,) = [s for s in found.fields.values() if s.column == "列甲"]
    assert "校验位通过 100%" in suggestion.reason
    assert suggestion.certainty < proposal.SURE  # for a person to confirm


def test_values_contradict_a_name() -> None:
    plain = proposal.propose(contract("enterprise"), sample(成立日期=["2020-01-02"] * 6)).fields["established_on"]
    wrong = proposal.propose(contract("enterprise"), sample(成立日期=["有限公司"] * 6)).fields.get("established_on")
    assert plain.certainty >= proposal.SURE
    assert wrong is None or wrong.certainty < proposal.SURE


def test_one_column_serves_mask_and_fingerprint_but_not_two_plain_fields() -> None:
    found = proposal.propose(contract("enterprise"), sample(法定代表人=["王芳", "李强"]))
    assert {n for n, s in found.fields.items() if s.column == "法定代表人"} == {"legal_rep_masked", "legal_rep_hash"}


def test_unknown_codes_are_told_with_their_rows() -> None:
    found = proposal.propose(contract("enterprise"), sample(登记状态=["存续", "存续", "天上飞"]))
    assert found.codes == {"status": {"天上飞": 1}}


def test_the_dataset_is_found_by_its_columns() -> None:
    seen = sample(回访编号=["1"], 工单编号=["2"], 轮次=["1"], 回访时间=["2026-03-01"], 方式=["电话"])
    ranked = proposal.rank([c for c in contracts.contracts().values() if c.fields], seen)
    assert ranked[0][1].dataset == "hotline_callback"
    assert ranked[0][0] > ranked[1][0] + 0.2


def test_one_name_in_common_is_not_the_same_dataset() -> None:
    regions = sample(地区=[f"{n} 省" for n in range(8)], 人口=[str(n) for n in range(8)], 户数=["7"] * 8)
    text, _ = draft_contract.draft("population", "人口", regions)
    agreed = contracts.parse(text, "population")
    assert agreed.key == ("di_qu",)
    firms = sample(地区=["甲省"] * 8, 企业名称=[f"厂 {n}" for n in range(8)], 注册资金=["1"] * 8, 电话=["2"] * 8)
    ((score, found),) = proposal.rank([agreed], firms)
    assert score > 0.55  # its key is all that it needs
    assert not proposal.fits(agreed, found, firms)
    assert proposal.fits(agreed, proposal.propose(agreed, regions), regions)
    twice = sample(地区=["甲省", "乙省"] * 4, 人口=[str(n) for n in range(8)], 户数=["7"] * 8)
    assert not proposal.fits(agreed, proposal.propose(agreed, twice), twice)


def test_a_key_without_a_column_is_left_to_a_person_when_a_column_may_be_it() -> None:
    agreed = contract("enterprise")
    names = {"企业名称": [f"厂 {n}" for n in range(8)], "成立日期": ["2020-01-02"] * 8, "注册资金": ["8万"] * 8}
    told = sample(**names, 统一社会信用代码=[f"{n}" for n in range(8)])
    found = proposal.propose(agreed, told)
    assert "record_no" in found.missing
    assert proposal.fits(agreed, found, told)
    same = sample(**{**names, "企业名称": ["厂"] * 8})
    assert not proposal.fits(agreed, proposal.propose(agreed, same), same)


def test_one_row_sent_twice_does_not_hide_the_columns_that_tell_rows_apart() -> None:
    rows = [f"{n}" for n in range(40)]
    told = sample(内部号=[*rows, "7"], 乡镇=["东"] * 41)
    assert proposal.propose(contract("enterprise"), told).telling == ["内部号"]


def test_a_key_that_nothing_tells_is_a_persons_to_name() -> None:
    seen = sample(街道=["东", "西"] * 4, 内容=["噪声"] * 8, 金额=[f"{n}.5" for n in range(8)], 备注=["", "x"] * 4)
    text, _ = draft_contract.draft("noise", "噪声", seen)
    assert contracts.parse(text, "noise").key == ()  # not the first column, nor amounts that differ by chance
    named = {}
    for keys in (["内容", "街道"], ["*"]):
        text, fields = draft_contract.draft("noise", "噪声", seen, keys=keys)
        named[keys[0]] = [fields[name] for name in contracts.parse(text, "noise").key]
    assert named == {"内容": ["内容", "街道"], "*": ["街道", "内容", "金额"]}
    with pytest.raises(ConfigError, match="街"):
        draft_contract.draft("noise", "噪声", seen, keys=["街"])


def test_an_object_is_taken_by_its_parts() -> None:
    nested = {"编号": ["1", "2"], "人": ['{"姓名":"王芳"}'] * 2, "人.姓名": ["王芳", "李强"]}
    _, fields = draft_contract.draft("nested", "嵌套", sample(**nested))
    assert list(fields.values()) == ["编号", "人.姓名"]


def test_numbers_of_more_digits_than_an_integer_holds_are_codes() -> None:
    text, fields = draft_contract.draft("wide", "宽", sample(序号=[str(2**64 - n) for n in range(1, 4)]))
    field = contracts.parse(text, "wide").fields[next(iter(fields))]
    assert (field.physical_type, field.kind) == ("text", "code")


def test_the_time_of_change_is_told_by_its_name_or_its_pinyin() -> None:
    assert proposal.change_column(["cjsj", "GXSJ"]) == "GXSJ"
    assert proposal.change_column(["cjsj", "sj"]) is None


def test_personal_columns_nobody_maps_are_told() -> None:
    found = proposal.propose(contract("hotline_callback"), sample(备注电话=["13800000001"] * 4))
    assert found.sensitivity["备注电话"] == "S2"


def test_a_few_slips_do_not_change_a_columns_type_nor_the_key() -> None:
    numbers, dates = [f"QS{n:03}" for n in range(20)], [f"2026-01-{n + 1:02}" for n in range(20)]
    numbers[7], dates[3] = numbers[6], "2026-02-30"
    text, fields = draft_contract.draft(
        "notice", "公告", sample(公告编号=numbers, 公告日期=dates, 名称=[f"第{n}号" for n in range(20)])
    )
    properties = {p["name"]: p for p in yaml.safe_load(text)["schema"][0]["properties"]}
    at = {column: name for name, column in fields.items()}
    assert properties[at["公告日期"]]["logicalType"] == "date"
    assert [n for n, p in properties.items() if p.get("primaryKey")] == [at["公告编号"]]


def test_a_serial_number_is_no_key_when_another_column_is() -> None:
    rows = [str(n) for n in range(1, 41)]
    seen = sample(序号=rows, 停水编号=[f"TS{n}" for n in rows], 户数=rows)
    text, fields = draft_contract.draft("outage", "停水", seen)
    assert [fields[name] for name in contracts.parse(text, "outage").key] == ["停水编号"]


def test_a_drafted_contract_is_valid_and_types_follow_the_data(tmp_path: Path) -> None:
    seen = sample(
        单号=["0001", "0002", "0003"], 金额=["1.5", "22.125", "3"], 件数=["1", "2", "3"], 日期=["2026-01-02", "2026-01-03", "2026-02-01"],
        面积=["12", "7", "30"], 时间=["2026-01-02 08:00:00"] * 3, 身份证=["11010519491231002X"] * 3, 联系人=["王芳", "李强", "赵敏"], 说明=["长" * 600] * 3, 时_间=["a"] * 3,
    )  # fmt: skip
    text, fields = draft_contract.draft("park_fee", "停车收费", seen, owner="县住建局")
    path = tmp_path / "park_fee.odcs.yaml"
    path.write_text(text, encoding="utf-8")
    assert [str(e) for e in check._contract(path)] == []
    agreed = contracts.load(path)
    kinds = {fields[f.name]: (f.physical_type, f.kind, f.classification) for f in agreed.fields.values()}
    assert agreed.key == (next(n for n, c in fields.items() if c == "单号"),)
    assert kinds["单号"][:2] == ("text", "code")  # no length that a later row might honestly go beyond
    assert kinds["面积"][0] == "numeric(38,2)"  # whole in these rows by chance
    assert kinds["金额"][0] == "numeric(38,5)"
    assert kinds["件数"][0] == "bigint"
    assert kinds["日期"][0] == "date"
    assert kinds["时间"][0] == "timestamp"
    assert kinds["身份证"][1:] == ("mask_id", "S2")
    assert kinds["联系人"][1] == "mask_name"
    assert kinds["说明"][0] == "text"
    assert len(set(fields)) == len(seen.columns)
    assert json.dumps(fields)


def test_a_column_without_a_value_gets_the_type_its_name_says_and_that_is_told() -> None:
    none = [None, None]
    years = {"2024年": ["5", "6"], "2025年": none}
    seen = sample(编号=["A1", "A2"], 到期日期=none, 更新时间=none, 退税金额=none, 备注=none, **years)  # type: ignore[arg-type]
    text, fields = draft_contract.draft("refund", "退税", seen)
    drafted = {p["name"]: p for p in yaml.safe_load(text)["schema"][0]["properties"]}
    types = {column: drafted[name]["logicalType"] for name, column in fields.items()}
    assert types == {
        "编号": "string", "到期日期": "date", "更新时间": "timestamp", "退税金额": "number", "备注": "string", "2024年": "integer", "2025年": "integer",
    }  # fmt: skip
    told = {column for name, column in fields.items() if "样本里没有值" in drafted[name].get("description", "")}
    assert told == set(types) - {"编号", "2024年"}


def test_a_table_says_its_key_and_its_types() -> None:
    """What the first rows show may be less: a key of two columns of which one tells these rows apart, a day that is none."""
    columns = {
        "bh": "integer",
        "lc": "integer",
        "je": "numeric",
        "sfjj": "boolean",
        "rq": "date",
        "gxsj": "timestamp without time zone",
    }
    rows: list[dict[str, str | None]] = [
        dict(zip(columns, (str(n), "1", "5", "True", "（日历上没有）", "2026-03-01 00:00:00"), strict=True))
        for n in range(30)
    ]
    seen = Sample({"driver": "postgresql"}, [SourceColumn(n, t) for n, t in columns.items()], rows, keys=["lc", "bh"])
    text, fields = draft_contract.draft("d", "表", seen)
    drafted = {p["name"]: p for p in yaml.safe_load(text)["schema"][0]["properties"]}
    types = {column: drafted[name]["physicalType"] for name, column in fields.items()}
    assert types == {
        "bh": "bigint",
        "lc": "bigint",
        "je": "numeric(38,2)",
        "sfjj": "boolean",
        "rq": "date",
        "gxsj": "timestamp",
    }
    places = {column: drafted[name].get("primaryKeyPosition") for name, column in fields.items()}
    assert (places["lc"], places["bh"]) == (1, 2)


def test_what_a_column_is_tried_for_ends_when_too_much_of_it_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    check_one = identifiers.check
    monkeypatch.setattr(identifiers, "check", lambda kind, value: asked.append(value) or check_one(kind, value))
    draft_contract.draft("d", "表", sample(说明=[f"一段话{n}" for n in range(1000)]))
    assert len(asked) <= 4 * 52  # four kinds of number, one in twenty of the rows and one more


def test_the_contracts_ask_a_sample_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    blank = proposal.is_blank_word
    monkeypatch.setattr(proposal, "is_blank_word", lambda value: seen.append(value) or blank(value))
    proposal.rank([contract("enterprise"), contract("hotline_ticket")], sample(甲=[f"v{n}" for n in range(1000)]))
    assert len(seen) == 50


def test_a_key_is_rather_a_number_than_a_name() -> None:
    shown = sample(企业名称=["甲", "乙", "丙"], 统一社会信用代码=["1", "2", "3"])
    assert proposal.propose(contract("enterprise"), shown).telling == ["统一社会信用代码", "企业名称"]
