"""Text: trimming, blanks, codes and misread encodings."""

import pytest

from schemas import text


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("　 示例\u200b县\ufeff\t", "示例县"),
        ("（一）整改。", "（一）整改。"),
        ("——", None),
        (" / ", None),
        ("-", None),
        ("", None),
        ("无", "无"),
        ("-5", "-5"),
        ("第一行\n第二行", "第一行\n第二行"),
        ("a\0b\x07", "ab"),
        (None, None),
    ],
)
def test_text_clean(raw, clean):
    assert text.text_clean(raw) == clean


def test_free_text_keeps_its_inside():
    assert text.free_text_clean(" 一\u200d二\n—— \0") == "一\u200d二\n——"
    assert text.free_text_clean(" \n") is None


@pytest.mark.parametrize(
    ("raw", "clean"), [(" ａb－01 ", "AB-01"), ("Ⅱ类", "II类"), ("无", None), ("n/a", None), ("0", "0"), (None, None)]
)
def test_code_clean(raw, clean):
    assert text.code_clean(raw) == clean


def test_misread_text_is_recognised_and_repaired_where_every_byte_is_left():
    name = "大英县市场监督管理局𬭎"
    assert text.mojibake(name) is None
    assert text.repair_mojibake(name) == name
    assert text.mojibake("café Zürich") is None
    for meant in ("gb18030", "utf-8"):
        misread = name.encode(meant).decode("latin-1")
        assert text.mojibake(misread) == f"latin-1:{meant}"
        assert text.repair_mojibake(misread) == name
    misread = "大英县局".encode().decode("gb18030")
    assert text.mojibake(misread) == "gb18030:utf-8"
    assert text.repair_mojibake(misread) == "大英县局"


def test_lost_bytes_are_not_repaired():
    misread = "大英县市场监督管理局".encode().decode("gbk", errors="replace")
    assert text.mojibake(misread) == "lossy"
    assert text.repair_mojibake(misread) is None
    assert text.has_replacement(misread)
    assert text.has_lost_character("王?")
    assert not text.has_lost_character("王䶮")
