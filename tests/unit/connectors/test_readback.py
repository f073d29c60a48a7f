"""Text that a department's system misread comes as it was meant; other languages and signs stay as they are."""

import pyarrow as pa
import pytest

from connectors.drivers.base import Delivery
from connectors.readback import as_utf8, read_back
from schemas.errors import SourceChanged


def misread(text, codec="gbk"):
    """As MySQL hands out bytes of a latin1 column: cp1252, its holes as in Latin-1."""
    return "".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in text.encode(codec))


def read(*columns):
    delivery = Delivery("t", "full", lambda _: [])
    batch = pa.record_batch([pa.array(c, pa.string()) for c in columns], [f"c{n}" for n in range(len(columns))])
    [found] = read_back([batch], delivery)
    return [column.to_pylist() for column in found.columns], [f.message for f in delivery.findings]


def test_chinese_in_latin1_is_read_back_and_told():
    given = [misread("县光明"), None, "abc", "Müller", misread("镕盛𠮷", "gb18030"), misread("饭"), misread("张三")]
    found, told = read(given, ["·", "a°b°", "é", None, "阿依·古丽", "100m²·", ""])
    assert found[0] == ["县光明", None, "abc", "Müller", "镕盛𠮷", "饭", "张三"]
    assert found[1] == ["·", "a°b°", "é", None, "阿依·古丽", "100m²·", ""]
    assert told == ["c0 列的文字是 GBK 存进 latin1 库的，已按 GBK 读出"]


def test_a_value_cut_within_a_character_shows_it():
    assert read([misread("县光明", "utf-8"), misread("张三", "utf-8")[:-1] + "x"])[0] == [["县光明", "张\ufffdx"]]
    assert read([misread("县光明路"), misread("县城")[:-1]])[0] == [["县光明路", "县\ufffd"]]


def test_a_column_half_misread_keeps_what_was_right():
    assert read(["张三", "ÕÅÈý", "m²·"])[0] == [["张三", "张三", "m²·"]]


@pytest.mark.parametrize(
    "words", [["Müller", "naïé", "ÄÖÜ", "déjà", "Ângström", "ÀÉ"], ["100m²·a", "3×4", "§§", "×÷"], ["½¼ ±°", "«¿»"]]
)
def test_other_words_and_signs_stay(words):
    assert read(words) == ([words], [])


def test_bytes_without_an_encoding_are_utf8_or_gb18030_and_never_both():
    def read(*texts):
        batch = pa.record_batch([pa.array(texts, pa.binary()).view(pa.string())], ["m"])
        return as_utf8(batch, "dept/t").column(0).to_pylist()

    assert read("县光明".encode(), None, b"a") == ["县光明", None, "a"]
    assert read("县𠮷".encode("gb18030"), None, b"a\nb", b"") == ["县𠮷", None, "a\nb", ""]
    for bad in (b"\xff\xff", "县城".encode()):
        with pytest.raises(SourceChanged, match="SQL_ASCII"):
            read("县光明".encode("gbk"), bad)
