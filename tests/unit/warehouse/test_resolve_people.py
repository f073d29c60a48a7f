"""hub resolve on people of a Chinese county: families under one roof, numbers of identity cards and telephones that are masked."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.resolution import households
from examples.resolution.scoring import scores
from schemas import identifiers
from tests.unit.warehouse.lists import compared, read, resolved, truth


@pytest.mark.parametrize("fields", [("姓名", "身份证号", "手机", "村组"), ("姓名", "手机", "村组")])
def test_people_with_masked_numbers_and_families(tmp_path: Path, fields: tuple[str, ...]) -> None:
    files = {"people": households.people(2)}
    roles = {"姓名": "person", "身份证号": "identifier", "手机": "phone", "村组": "address"}
    found = resolved(tmp_path, files, source_column="source", fields={name: roles[name] for name in fields})
    precision, recall, _ = scores(truth(files), found)
    assert precision >= 0.98
    assert recall >= 0.97


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("510922********1234", "510922199001011234", True), ("138****1234", "13800001234", True), ("************011234", "5109221990****1234", True),
        ("510922********1234", "510922199001011235", False), ("510922********1234", "5109221990010112345", False), ("510922199001011234", "510922199001011234", False),
        ("138********", "***00001234", False),
    ],
)  # fmt: skip
def test_masked_numbers_are_the_same_as_far_as_both_show(tmp_path: Path, one: str, other: str, same: bool) -> None:
    con = compared(tmp_path, [{"name": "甲"}], {"name": "organisation"})
    assert con.execute("SELECT as_shown(?, ?)", [one, other]).fetchone() == (same,)


def test_a_resident_id_is_one_persons_and_no_others(tmp_path: Path) -> None:
    """Two of one name and village with two ids are two, an id of fifteen digits is that of eighteen, and one copied to a stranger is for a person to see."""
    rows = [
        {"id": "1", "姓名": "王桂英", "身份证号": _raised("510922710828499"), "村组": "太和镇新民村3组"},
        {"id": "2", "姓名": "王桂瑛", "身份证号": "510922710828499", "村组": ""},
        {"id": "3", "姓名": "王桂英", "身份证号": _raised("510922650307452"), "村组": "太和镇新民村3组"},
        {"id": "4", "姓名": "李国强", "身份证号": _raised("510922650307452"), "村组": "金华镇石门村1组"},
    ]  # fmt: skip
    found = resolved(tmp_path, {"people": rows}, "--review", str(tmp_path / "review.csv"), fields={"姓名": "person", "身份证号": "identifier", "村组": "address"})  # fmt: skip
    assert found["people", "1"] == found["people", "2"]
    assert len(set(found.values())) == 3
    assert [row["reason"] for row in read(tmp_path / "review.csv") if {row["id_l"], row["id_r"]} == {"3", "4"}] == ["same_code_other_name"]  # fmt: skip


def test_two_shops_of_one_owner_stay_two_though_both_give_his_id(tmp_path: Path) -> None:
    rows = [
        {"店名": name, "经营者": "王桂英", "经营者身份证号": _raised("510922710828499"), "地址": address}
        for name, address in (("悦萃火锅店", "太和镇人民路3号"), ("康宁大药房", "金华镇正街8号"))
    ]
    fields = {"店名": "organisation", "经营者": "person", "经营者身份证号": "identifier", "地址": "address"}
    found = resolved(tmp_path, {"shops": [{"id": str(n), **row} for n, row in enumerate(rows)]}, fields=fields)
    assert found["shops", "0"] != found["shops", "1"]


def _raised(old: str) -> str:
    return identifiers.resident_id_clean(old) or ""
