"""What an interface answered, as records: JSON or XML in, every value as its exact text out.

Numbers keep the digits they were written with, booleans become true and false, lists and objects become JSON
text. A column `a.b` is looked up inside nested objects; a list that is declared in `explode` gives one record
per element, whose fields are `list.field` and whose place in the list is `list.#`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from connectors.encoding import is_chinese, is_utf8_by_chance

if TYPE_CHECKING:
    from lxml.etree import _Element

ABSENT = object()
_CHINESE_XML = re.compile(rb"\s*<\?xml[^>]*encoding=[\"'](?:gb2312|gbk|gb18030)[\"'][^>]*\?>", re.IGNORECASE)
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_SAMPLE = 1 << 18  # bytes that tell an encoding
_ESCAPE = 12  # characters: an escape that is cut off is told where it begins, two of them may be one character
USUAL_PLACES = (
    "data", "records", "items", "results", "rows", "list", "data.records", "data.list", "data.items", "data.rows",
    "result.records", "result.list", "result", "content", "data.content", "data.data", "data.result", "data.dataList", "dataList", "datas",
    "resultList", "result.data", "result.rows", "result.items", "page.list", "page.records", "page.content", "data.page.list",
    "data.page.records", "body", "body.list", "value", "d.results",
)  # fmt: skip


class Number(str):
    """A JSON number by the digits it was written with."""

    __slots__ = ()


class Incomplete(ValueError):
    """The text begins as it should and ends too early."""


class Foreign(ValueError):
    """The text is something else; the message says what."""


class Spoilt(ValueError):
    """It is of that style and whole, but no text or no such document; the message says where."""


class Twice(Exception):
    """An object has two values of one name; the message is the name."""


@dataclass
class Column:
    """One column of a page; `present` says that at least one record has the key."""

    array: pa.StringArray
    present: bool


def parsed(content: bytes, style: str) -> Any:
    """The body of an answer: dicts, lists and texts; an XML document is `{root: …}`.

    Raises:
        Incomplete: it was cut off.
        Foreign: it is not of that style, whatever its Content-Type says.
        Spoilt: it is badly written, or its characters cannot be read.
    """
    return _xml(content) if style == "xml" else _json(content)


def _json(content: bytes) -> Any:
    text = _characters(content)
    try:
        try:
            return _loads(text)
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":
                raise
            return [_loads(line) for line in text.splitlines() if line.strip()]  # one record a line
    except (ValueError, RecursionError) as error:
        if text.lstrip()[:1] not in ("{", "["):
            raise Foreign(_kind(text)) from None
        # What is cut off fails where it ends, or within a text that never does.
        if isinstance(error, json.JSONDecodeError) and not (
            error.msg.startswith("Unterminated") or error.pos + _ESCAPE >= len(error.doc.rstrip())
        ):
            raise Spoilt(f"第 {error.lineno} 行第 {error.colno} 个字符处写坏了") from None
        raise Incomplete from None


def _characters(content: bytes) -> str:
    """The text of JSON: UTF-8 (RFC 8259), or GB18030 when it is that as a whole; a text that is neither is never guessed."""
    codec = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode("gb18030" if is_utf8_by_chance(content) else codec)
    except UnicodeDecodeError as error:
        if error.end == len(error.object):
            raise Incomplete from None
        damaged = Spoilt(f"第 {error.start + 1} 个字节不是有效的 {codec.removesuffix('-sig').upper()} 编码")
        sample = content[error.start : error.start + _SAMPLE]
    # One bad byte makes Chinese in UTF-8 read as other Chinese in GB18030.
    others = [char for char in sample.decode(errors="replace") if char > "\x7f"]
    if codec == "utf-16" or others.count("\ufffd") * 2 < len(others) or not is_chinese(sample):
        raise damaged
    try:
        return content.decode("gb18030")
    except UnicodeDecodeError:
        raise damaged from None


def _loads(text: str) -> Any:
    """Line breaks within texts are let pass: many interfaces write them as they are."""
    return json.loads(
        text, strict=False, parse_float=Number, parse_int=Number, parse_constant=Number, object_pairs_hook=once
    )


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of its names and values.

    Raises:
        Twice: a name stands twice: which value is meant cannot be known.
    """
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise Twice(next(name for name in names if names.count(name) > 1))
    return made


def _xml(content: bytes) -> Any:
    from lxml import etree

    # Entities and outer documents are never followed: an answer must not make the hub read files or other hosts.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(in_utf8(content), parser)
    except etree.XMLSyntaxError:
        text = content[:2000].decode("utf-8", errors="replace")
        if text.lstrip("\ufeff \r\n\t")[:1] == "<" and "<html" not in text.lower():
            raise Incomplete from None
        raise Foreign(_kind(text)) from None
    if etree.QName(root).localname.lower() == "html":
        raise Foreign(_kind("<html"))
    return {etree.QName(root).localname: element_value(root)}


def in_utf8(content: bytes) -> bytes:
    """An XML document that says it is in GBK or GB2312 in UTF-8 and without saying so: it is GB18030, which parsers may not know.

    What is no valid GB18030 is left as it is, and is told by the parser.
    """
    said = _CHINESE_XML.match(content)
    try:
        return content[said.end() :].decode("gb18030").encode() if said else content
    except UnicodeDecodeError:
        return content


def _kind(text: str) -> str:
    if "<html" in text[:2000].lower():
        return "网页，多半是登录页"
    if not text.strip():
        return "空的"
    return {"<": "XML", "{": "JSON", "[": "JSON"}.get(text.lstrip()[0], "别的内容")


def element_value(element: _Element) -> Any:
    """An element as text, or as the dict of its attributes, children and own `text`; repeated children become a list."""
    from lxml import etree

    if element.get(_NIL) in ("true", "1") and not len(element):
        return None
    found: dict[str, Any] = {etree.QName(k).localname: v for k, v in element.attrib.items()}
    if is_named(element):
        return found | {child.get("name"): element_text(child) for child in element.iterchildren(tag=etree.Element)}
    for child in element.iterchildren(tag=etree.Element):
        name, value = etree.QName(child).localname, element_value(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    text = element_text(element)
    if found and text:
        found.setdefault("text", text)
    return found or text


def element_text(element: _Element) -> str | None:
    """An element's own text, None when it has none."""
    return "".join([element.text or "", *(child.tail or "" for child in element)]).strip() or None


def is_named(element: _Element) -> bool:
    """Whether an element is a record whose fields are called by an attribute: <field name="id">1</field> beside others of its kind."""
    children = list(element.iterchildren("*"))
    names = {child.get("name") for child in children if child.attrib.keys() == ["name"] and not len(child)}
    return (
        len(children) > 1
        and len(names) == len(children)
        and len({child.tag for child in children}) == 1
        and any(map(element_text, children))
    )


def records(body: Any, place: str | None, style: str) -> list[dict[str, Any]] | None:
    """The records in a body; None when there is no list of objects at that place."""
    if place:
        found = at(body, place)
    else:
        usual = (at(body, name) for name in USUAL_PLACES)
        found = body if isinstance(body, list) else next((p for p in usual if isinstance(p, list)), ABSENT)
        if found is ABSENT and said_total(body) == 0 and any(at(body, name) in (None, "") for name in USUAL_PLACES):
            found = None  # where there is none, many write null for the list
    if style == "xml" and not isinstance(found, list):
        # XML shows no difference between a list of one, an empty list and a field.
        root = (place or "").partition(".")[0]
        if isinstance(found, dict):
            found = [found]
        elif found is None or (found is ABSENT and isinstance(body, dict) and root in body):
            found = []
    if found is None:
        return []
    if isinstance(found, list) and found and all(isinstance(record, list) for record in found):
        names = names_beside(body, found)
        if len(set(names)) == len(names) and all(len(record) == len(names) for record in found):
            found = [dict(zip(names, record, strict=True)) for record in found]
    return found if isinstance(found, list) and all(isinstance(record, dict) for record in found) else None


def names_beside(body: Any, found: list[Any]) -> list[str]:
    """The names of columns that stand beside a list of records written as lists; none when they do not."""
    waiting, holder = [body], body
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if any(value is found for value in one.values()):
                holder = one
                break
            waiting += one.values()
    for key in ("columns", "fields", "headers", "header") if isinstance(holder, dict) else ():
        given = holder.get(key)
        if isinstance(given, list) and given:
            names = [each.get("name") if isinstance(each, dict) else each for each in given]
            if all(type(name) is str and name for name in names):
                return [str(name) for name in names]
    return []


TOTAL = re.compile(
    r"total(?:_?(?:count|elements|records|num|number|rows|results|items))?|records_?total", re.IGNORECASE
)
_RELATED = (["value"], ["value", "relation"])  # a search engine's total: {"value": 12, "relation": "eq"}
GOES_ON = re.compile(r"(?:has_?)?more|has_?next(?:_?page)?|exceededTransferLimit|is_?truncated", re.IGNORECASE)
_LAST = re.compile(r"(?:is_?)?last(?:_?page)?|(?:is_?)?end", re.IGNORECASE)
_CODES = ("code", "errcode", "errCode", "errorCode", "resultCode", "retCode", "ret", "status", "success")
_MESSAGES = ("msg", "message", "errmsg", "errMsg", "error", "errorMsg", "resultMsg", "info")
_FINE = frozenset(
    {"0", "1", "200", "00000", "0000", "000000", "00", "ok", "success", "true", "succeed", "成功", "null", ""}
)


def said_total(body: Any, depth: int = 3) -> int | None:
    """How many records there are in all, as the envelope says beside them; None when it does not."""
    if not isinstance(body, dict) or not depth:
        return None
    for name, value in body.items():
        value = value.get("value") if isinstance(value, dict) and list(value) in _RELATED else value  # noqa: PLW2901
        if TOTAL.fullmatch(name) and str(value).isdecimal():
            return int(str(value))
    return next((found for value in body.values() if (found := said_total(value, depth - 1)) is not None), None)


def said_end(body: Any, depth: int = 3) -> bool:
    """Whether the envelope says that nothing follows: has_more false, last true."""
    if not isinstance(body, dict) or not depth:
        return False
    for name, value in body.items():
        flag = str(value).lower()
        if (GOES_ON.fullmatch(name) and flag in {"false", "0"}) or (_LAST.fullmatch(name) and flag == "true"):
            return True
    return any(said_end(value, depth - 1) for value in body.values())


def complaint(body: Any) -> str:
    """What an envelope says went wrong, "" when it does not: a code that no interface uses for success, and a message."""
    if not isinstance(body, dict):
        return ""
    code = next((f"{k}={body[k]}" for k in _CODES if _bare(body.get(k)).lower() not in _FINE), "")
    return f"{code}：{said}" if code and (said := message(body)) else ""


def message(body: Any) -> str:
    """What an envelope says in words, "" when it says nothing."""
    return next((text for k in _MESSAGES if (text := _bare(body.get(k)))), "") if isinstance(body, dict) else ""


def _bare(value: Any) -> str:
    """A plain value as text, "" for what is none."""
    return "" if value is None or isinstance(value, (dict, list)) else str(value)


def exploded(found: list[dict[str, Any]], places: Sequence[str], *, keep_empty: bool) -> list[dict[str, Any]]:
    """One record per element of the lists at `places`, taken in that order.

    A record without elements gives none, or itself with NULL when `keep_empty`:

        {"no": 1, "lines": [{"n": "a"}, {"n": "b"}]}   ->   no=1 lines.#=1 lines.n=a
                                                            no=1 lines.#=2 lines.n=b
    """
    for index, place in enumerate(places):
        done = places[:index]
        wide: list[dict[str, Any]] = []
        for record in found:
            inside = look(record, place, done)
            elements = inside if isinstance(inside, list) else [] if inside is None or inside is ABSENT else [inside]
            wide += [{**record, place: e, f"{place}.#": Number(n)} for n, e in enumerate(elements, 1)]
            if keep_empty and not elements:
                wide.append({**record, place: None, f"{place}.#": None})
        found = wide
    return found


def look(record: Mapping[str, Any], name: str, places: Sequence[str] = ()) -> Any:
    """A field of a record by its name: its own key, a field of an exploded element, or a dotted place."""
    if name in record:
        return record[name]
    for place in sorted(places, key=len, reverse=True):
        if name.startswith(f"{place}."):
            return at(record.get(place), name[len(place) + 1 :])
    return at(record, name)


def text_column(found: Sequence[Mapping[str, Any]], name: str, places: Sequence[str] = ()) -> Column:
    """One key of all records as text; an absent key and null are NULL."""
    values = [look(record, name, places) for record in found]
    kinds = set(map(type, values))
    present = kinds != {object}
    if not kinds <= {str, Number, type(None)}:
        values = [_text(value) for value in values]
    try:
        return Column(pa.array(values, pa.string()), present)
    except UnicodeEncodeError:  # half a character, as \ud83d alone: the row is then set aside as damaged
        return Column(
            pa.array([v and v.encode(errors="surrogatepass").decode(errors="replace") for v in values], pa.string()),
            present,
        )


def flat_names(record: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The keys of a record; those inside nested objects follow by their dotted names."""
    for key, value in record.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from flat_names(value, f"{prefix}{key}.")


def at(value: Any, place: str) -> Any:
    """What lies at a dotted place of a value; `ABSENT` when nothing does."""
    for part in place.split("."):
        if isinstance(value, dict):
            value = value.get(part, ABSENT)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return ABSENT
    return value


def _text(value: Any) -> str | None:
    if value is None or value is ABSENT:
        return None
    return value if isinstance(value, str) else json_text(value)


def json_text(value: Any) -> str:
    """A value as JSON with the digits of its numbers kept."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{json_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
