"""What stands about and among the records of a document (JSON, XML, Parquet): how many more there are, totals, records of another kind."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors import between, header, ledger
from connectors.answers import GOES_ON, TOTAL, said_total

if TYPE_CHECKING:
    from connectors.drivers.base import Delivery
    from connectors.sums import Sums

PARTIAL = "文件里写着共 {} 条，只有 {} 条，像是只存了一页，请部门取全后重发"
MORE = "文件里写着后面还有（{}），像是只存了一页，请部门取全后重发"
_NEXT = re.compile(r"(?:@odata\.)?next(?:_?(?:link|page_?url|url|href|page_?token|token|cursor))?", re.IGNORECASE)
_COUNT = re.compile(
    r"(?:record|row|item|data|result)?_?counts?|(?:record|row|item)s?_?(?:num|number|total)", re.IGNORECASE
)
_WORD = re.compile(r"^[\u4e00-\u9fff（）()]{2,12}$")
_KINDS = 1000
_LETTERS = [chr(code) for code in range(65, 91)]


def unsaid(body: Any, given: int) -> str | None:
    """What an answer kept as a file says of records that are not in it; None when it says nothing."""
    total = max(said_total(body) or 0, *_counts(body), 0)
    if total > given:
        return PARTIAL.format(total, given)
    more = next(_goes_on(body), None)
    return MORE.format(more) if more else None


def _counts(body: Any, depth: int = 3) -> Iterator[int]:
    for name, value in body.items() if isinstance(body, dict) and depth else ():
        if _COUNT.fullmatch(name) and str(value).isdecimal():
            yield int(str(value))
        yield from _counts(value, depth - 1)


def _goes_on(body: Any, depth: int = 3) -> Iterator[str]:
    for name, value in body.items() if isinstance(body, dict) and depth else ():
        if (GOES_ON.fullmatch(name) and value is True) or (_NEXT.fullmatch(name) and type(value) is str and value):
            yield name
        yield from _goes_on(value, depth - 1)


def said_beside(parent: Any) -> int | None:
    """How many records there are in all, as elements and attributes beside and above a list in XML say; None when they do not."""
    said: list[int] = []
    for above in itertools.chain([parent], parent.iterancestors()):
        beside = [child for child in above if child is not parent and above is not parent]
        for element in itertools.chain([above], beside, *beside):
            told = {str(name): value for name, value in element.attrib.items()}
            if isinstance(element.tag, str) and not len(element) and element is not above:
                told[element.tag.rpartition("}")[2]] = element.text or ""
            said += [
                int(value) for name, value in told.items()
                if (TOTAL.fullmatch(name) or _COUNT.fullmatch(name)) and value.strip().isdecimal()
            ]  # fmt: skip
    return max(said, default=None)


class Shapes:
    """Looks at all records of a document as they pass."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, ...], int] = {}  # keys -> the number of the first record that has just these
        self._nested: set[str] = set()
        self._count = 0
        self._first: list[Any] = []

    def see(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record, looked at."""
        self._count += 1
        if self._count == 1:
            self._first = [value for value in record.values() if value is not None]
        if len(self._kinds) < _KINDS:
            self._kinds.setdefault(tuple(record), self._count)
        for name, value in record.items():
            if type(value) is list and value and type(value[0]) is dict:
                self._nested.add(name)
        return record

    def findings(self) -> Iterator[tuple[str, str]]:
        """What to tell: code and Chinese text."""
        groups: list[tuple[set[str], int]] = []
        for keys, first in self._kinds.items():
            apart = [group for group in groups if not group[0].intersection(keys)]
            joined = [group for group in groups if group not in apart]
            if keys:
                whole = set(keys).union(*(group[0] for group in joined))
                groups = [*apart, (whole, min([first, *(group[1] for group in joined)]))]
        if len(groups) > 1:
            places = "、".join(f"第 {first} 条" for first in sorted(first for _, first in groups)[:3])
            yield "mixed_records", f"{places} 没有共同的字段，像是几种不同的记录，请核对"
        if self._nested:
            yield "nested", f"“{'、'.join(sorted(self._nested))}”里还有一串记录，读作 JSON 文本，没有展开"
        if self._count > 1 and _are_names(self._first):
            yield "placeholder_names", f"第 1 条（{'、'.join(self._first[:3])}）像是字段的中文名，不是记录，请核对"
        names = {name: None for keys in self._kinds for name in keys}
        if any(name.startswith("__EMPTY") for name in names) or (
            len(names) > 1 and list(names) == _LETTERS[: len(names)]
        ):
            text = f"字段名（{'、'.join(itertools.islice(names, 3))}）像是导出程序给的，真正的表头可能在第 1 条里，请部门从原表重新导出"
            yield "placeholder_names", text


def _are_names(values: list[Any]) -> bool:
    """Whether values are what columns are called in Chinese: all words, half of them known as names."""
    if len(values) < 2 or not all(type(value) is str and _WORD.match(value) for value in values):
        return False
    return sum(header.is_label(value) or header.key(value) in header.known_names() for value in values) * 2 >= len(
        values
    )


class Totals:
    """Takes the totals out of a document's records and checks them against the others, as those of a ledger."""

    def __init__(
        self,
        names: Sequence[str],
        wanted: Sequence[str],
        delivery: Delivery,
        again: Callable[[], Iterator[pa.RecordBatch]],
    ) -> None:
        self._foot = ledger.Foot(names, wanted or names)
        self._width, self._delivery, self._again = len(names), delivery, again
        self._looked = False

    def without(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch without totals."""
        columns = batch.columns[: self._width]
        if not batch.num_rows or not columns:
            return batch
        total = _say_total(columns)
        proven = self._proven(columns, batch.column("_row"))
        self._foot.first = self._foot.first or batch.column("_row")[0].as_py()
        if proven is None and not pc.any(total).as_py():
            return batch
        out = total if proven is None else pc.or_(total, proven)
        for row in batch.filter(out).to_pylist():
            cells, line = [row[name] or "" for name in batch.schema.names[: self._width]], row["_row"]
            (self._foot.leave_out_sum if line in self._foot.proven else self._foot.leave_out)(cells, line)
        return batch.filter(pc.invert(out))

    def judge(self) -> None:
        """Note what was left out, and totals that do not agree with the records."""
        for code, message in self._foot.findings(self._add_up):
            self._delivery.find(code, message)

    def _proven(self, columns: Sequence[pa.Array], lines: pa.Array) -> pa.Array | None:
        """Records that are called 全县, Total or 小计 behind a name and add up others; of the rest the first is told."""
        places = between.sums(columns[: ledger.BEHIND])
        if not len(places):
            return None
        if not self._looked:
            self._looked = True
            self._foot.prove(self._rows())
        for place in places.tolist():
            cells = [column[place].as_py() or "" for column in columns]
            word = ledger.sum_word(cells)
            if word is not None and lines[place].as_py() not in self._foot.proven:
                self._foot.see_whole(lines[place].as_py(), cells[word])
        return pc.is_in(lines, pa.array(self._foot.proven, pa.int32()))

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        for batch in self._again():
            columns = [pc.fill_null(column, "").to_pylist() for column in batch.columns[: self._width]]
            yield from zip(batch.column("_row").to_pylist(), map(list, zip(*columns, strict=True)), strict=True)

    def _add_up(self, sums: Sums) -> None:
        for batch in self._again():
            total = _say_total(batch.columns[: self._width])
            out = pc.or_(total, pc.is_in(batch.column("_row"), pa.array(self._foot.proven, pa.int32())))
            rest = batch.filter(pc.invert(out))
            self._foot.add_batch(sums, rest.append_column("_flaw", pa.nulls(rest.num_rows, pa.string())))


def _say_total(columns: Sequence[pa.Array]) -> pa.Array:
    """Which records say in the first of their first three fields that is filled that they are a total."""
    return pc.fill_null(pc.match_substring_regex(pc.coalesce(*columns[:3]), header.TOTAL_PATTERN), False)
