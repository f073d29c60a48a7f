"""Masks, fingerprints, scrubbing: nothing personal is left over."""

import re

import pytest

from schemas import privacy
from schemas.errors import HubError


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("张三", "张*"),
        ("张三丰", "张**"),
        ("欧阳修文", "欧阳**"),
        ("欧阳修", "欧阳*"),
        ("欧阳", "欧*"),
        ("李", "*"),
        (" 张　三 ", "张*"),
        ("", None),
        (None, None),
    ],
)
def test_names(name, masked):
    assert privacy.mask_name(name) == masked


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("13800000000", "138****0000"),
        ("138 0000 0000", "138****0000"),
        ("028-80000000", "028-****0000"),
        ("028-80000000-8012", "028-****0000-***"),
        ("7800000", "****0000"),
        ("12345", "12345"),
        ("13800000000/13900000000", "****"),
        ("张三的电话", "****"),
        ("无", None),
    ],
)
def test_phones(number, masked):
    assert privacy.mask_phone(number) == masked


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("510000199003070014", "510***********0014"),
        ("510000900307001", "510********7001"),
        ("E12345678", "E******78"),
        ("1234", "****"),
        ("/", None),
    ],
)
def test_documents(number, masked):
    assert privacy.mask_id(number) == masked


def test_cards():
    assert privacy.mask_card("6222 0000 0000 0000 123") == "***************0123"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("电话13800000000,13900000000。", "电话138****0000,139****0000。"),
        ("电话１３８００００００００谢谢", "电话１３８****００００谢谢"),
        ("wx138-0000-0000", "wx138****0000"),
        ("身份证510000199003070014本人", "身份证510***********0014本人"),
        ("51000019900307009x", "510***********009x"),
        ("旧证510000900307001", "旧证510********7001"),
        ("卡号6222000000000000123，", "卡号************0123，"),
        ("座机028-80000000", "座机028-****0000"),
        ("＋86 138 1234 5678、+8613912345678、00861371234567８", "＋86 138****5678、+86139****5678、0086137****567８"),
        ("１３８－１２３４－５６７８或138.1234.5678", "１３８****５６７８或138****5678"),
        ("1 3 8 1 2 3 4 5 6 7 8", "1 3 8****5 6 7 8"),
        ("（0825）6612345、0825 6612345、+86-825-6612345", "（0825）-****2345、0825-****2345、+86-825-****2345"),
        ("座机：6612345，咨询电话12345", "座机：****2345，咨询电话12345"),
        ("证件510000·19900307·0014", "证件510***********0014"),
        ("工单202603010001234567", "工单202603010001234567"),
        ("我的电话一三八零零零零一二三四，幺三八-洞洞洞洞-幺两三四", "我的电话一三八****一二三四，幺三八****幺两三四"),
        ("身份证五一零零零零一九九零零三零七零零一四", "身份证五一零***********零零一四"),
        ("共三百二十一户，一二三四五六七八九", "共三百二十一户，一二三四五六七八九"),
        (
            "项目2025-511421-48-01-123456、2025-622421-48-01-123456已备案",
            "项目2025-511421-48-01-123456、2025-622421-48-01-123456已备案",
        ),
        (
            "卡6222-0000-0000-0000-123，项目2025-511421-48-01-123456",
            "卡************0-123，项目2025-511421-48-01-123456",
        ),
        ("企业915109990000000860", "企业915109990000000860"),
        ("2020-03-01 12:00:00至2020-03-02", "2020-03-01 12:00:00至2020-03-02"),
        ("投资1234567890元", "投资1234567890元"),
        ("", ""),
        (None, None),
    ],
)
def test_free_text(raw, clean):
    assert privacy.scrub(raw) == clean


def test_scrubbing_twice_changes_nothing():
    once = privacy.scrub("张三13800000000，李四13900000001 510000199003070014")
    assert privacy.scrub(once) == once
    assert not re.search("[0-9]{8}", once)


def test_an_error_tells_an_id_whole_and_no_number_of_a_person():
    one = "34d99ac9-c7bc-aca5-c089-5317526b6479"  # 089-5317526 looks like a landline
    assert str(HubError(f"主体 {one}", "联系 13800000000", f"见 {one}")) == f"主体 {one}：联系 138****0000。见 {one}。"


@pytest.mark.parametrize("size", [1, 32, 64, 65, 200])
def test_fingerprints_equal_in_both_engines(size, con):
    key = bytes(range(1, 201))[:size]
    values = ["13800000000", "张三", "", "a" * 300, None]
    rows = con.execute(
        "SELECT v, hmac_hex($1, $2, v) FROM unnest($3) AS t(v)", [*privacy.hmac_pads(key), values]
    ).fetchall()
    assert sorted(rows, key=str) == sorted([(v, privacy.hmac_hex(key, v)) for v in values], key=str)


def test_fingerprint_of_the_standard():
    # RFC 4231, test case 2
    assert privacy.hmac_hex(b"Jefe", "what do ya want for nothing?") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )
