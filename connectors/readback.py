"""Text that a department's own system misread, read as it was meant.

Old databases keep the bytes of GBK or UTF-8 in columns they call latin1 and hand them out letter by letter: 县光 arrives
as ÏØ¹â. Such text is read back as a file's is (`encoding`); a value that was cut within a character gets U+FFFD there, so
that its row is set aside. A value that has any other character than Latin ones was never misread so and stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from connectors.batches import has_byte
from connectors.encoding import LATIN, is_common
from schemas.errors import SourceChanged
from schemas.text import HAN

if TYPE_CHECKING:
    from connectors.drivers.base import Delivery

_ODD = "".join(map(chr, sorted(code for code in LATIN if code > 0x7F)))
_LATIN_ALONE = rf"[\x01-\x7f{_ODD}]*"
_LETTER = "[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]"  # without the signs of times and division
# Two in a row, of which one is a letter: §§ and m²· are written on purpose.
_MISREAD = f"^{_LATIN_ALONE}(?:{_LETTER}[{_ODD}]|[{_ODD}]{_LETTER}){_LATIN_ALONE}$"
_MAYBE = f"^{_LATIN_ALONE}[{_ODD}]{{2}}{_LATIN_ALONE}$"
_LETTERS = re.compile(b"\xc3")  # every letter has this byte in UTF-8
_PAIR = re.compile(rb"(?:[\xc2\xc3][\x80-\xbf]){2}")  # two characters of the upper half of Latin-1, as UTF-8 has them
_CODECS = {"utf-8": "UTF-8", "gb18030": "GBK"}
_PROOF = 2000  # values of a column that show what they are
_CUT = 20  # of so many characters one may have been cut off
_EACH_UTF8 = re.compile(rb"(?:^|\0)[\x01-\x7f]*(?:[\xe4-\xe9][\x80-\xbf]{2}[\x01-\x7f]*){2,}(?=\0|$)")


def read_back(batches: Iterable[pa.RecordBatch], delivery: Delivery) -> Iterator[pa.RecordBatch]:
    """The batches with misread text as it was meant; the columns it stood in are told once all are read."""
    codec: str | None = None
    columns: dict[str, None] = {}
    for batch in batches:
        odd = {i: mask for i in range(batch.num_columns) if (mask := _misread(batch.column(i))) is not None}
        if odd:
            codec = codec or _codec([batch.column(i).filter(mask).slice(0, _PROOF) for i, mask in odd.items()])
        if codec is None or not odd:
            yield batch
            continue
        arrays = list(batch.columns)
        for i, mask in odd.items():
            arrays[i] = pc.replace_with_mask(arrays[i], mask, _decoded(arrays[i].filter(mask), codec))
            columns[batch.schema.names[i]] = None
        yield pa.RecordBatch.from_arrays(arrays, schema=batch.schema)
    if codec and columns:
        delivery.find(
            "read_back",
            f"{'、'.join(columns)} 列的文字是 {_CODECS[codec]} 存进 latin1 库的，已按 {_CODECS[codec]} 读出",
        )


def _misread(array: pa.Array) -> pa.Array | None:
    """Which values of a column look misread; None when none does. Among those, and no Chinese, a sign is half a character too."""
    # Nearly every column is done with by the look for one byte, which costs nothing.
    if not pa.types.is_string(array.type) or not has_byte(array, _LETTERS) or not has_byte(array, _PAIR):
        return None
    mask = pc.fill_null(pc.match_substring_regex(array, _MISREAD), False)
    if not pc.any(mask).as_py():
        return None
    if pc.any(pc.match_substring_regex(array, "[\u3400-\u9fff]")).as_py():
        return mask
    return pc.fill_null(pc.match_substring_regex(array, _MAYBE), False)


def _bytes(values: pa.Array) -> bytes:
    """The values as the bytes they were misread from, NUL between them; no value holds one."""
    text = "\0".join(values.to_pylist())
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.translate(LATIN).encode("latin-1")


def _codec(found: list[pa.Array]) -> str | None:
    """What the letters are bytes of: Chinese in UTF-8 or in GBK, None for words of another language."""
    data = b"\0".join(map(_bytes, found))
    for codec in _CODECS:
        text = data.decode(codec, "replace")
        han = HAN.findall(text)
        if len(han) > 1 and text.count("\ufffd") <= max(1, len(han) // _CUT) and (codec == "utf-8" or is_common(han)):
            return codec
    return None


def _decoded(values: pa.Array, codec: str) -> pa.Array:
    texts = _bytes(values).decode(codec, "replace").split("\0")
    if len(texts) != len(values):  # a separator was taken for part of a character that was cut
        texts = [_bytes(values.slice(i, 1)).decode(codec, "replace") for i in range(len(values))]
    return pa.array(texts, pa.string())


def as_utf8(batch: pa.RecordBatch, where: str) -> pa.RecordBatch:
    """The batch of a database that knows no encoding: texts are what they are written in, UTF-8 or strictly GB18030.

    Raises:
        SourceChanged: a column's texts are neither, or some of the one and some of the other.
    """
    arrays = list(batch.columns)
    for index, array in enumerate(arrays):
        if not pa.types.is_string(array.type):
            continue
        raw = array.view(pa.binary())
        try:
            raw.cast(pa.string())
        except pa.ArrowInvalid:
            arrays[index] = _as_gb18030(raw, batch.schema.names[index], where)
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _as_gb18030(raw: pa.Array, column: str, where: str) -> pa.Array:
    data, there = b"\0".join(raw.drop_null().to_pylist()), raw.is_valid()
    try:
        texts = data.decode("gb18030").split("\0")
    except UnicodeDecodeError:
        texts = []
    if len(texts) != len(raw) - raw.null_count or _EACH_UTF8.search(data):
        raise SourceChanged(
            where, f"库没有指定编码（SQL_ASCII），'{column}' 列里有的文字不是 GB18030，或混着 UTF-8", "请部门统一成一种编码，或改交文件"
        )  # fmt: skip
    return pc.replace_with_mask(pa.nulls(len(raw), pa.string()), there, pa.array(texts, pa.string()))
