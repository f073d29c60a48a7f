"""Addresses: one key for one door, and its parts."""

import pytest

from schemas.addresses import address_key, address_numbers, address_today, address_town, address_village

TABLE = [
    ("四川省遂宁市示例县城关镇人民路12号3栋", "城关镇人民路12号3栋", "城关镇", None, "12-3"),
    ("城关镇人民路十二号三幢", "城关镇人民路12号3栋", "城关镇", None, "12-3"),
    ("示例县城关镇青石村村民委员会三组", "城关镇青石村3组", "城关镇", "青石村", "3"),
    ("城关镇青石村３组（自编）", "城关镇青石村3组", "城关镇", "青石村", "3"),
    ("桂花街道桂花社区居委会二十三号", "桂花街道桂花社区23", "桂花街道", "桂花社区", "23"),
    ("人民路一百零二号", "人民路102", None, None, "102"),
    ("示例县　人民路 １２＃", "人民路12", None, None, "12"),
    ("三里村二组", "三里村2组", None, "三里村", "2"),
    ("邻水县鼎屏镇西街15号附2号", "鼎屏镇西街15-2", "鼎屏镇", None, "15-2"),
    ("广西壮族自治区南宁市青秀区民族大道1号", "民族大道1", None, None, "1"),
    ("暂无", None, None, None, None),
    ("", None, None, None, None),
    (None, None, None, None, None),
]


@pytest.mark.parametrize(("raw", "key", "town", "village", "numbers"), TABLE)
def test_table(raw, key, town, village, numbers, con):
    found = address_key(raw)
    assert (found, address_town(found), address_village(found), address_numbers(found)) == (key, town, village, numbers)
    asked = "SELECT k, address_town(k), address_village(k), address_numbers(k) FROM (SELECT address_key(?) AS k)"
    assert con.execute(asked, [raw]).fetchone() == (key, town, village, numbers)


@pytest.mark.parametrize(
    ("key", "today"),
    [
        ("瞿河乡青石村3组", "瞿河镇青石村3组"), ("城关镇人民路12", "城东街道人民路12"), ("瞿河镇青石村", "瞿河镇青石村"),
        ("桂花街道瞿河乡路", "桂花街道瞿河乡路"), ("", ""), (None, None),
    ],
)  # fmt: skip
def test_a_town_is_called_what_it_is_called_today(key, today, con):
    assert address_today(key) == today
    assert con.execute("SELECT address_today(?)", [key]).fetchone() == (today,)
