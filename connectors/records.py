"""JSON, JSON lines, XML lists and Parquet as Arrow batches of text columns.

Nested objects become columns with dotted names, lists stay JSON text, and a number keeps the digits it was
written with. `_row` is the record's number, from 1.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors import header, malformed
from connectors.answers import (
    ABSENT,
    USUAL_PLACES,
    Number,
    Twice,
    at,
    complaint,
    element_value,
    flat_names,
    in_utf8,
    is_named,
    names_beside,
    once,
    text_column,
)
from connectors.batches import blank_is_null, empty, text_array, without_nul
from connectors.cells import is_value
from connectors.document import PARTIAL, Shapes, Totals, said_beside, unsaid
from connectors.encoding import is_utf8_by_chance
from schemas.errors import SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    from connectors.content import Content
    from connectors.drivers.base import Delivery

_BATCH = 20_000
_TOLD = 5
_YEAR = re.compile(r"(?:19|20)\d\d年?$")
_WRITTEN = re.compile(r"\s*(?:<.+>|[\[{].+[\]}])\s*", re.DOTALL)  # a document that is a text of another
_LARGEST_DOCUMENT = 512 << 20  # bytes of one JSON or XML document, which has to be held in memory


class Records:
    """One file of records, read once."""

    def __init__(
        self, content: Content, delivery: Delivery, *, where: str, wanted: Sequence[str], place: str | None
    ) -> None:
        self._content, self._delivery, self._where = content, delivery, where
        self._wanted, self._place = list(wanted), place

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All columns as text (empty = NULL), then `_sheet` (NULL) and `_row`; totals left out and checked.

        Raises:
            SourceChanged: it is no list of records, or lacks a mapped column.
            SourceUnavailable: it is cut off.
        """
        totals: Totals | None = None
        for batch in self._records():
            totals = totals or Totals(batch.schema.names[:-2], self._wanted, self._delivery, self._again)
            yield totals.without(batch)
        if totals:
            totals.judge()

    def _again(self) -> Iterator[pa.RecordBatch]:
        """The records in a second look at the file that judges nothing."""
        from connectors.drivers.base import Delivery

        quiet = Delivery("", "file", lambda delivery: iter(()))
        return Records(self._content, quiet, where=self._where, wanted=self._wanted, place=self._place)._records()

    def _records(self) -> Iterator[pa.RecordBatch]:
        """All records, totals among them."""
        if self._content.kind == "parquet":
            yield from self._parquet()
            return
        if self._content.kind == "lines":  # read twice instead of held: any line may bring a name of its own
            read = self._lines
        else:
            records = list(self._document() if self._content.kind == "json" else self._xml())
            read = records.__iter__
        named = self._names(read())
        if not named and next(iter(read()), None) is not None:
            raise SourceChanged(self._where, "记录里一个字段也没有", "请部门核对后重新导出")
        if self._content.kind == "xml":
            self._tell_odd(records, named)
        fit = self._fitted(named)
        schema = pa.schema([*((n, pa.string()) for n in fit.names), ("_sheet", pa.string()), ("_row", pa.int32())])
        row, rest = 1, read()
        while some := list(itertools.islice(rest, _BATCH)):
            arrays = [blank_is_null(text_column(some, name).array) for name in named]
            rows = pa.array(range(row, row + len(some)), pa.int32())
            row += len(some)
            yield without_nul(
                pa.RecordBatch.from_arrays([*arrays, pa.nulls(len(some), pa.string()), rows], schema=schema)
            )
        if row == 1:
            yield empty(schema)

    def _names(self, records: Iterable[dict[str, Any]]) -> list[str]:
        """The columns of the records; what is odd about them all is noted."""
        seen = Shapes()
        named = _names(map(seen.see, records))
        for code, text in seen.findings():
            self._delivery.find(code, text)
        return named

    def _tell_odd(self, records: Sequence[dict[str, Any]], names: Sequence[str]) -> None:
        """Note elements that stand several times in a record, there a list and elsewhere a text, and a document within one."""
        for name in names:
            if len(records) == 1 and type(text := at(records[0], name)) is str and _WRITTEN.fullmatch(text):
                self._delivery.find("nested", f"“{name}”是写成文字的 XML 或 JSON，没有展开，请部门另存里面的内容后重发")
            kinds = {isinstance(value, list) for record in records if (value := at(record, name)) not in (ABSENT, None)}
            if True in kinds:
                self._delivery.find(
                    "repeated", f"“{name}”在{'有的' if len(kinds) > 1 else ''}记录里不止一个，读作 JSON 列表"
                )

    def _fitted(self, names: Sequence[str]) -> header.Header:
        found = header.fit(names, self._wanted)
        header.require(found, self._wanted, self._where)
        return found

    def _text(self, data: bytes) -> str:
        try:
            wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
            return data.decode("utf-16" if wide else "gb18030" if is_utf8_by_chance(data) else "utf-8-sig")
        except UnicodeDecodeError:
            try:
                return data.decode("gb18030")
            except UnicodeDecodeError as error:
                raise SourceChanged(
                    self._where, f"第 {error.start + 1} 个字节不是有效的 UTF-8 或 GB18030", "请部门用 UTF-8 重新导出"
                ) from None

    def _bytes(self, path: Path) -> bytes:
        if path.stat().st_size > _LARGEST_DOCUMENT:
            raise SourceChanged(self._where, "单个 JSON 或 XML 文件超过 512 MB", "请部门改为每行一条（JSONL）或 CSV")
        return path.read_bytes()

    def _document(self) -> Iterator[dict[str, Any]]:
        text = self._text(self._bytes(self._content.path))
        try:
            body = _one_after_another(text)
        except json.JSONDecodeError as error:
            if error.pos >= len(text.rstrip()) - 1 and not malformed.has_comma_too_many(text, error):
                raise SourceUnavailable(
                    self._where, "JSON 不完整，可能没有传完", "等传完后会自动重试；总是这样时请部门重发"
                ) from None
            raise SourceChanged(self._where, *malformed.told(text, error)) from None
        except RecursionError:
            raise SourceChanged(self._where, "JSON 嵌套得太深", "请部门导出为普通的记录列表") from None
        except Twice as error:
            raise SourceChanged(self._where, f"有一条记录里 '{error}' 写了两次", "请部门改正导出程序") from None
        found = at(body, self._place) if self._place else body if isinstance(body, list) else self._list_in(body)
        if not found and (wrong := complaint(body)):
            raise SourceChanged(self._where, f"是接口的报错，不是数据：{wrong}", "请部门重新取数后重发")
        if isinstance(found, list) and (more := unsaid(body, len(found))):
            self._delivery.find("partial", more)
        if (
            found
            and isinstance(body, list)
            and all(isinstance(one, list) and one and isinstance(one[0], dict) for one in found)
        ):
            found = [*itertools.chain.from_iterable(found)]  # [{…}][{…}]: several lists, one behind the other
        if not isinstance(found, list):
            raise SourceChanged(self._where, "里面没有记录的列表", "请在 records 里写明列表所在的位置，如 data.list")
        if found and all(isinstance(record, list) for record in found):
            return iter(self._named(found, names_beside(body, found)))
        if not all(isinstance(record, dict) for record in found):
            if any(isinstance(record, (dict, list)) for record in found):
                raise SourceChanged(self._where, "列表里的记录形式不一", "请部门导出为同一种记录的列表")
            if any(type(record) is str and record.startswith(("{", "[")) for record in found):
                self._delivery.find("nested", "列表里的每一条都是写成文字的 JSON，没有展开，请部门重新导出")
            found = [{"value": record} for record in found]
        return iter(found)

    def _list_in(self, body: Any) -> Any:
        """The records of a document that is no list: at a usual place, else the only list of records within.

        Raises:
            SourceChanged: there are several.
        """
        if not isinstance(body, dict):
            return None
        usual = [found for place in USUAL_PLACES if isinstance(found := at(body, place), list)]
        if usual:
            return next(filter(None, usual), usual[0])
        lists = dict(_lists_in(body))
        if len(lists) > 1:
            told = "、".join(itertools.islice(lists, _TOLD))
            raise SourceChanged(self._where, f"里面有 {len(lists)} 个列表：{told}", "请在 records 里写明读哪一个")
        if lists:
            [(place, records)] = lists.items()
            self._delivery.find("records_at", f"记录取自 {place}，旁边的内容没有读入")
            return records
        columns = list(body.values())
        if by_column := _by_column(body):
            self._delivery.find("by_column", "JSON 是一列一列写的，已转成一行一条")
            return by_column
        if columns and all(isinstance(value, dict) for value in columns):
            return [{"key": key, **value} for key, value in body.items()]  # records by their keys
        return [] if complaint(body) else [body]

    def _as_text(self, name: str, column: pa.Array) -> pa.Array:
        kind = column.type
        if pa.types.is_dictionary(kind):
            return self._as_text(name, column.dictionary_decode())
        if pa.types.is_nested(kind):
            values = column.to_pylist()
            return text_array([None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in values])
        if pa.types.is_duration(kind):
            return text_array([None if v is None else str(v) for v in column.to_pylist()])
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
            try:  # some writers do not say that their bytes are text
                text = pc.cast(pc.cast(column, pa.binary()), pa.string())
            except pa.ArrowInvalid:
                text = None
            if text is None or pc.any(pc.match_substring_regex(text, r"[\x00-\x08\x0e-\x1f]")).as_py():
                self._delivery.find("binary", f"“{name}”列是二进制内容，读作十六进制")
                return text_array([None if v is None else v.hex() for v in column.to_pylist()])
            return text
        if pa.types.is_null(kind):
            return pa.nulls(len(column), pa.string())
        return pc.cast(column, pa.string())

    def _named(self, rows: Sequence[list[Any]], beside: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Records written as lists, named `beside` them or by the first one when it is text throughout.

        Raises:
            SourceChanged: a record is longer than its names, or a name stands twice.
        """
        names, records = list(beside), rows
        if not names and _are_names(rows[0]):
            names, records = [str(name) for name in rows[0]], rows[1:]
            if all(map(_are_names, records)) and not any(header.key(name) in header.known_names() for name in names):
                self._delivery.find(
                    "first_as_names", f"第 1 条（{'、'.join(names[:3])}）当作列名读入，请核对是不是记录"
                )
        width = max(map(len, records), default=0)
        if names and (width > len(names) or len(set(names)) < len(names)):
            raise SourceChanged(
                self._where, f"有 {len(names)} 个列名，最长的一条有 {width} 个值，或列名有重复", "请部门重新导出"
            )
        names = names or [f"列{index + 1}" for index in range(width)]
        for row in records:
            yield dict(itertools.zip_longest(names, row))

    def _lines(self) -> Iterator[dict[str, Any]]:
        names: list[str] | None = None  # of records written as lists: the first one, when it is text throughout
        with self._content.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    record = _loads(self._text(line))
                except (json.JSONDecodeError, SourceChanged) as error:
                    if not line.endswith(b"\n"):
                        raise SourceUnavailable(
                            self._where,
                            f"最后一行（第 {number} 行）不完整，可能没有传完",
                            "等传完后会自动重试；总是这样时请部门重发",
                        ) from None
                    if isinstance(error, SourceChanged):
                        raise
                    raise SourceChanged(self._where, *malformed.told(self._text(line), error, number)) from None
                except Twice as error:
                    raise SourceChanged(
                        self._where, f"第 {number} 行里 '{error}' 写了两次", "请部门改正导出程序"
                    ) from None
                if isinstance(record, list) and names is None:
                    named = _are_names(record)
                    names = record if named else []
                    if len(set(names)) < len(names):
                        raise SourceChanged(self._where, f"第 {number} 行的列名有重复", "请部门重新导出")
                    if named:
                        continue
                if isinstance(record, list) and names is not None:
                    if names and len(record) > len(names):
                        told = f"有 {len(names)} 个列名，第 {number} 行有 {len(record)} 个值"
                        raise SourceChanged(self._where, told, "请部门重新导出")
                    own = names or [f"列{place + 1}" for place in range(len(record))]
                    yield dict(itertools.zip_longest(own, record))
                elif isinstance(record, dict) and names is None:
                    yield record
                else:
                    raise SourceChanged(self._where, f"第 {number} 行不是一条记录", "请部门导出为每行一个对象")

    def _xml(self) -> Iterator[dict[str, Any]]:
        from lxml import etree

        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        try:
            root = etree.fromstring(in_utf8(self._bytes(self._content.path)), parser)
        except etree.XMLSyntaxError as error:
            told = str(error.msg or "")
            if "EndTag" in told or "Premature" in told or "premature" in told:
                raise SourceUnavailable(
                    self._where, "XML 不完整，可能没有传完", "等传完后会自动重试；总是这样时请部门重发"
                ) from None
            raise SourceChanged(
                self._where, f"第 {error.lineno} 行不是有效的 XML（{told[:80]}）", "请部门重新导出"
            ) from None
        if root.getroottree().docinfo.internalDTD is not None and any(
            True for _ in root.getroottree().docinfo.internalDTD.iterentities()
        ):
            raise SourceChanged(self._where, "XML 里定义了实体，拒绝读取", "请部门去掉 DTD 后重新导出")
        parent = self._place_in(root) if self._place else _busiest(root)
        if not self._place and (others := _others(root, parent)):
            told = "、".join(map(_local, (parent.tag, *(each.tag for each in others[: _TOLD - 1]))))
            raise SourceChanged(self._where, f"里面有 {len(others) + 1} 个列表：{told}", "请在 records 里写明读哪一个")
        if parent is None:
            raise SourceChanged(self._where, f"没有 '{self._place}' 这个位置", "请核对 records 里写的路径")
        if (fault := next(root.iter("{*}Fault"), None)) is not None:
            told = " ".join("".join(fault.itertext()).split())[:100]
            raise SourceChanged(self._where, f"是接口的报错，不是数据：{told}", "请部门重新取数后重发")
        records, beside = _alike(parent)
        if beside:
            self._delivery.find("records_at", f"记录取自 {_local(parent.tag)}，旁边的内容没有读入")
        if (said := said_beside(parent) or 0) > len(records):
            self._delivery.find("partial", PARTIAL.format(said, len(records)))
        for child in records:
            value = element_value(child)
            yield value if isinstance(value, dict) else {_local(child.tag): value}

    def _place_in(self, root: Any) -> Any:
        for part in str(self._place).split("."):
            root = next((child for child in root if isinstance(child.tag, str) and _local(child.tag) == part), None)
            if root is None:
                return None
        return root

    def _parquet(self) -> Iterator[pa.RecordBatch]:
        import pyarrow.parquet as pq

        try:
            file = pq.ParquetFile(self._content.path)
        except (pa.ArrowInvalid, OSError) as error:
            raise SourceUnavailable(
                self._where,
                f"Parquet 文件不完整或已损坏（{str(error).splitlines()[0][:80]}）",
                "等传完后会自动重试；总是这样时请部门重发",
            ) from None
        fit = self._fitted(_flat(file.schema_arrow.empty_table()).column_names)
        schema = pa.schema([*((n, pa.string()) for n in fit.names), ("_sheet", pa.string()), ("_row", pa.int32())])
        row, given = 1, False
        for batch in file.iter_batches(_BATCH):
            flat = _flat(pa.Table.from_batches([batch]))
            columns = zip(fit.names, flat.columns, strict=True)
            arrays = [blank_is_null(self._as_text(name, column.combine_chunks())) for name, column in columns]
            rows = pa.array(range(row, row + batch.num_rows), pa.int32())
            row, given = row + batch.num_rows, True
            yield without_nul(
                pa.RecordBatch.from_arrays([*arrays, pa.nulls(len(rows), pa.string()), rows], schema=schema)
            )
        if not given:
            yield empty(schema)


def _are_names(row: Sequence[Any]) -> bool:
    """Whether a record written as a list is what the columns are called: texts throughout, and none of them a value."""
    return bool(row) and all(type(name) is str and name and (_YEAR.match(name) or not is_value(name)) for name in row)


def _lists_in(body: dict[str, Any], above: str = "", depth: int = 4) -> Iterator[tuple[str, list[Any]]]:
    """The lists of records in an object and the objects in it, by their places."""
    for key, value in body.items():
        if isinstance(value, dict) and depth:
            yield from _lists_in(value, f"{above}{key}.", depth - 1)
        elif isinstance(value, list) and value and isinstance(value[0], (dict, list)):
            yield f"{above}{key}", value


_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number, object_pairs_hook=once)
_BETWEEN = re.compile(r"\s*")


def _loads(text: str) -> Any:
    return _DECODER.decode(text)


def _one_after_another(text: str) -> Any:
    """A document, or the list of several that stand one behind the other: {…}{…}.

    Raises:
        JSONDecodeError: it is neither.
    """
    try:
        return _loads(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise
        found: list[Any] = []
        place = len(text) - len(text.lstrip())
        while place < len(text):
            value, end = _DECODER.raw_decode(text, place)
            found.append(value)
            gap = _BETWEEN.match(text, end)
            place = gap.end() if gap else end
        if all(isinstance(value, dict) for value in found) or all(isinstance(value, list) for value in found):
            return found
        raise


def _by_column(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of an object that holds a list of values per column, or values by the rows' numbers; else none."""
    columns = list(body.values())
    if len(columns) > 1 and all(isinstance(value, list) for value in columns):
        plain = not any(isinstance(each, (dict, list)) for value in columns for each in value)
        if plain and len(columns[0]) > 1 and len({len(value) for value in columns}) == 1:
            return [dict(zip(body, values, strict=True)) for values in zip(*columns, strict=True)]
    elif len(columns) > 1 and all(isinstance(value, dict) for value in columns):
        numbers = [str(number) for number in range(len(columns[0]))]  # as pandas writes a table
        if len(numbers) > 0 and all(list(value) == numbers for value in columns):
            return [{name: value[number] for name, value in body.items()} for number in numbers]
    return []


def _names(records: Iterable[dict[str, Any]]) -> list[str]:
    """The columns of records: an object is shown by its parts; where it is a plain value elsewhere, its own column stays."""
    names: dict[str, bool] = {}  # whether a value stands there that is no object
    for record in records:
        for name in flat_names(record):
            value = record.get(name, ABSENT)
            value = at(record, name) if value is ABSENT else value
            names[name] = names.get(name, False) or not (value is None or isinstance(value, dict))
    parts = {name.rpartition(".")[0] for name in names if "." in name}
    return [name for name, plain in names.items() if plain or name not in parts]


def _flat(table: pa.Table) -> pa.Table:
    """The table with its objects' fields in columns of their own, under dotted names."""
    while any(pa.types.is_struct(field.type) and field.type.num_fields for field in table.schema):
        table = table.flatten()
    return table


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _alike(parent: Any) -> tuple[list[Any], bool]:
    """The records in an element, and whether texts stand beside them that are none: the title of a channel of items."""
    given = [child for child in parent if isinstance(child.tag, str)]
    parts = [child for child in given if len(child) or child.attrib]
    mixed = 1 < len(parts) < len(given) and len({child.tag for child in parts}) == 1
    return (
        (parts, True)
        if mixed and all(child.tag != parts[0].tag for child in given if child not in parts)
        else (given, False)
    )


def _others(root: Any, parent: Any) -> list[Any]:
    """Elements beside the list of records that hold a list of records too."""
    inside = set(parent.iter()) | set(parent.iterancestors())
    others: list[Any] = []
    for element in root.iter():
        if element in inside or not isinstance(element.tag, str) or is_named(element):
            continue
        tags = [child.tag for child in element if len(child) or child.attrib]
        if len(tags) > 1 and len(set(tags)) < len(tags):
            others.append(element)
            inside |= set(element.iter())
    return others


def _busiest(root: Any) -> Any:
    """The element with the most children of one name; a document of one record is its own list."""
    best, most = root, 0
    for element in itertools.chain([root], root.iter()):
        if not isinstance(element.tag, str) or len(element) <= most or (element is not root and is_named(element)):
            continue
        counts: dict[Any, int] = {}
        for child in element:
            if len(child) or child.attrib:
                counts[child.tag] = counts.get(child.tag, 0) + 1
        if counts and max(counts.values()) > most:
            best, most = element, max(counts.values())
    return best
