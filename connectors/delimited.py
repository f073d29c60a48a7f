"""Delimited text as Arrow batches of text columns, with the line each record stands on.

Arrow's own reader parses; what it would let pass is checked beside it: torn last lines, rows of another
width (refused, with their lines), a stray quotation mark that swallows the lines up to the next one.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from connectors import between, encoding, header, heading, ledger
from connectors.batches import blank_is_null, empty, has_byte, text_array
from connectors.cells import is_value
from connectors.dialect import is_comment
from connectors.sieve import Seen, Sieve
from connectors.stray import Mender
from schemas.errors import HubError, SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    from connectors.drivers.base import Delivery
    from connectors.files import Drop

_BLOCK = 1 << 20  # Arrow reads eight blocks ahead: at 4 MB they cost 300 MB more and save nothing
_NEWLINE = re.compile(b"\n")
_LINES_TOLD = 5
_ESCAPED = re.compile(rb"\\[tnr\\]")
_UNPAIRED = "这一行的引号没有成对"
_NEAR = 20_000  # lines among which another table may begin without a blank line: larger files are no ledgers
_WHOLE = 3  # lines that are seen whole before the header is judged, however long they are
_LONGEST_HEAD = 32 << 20  # characters of them
_ODD_AT_LEAST = 1000  # rows of another width after which a file is given up when they are the greater part


@dataclass
class _Odd:
    """A record whose width is not the header's."""

    number: int  # counted in records from the first below the header
    text: str
    cells: list[str]
    flaw: str | None  # None: it is a record all the same


class DelimitedFile:
    """One file, read once. Without `wanted` names the header is told by its look, and every column is read."""

    def __init__(
        self, drop: Drop, delivery: Delivery, *, where: str, wanted: Sequence[str], encoding: str, delimiter: str | None,
        header_row: int | None, footer_rows: int, strict_end: bool, totals: bool = True,
    ) -> None:  # fmt: skip
        self._drop, self._delivery, self._where, self._wanted = drop, delivery, where, list(wanted)
        self._declared, self._delimiter, self._header_row = encoding, delimiter, header_row
        self._footer_rows, self._strict_end = footer_rows, strict_end
        self._odd: list[_Odd] = []  # in the file's order, not yet placed
        self._totals, self._seen = totals, Seen()
        self._records = self._padded = self._longer = 0
        self._quoted = self._noted = False  # a signature or note has come

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All columns as text (empty = NULL), `_sheet` (NULL), `_row`, and `_flaw`: why a row is no record, else NULL."""
        self._codec = encoding.recognise(
            self._drop.path, self._drop.encoding, self._declared, self._wanted, self._where
        )
        if self._codec in encoding.REPAIRED:
            self._delivery.find("mojibake_repaired", "文字曾按错误的编码转存，已还原，请部门抽查后改正导出方式")
        unsure = self._codec == "gb18030" and self._declared == "auto" and not self._wanted
        if unsure and encoding.may_be_korean(encoding.head(self._drop.path)):
            text = "文字太短，按 GB18030 的中文读入，也可能是韩文（EUC-KR）；是韩文的请写 encoding: euc-kr，或用 UTF-8 重新导出"
            self._delivery.find("doubtful_encoding", text)
        self._find_header()
        self._delivery.units.update(self._header.units)
        for name in header.repeated(self._header, self._wanted):
            self._delivery.find("repeated_header", f"表头里有两列以上叫“{name}”，只用第一列")
        names = self._header.names[: self._width - self._surplus]
        self._foot = ledger.Foot(names, self._wanted or names)
        schema = pa.schema(
            [*((n, pa.string()) for n in names), ("_sheet", pa.string()), ("_row", pa.int32()), ("_flaw", pa.string())]
        )
        source = self._stream(self._skip)
        given = False
        try:
            for batch in self._sieve(names).sift(self._placed(self._parsed(source), schema, source)):
                given = True
                yield batch
        finally:
            source.close()
        self._judge_end(source)
        if not given:
            yield empty(schema)

    def _stream(self, skip: int = 0) -> encoding.Transcoder:
        """The text from a line on, its delimiter one ASCII character."""
        dialect = self._dialect
        self._mender = Mender(dialect, self._width, self._where, skip)
        return encoding.Transcoder(
            self._drop.path.open("rb", buffering=0), self._codec, self._where, skip,
            quote=dialect.quote, edit=dialect.edit, mend=self._mender if self._mender.active else None,
        )  # fmt: skip

    def _find_header(self) -> None:
        """The dialect, the header, and how many lines lie before the first record."""
        stream = encoding.Transcoder(self._drop.path.open("rb", buffering=0), self._codec, self._where)
        try:
            text = stream.read(encoding.HEAD_BYTES).decode()
            while (
                text.count("\n") < _WHOLE and len(text) < _LONGEST_HEAD and (more := stream.read(encoding.HEAD_BYTES))
            ):
                text += more.decode()
        finally:
            stream.close()
        found = heading.find(
            text, self._wanted, delimiter=self._delimiter, header_row=self._header_row, where=self._where
        )
        self._dialect, self._header, self._skip = found.dialect, found.header, found.skip
        self._delivery.delimiter = found.dialect.delimiter
        self._width, self._surplus, self._pads = found.width, found.surplus, found.pads
        self._kinds, self._full, self._above, self._doubtful = found.kinds, found.full, found.rows, found.doubtful
        self._delivery.captions += found.captions
        self._delivery.units.update(found.units)
        for code, text in found.findings(mapped=bool(self._wanted)):
            self._delivery.find(code, text)

    def _parsed(self, source: encoding.Transcoder) -> Iterator[pa.RecordBatch]:
        names = [f"c{i}" for i in range(self._width)]
        try:
            reader = arrow_csv.open_csv(
                pa.PythonFile(source, mode="r"),
                read_options=arrow_csv.ReadOptions(block_size=_BLOCK, column_names=names, use_threads=False),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._dialect.mark, quote_char=self._dialect.quote or False, escape_char=self._dialect.escape or False,
                    newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=self._odd_row,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={name: pa.string() for name in names},
                    strings_can_be_null=True, quoted_strings_can_be_null=True, null_values=[""],
                ),
            )  # fmt: skip
            with reader:  # left open by a reader who stops early, its thread outlives the interpreter
                padded = self._dialect.skip_space or self._dialect.framed
                yield from map(_trimmed, reader) if padded else reader
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return
            raise self._damaged(str(error)) from None

    def _odd_row(self, row: arrow_csv.InvalidRow) -> str:
        """Set a row of another width aside: a note under the table, a record with blank cells too many, or a flaw."""
        text = row.text.strip("\r\n")
        cells = next((cells for cells, _ in self._dialect.marked.rows(io.StringIO(row.text, newline=""))), [])
        width = self._width - self._surplus
        flaw = None
        if len(cells) == 1 and cells[0] in self._mender.texts:
            flaw = _UNPAIRED
            text = cells[0]
        elif self._is_note(cells):
            flaw = ""
        elif header.is_rule(cells):
            self._seen.rules += 1
            cells, flaw = [], ""
        elif len(cells) < width and is_comment(cells[0]):
            self._seen.comments += 1
            cells, flaw = [], ""
        elif len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            cells = cells[:width]
            if self._kinds.contradict(cells):
                flaw = f"这一行比表头的 {width} 列多出空格，其余各格像是错了位"
            else:
                self._longer += 1
        elif self._pads and 1 < len(cells) < width and not self._seen.rules:
            self._padded += 1
        else:
            flaw = f"这一行有 {len(cells)} 格，表头有 {width} 列"
        self._odd.append(_Odd(row.number, text, cells, flaw))
        return "skip"

    def _is_note(self, cells: Sequence[str]) -> bool:
        """Whether a row of another width is a total, a signature, a note or its next line, or DOS's mark of an end."""
        filled = [text for cell in cells if (text := cell.strip('" \t\u3000\x1a'))]
        if not filled or header.is_total(filled[0]):
            return True
        if header.is_signature(filled[0]):
            self._noted = True
            return True
        return self._noted and len(filled) == 1

    def _placed(
        self, batches: Iterator[pa.RecordBatch], schema: pa.Schema, source: encoding.Transcoder
    ) -> Iterator[pa.RecordBatch]:
        """The batches with coordinates: one line per record, and one more for each line break inside a cell."""
        record, shift = 1, self._skip  # the next record's number, and what lies before it beside records
        for batch in batches:
            count = batch.num_rows
            if not count:
                continue
            numbers = numpy.arange(record, record + count, dtype=numpy.int32)
            due: list[_Odd] = []
            while self._odd and self._odd[0].number <= numbers[-1]:
                due.append(self._odd.pop(0))
                numbers[numbers >= due[-1].number] += 1
            record = int(numbers[-1]) + 1
            lines = numbers + shift
            # Without a quotation mark so far no cell holds a line break, and none is ="…".
            self._quoted = bool(source.quotes) or not self._dialect.quote
            extra = self._breaks(batch, lines) if self._quoted or self._dialect.escape else None
            sums = (
                numpy.zeros(count, numpy.int64) if extra is None else numpy.cumsum(extra.to_numpy(zero_copy_only=False))
            )
            if extra is not None:
                shift += int(sums[-1])
                lines[1:] += sums[:-1]
            where: list[int] = []
            for odd in due:
                before = int(numpy.searchsorted(numbers, odd.number))
                where.append(odd.number + shift - int(sums[-1]) + (int(sums[before - 1]) if before else 0))
                if breaks := odd.text.count("\n"):
                    lines[before:] += breaks
                    shift += breaks
            yield self._joined(batch, lines, due, where, schema)
        self._judge_last(source, record)
        if self._odd:
            rest, self._odd = self._odd, []
            places = [odd.number + shift for odd in rest]
            yield self._joined(None, numpy.zeros(0, numpy.int32), rest, places, schema)
        if self._seen.flawed > _LINES_TOLD and self._seen.flawed * 2 > self._records:
            raise self._refusal()
        if self._padded:
            self._delivery.find("short_rows", f"有 {self._padded} 行省略了行末的空格，按没有填读入")
        if self._longer:
            self._delivery.find("long_rows", f"有 {self._longer} 行行末多出空格，没有读入多出的")

    def _joined(
        self, batch: pa.RecordBatch | None, lines: numpy.ndarray, due: list[_Odd], where: list[int], schema: pa.Schema
    ) -> pa.RecordBatch:
        """A batch under its schema, with the records of another width at their places."""
        width = self._width - self._surplus
        names, parts = self._header.names[:width], []
        for one, line in zip(due, where, strict=True) if self._seen.second is None else ():
            if len(one.cells) == 1 and between.other_units(one.cells, names, self._delivery.units):
                self._seen.second = line
                break
        if batch is not None:
            count = batch.num_rows
            flaw = self._surplus_flaw(batch) if self._surplus else pa.nulls(count, pa.string())
            rows = pa.array(lines, pa.int32())
            if self._seen.second is None:
                blank = [at for odd, at in zip(due, where, strict=True) if not any(odd.cells)]
                self._seen.second = between.other_table(batch, lines, blank, names)
                if self._seen.second is None and lines[0] < _NEAR:
                    figures = self._kinds.figures
                    self._seen.second = between.next_names(batch, lines, figures, names)
            if self._seen.second is None and lines[0] < _NEAR:
                self._seen.second, lone = between.unit_rows(
                    batch.select(range(width)), lines, names, self._delivery.units
                )
                flaw = pc.if_else(pc.and_(lone, pc.is_null(flaw)), between.LONE, flaw)
            if self._seen.second is not None:
                flaw = pc.if_else(
                    pc.greater_equal(rows, self._seen.second), f"第 {self._seen.second} 行起像是另一张表", flaw
                )
                self._seen.flawed += int((lines >= self._seen.second).sum())
            values = batch.columns[:width]
            if width > 1 and sum(not column.null_count for column in values) <= 1:
                told = between.lone_texts if self._full else between.headings
                lone = told(batch.select(range(width)), self._kinds)
                flaw = pc.if_else(pc.and_(lone, pc.is_null(flaw)), between.LONE, flaw)
            if lines[0] < _NEAR and (moved := between.swapped_rows(batch.select(range(width)), self._kinds, names)):
                why = pa.array([moved.get(place) for place in range(count)], pa.string())
                flaw = pc.coalesce(flaw, why)
            if lines[0] <= self._doubtful <= lines[-1]:
                flaw = pc.if_else(pc.equal(rows, self._doubtful), ledger.DOUBTFUL, flaw)
            values = [between.bared(column, formulas=self._quoted or self._dialect.quote != '"') for column in values]
            if any(between.has_null_mark(column) for column in values):
                values = self._without_null_marks(values)
            columns = [*values, pa.nulls(count, pa.string()), rows, flaw]
            parts.append(self._without_blank(pa.RecordBatch.from_arrays(columns, schema=schema)))
        for one, line in zip(due, where, strict=True):
            if one.flaw == "" and any(cell.strip() for cell in one.cells):
                signed = header.is_signature(next(cell for cell in one.cells if cell.strip()))
                self._seen.noted = self._seen.noted or (line if signed else 0)
                self._foot.leave_out([*one.cells[:width], *[""] * (width - len(one.cells))], line)
        odd = [(one, line) for one, line in zip(due, where, strict=True) if one.flaw != ""]
        if odd or not parts:
            cells = [[*one.cells[:width], *[""] * (width - len(one.cells))] for one, _ in odd]
            arrays = (
                [text_array(column) for column in zip(*cells, strict=True)]
                if cells
                else [pa.array([], pa.string())] * width
            )
            flaws = [one.flaw and f"{one.flaw}：{one.text[:500]}" for one, _ in odd]
            placed = [
                *arrays,
                pa.nulls(len(odd), pa.string()),
                pa.array([line for _, line in odd], pa.int32()),
                pa.array(flaws, pa.string()),
            ]
            parts.append(pa.RecordBatch.from_arrays(placed, schema=schema))
            self._seen.flawed += sum(one.flaw is not None for one, _ in odd)
        whole = parts[0] if len(parts) == 1 else pa.concat_batches(parts)
        self._records += whole.num_rows
        if self._seen.flawed > _ODD_AT_LEAST and self._seen.flawed * 2 > self._records:
            raise self._refusal()
        return whole if len(parts) == 1 else whole.take(pc.sort_indices(whole.column("_row")))

    def _without_null_marks(self, values: list[pa.Array]) -> list[pa.Array]:
        r"""The columns without \N, as databases write a value that is missing in a text with tabs; elsewhere it is told."""
        if self._dialect.delimiter == "\t":
            if any(has_byte(column, _ESCAPED) for column in values):
                text = "有的格子写着 \\t、\\n 这样的转义，像是数据库导出的，照原样读入，请部门改用 CSV 导出"
                self._delivery.find("escaped", text)
            return [
                pc.if_else(pc.equal(column, between.NULL_MARK), pa.scalar(None, pa.string()), column)
                for column in values
            ]
        self._delivery.find(
            "null_mark", f"有的格子写着 {between.NULL_MARK}，像是数据库里没有填的值，照原样读入，请部门核对"
        )
        return values

    def _surplus_flaw(self, batch: pa.RecordBatch) -> pa.Array:
        """Why a row is no record that has something behind the header's last column."""
        width = self._width - self._surplus
        filled = pc.is_valid(batch.column(width))
        for column in batch.columns[width + 1 :]:
            filled = pc.or_(filled, pc.is_valid(column))
        return pc.if_else(filled, f"这一行比表头的 {width} 列多出内容", pa.scalar(None, pa.string()))

    def _judge_last(self, source: encoding.Transcoder, record: int) -> None:
        """Texts alone in their lines under the last record are notes; a short last line without an end is torn.

        Raises:
            SourceUnavailable: the file was cut off within its last line.
        """
        last = self._odd[-1] if self._odd else None
        if last and last.flaw and len(last.cells) < self._width and not source.ends_with_newline:
            alone = len(last.cells) == 1 and (len(self._odd) > 1 or last.number > record)
            if not alone:
                line = self._last_line()
                raise self._torn(f"最后一行（第 {line} 行）只有 {len(last.cells)} 列")
        if self._width > 2:
            for odd in self._odd:
                filled = [cell for cell in odd.cells if cell.strip()]
                alone = len(filled) == 1 and not is_value(filled[0])
                if odd.flaw and odd.flaw != _UNPAIRED and alone and self._records:
                    odd.cells, odd.flaw = [], ""
                    self._delivery.find("note", f"表后的说明没有读入：{odd.text[:80]}")

    def _last_line(self) -> int:
        for _ in self._raw_rows():
            pass
        return self._lines

    def _breaks(self, batch: pa.RecordBatch, lines: numpy.ndarray) -> pa.Array | None:
        """Line breaks inside each record's cells, None when there are none at all."""
        broken = [column for column in batch.columns if has_byte(column, _NEWLINE)]
        if not broken:
            return None
        total = pc.fill_null(pc.count_substring(broken[0], "\n"), 0)
        for column in broken[1:]:
            total = pc.add(total, pc.fill_null(pc.count_substring(column, "\n"), 0))
        if self._width > 2:
            # A cell with a whole record in it: a quotation mark was opened and closed lines later.
            mark = re.escape(self._dialect.mark)
            whole = rf"\n[^\n]*(?:{mark}[^\n{mark}]*){{{min(self._width - 1, 900)}}}"
            for column in broken:
                swallowed = pc.fill_null(pc.match_substring_regex(column, whole), False)
                if pc.any(swallowed).as_py():
                    place = lines[pc.index(swallowed, True).as_py()]
                    raise SourceChanged(
                        self._where,
                        f"第 {place} 行附近有没配对的引号，后面的行被当成了一格",
                        "请部门重新导出，不要手工拼接",
                    )
        return total

    def _without_blank(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch without rows that have no value at all (blank lines, lines of separators)."""
        values = batch.columns[: self._width - self._surplus]
        serial = self._foot.serial if len(self._foot.mapped) > 1 else None
        batch, values = self._without_white(batch, values)
        others = [column for place, column in enumerate(values) if place != serial] or values
        if not all(column.null_count for column in others):
            return batch
        filled = pc.is_valid(others[0])
        for column in others[1:]:
            filled = pc.or_(filled, pc.is_valid(column))
        if serial is not None:
            numbered = pc.and_(pc.is_valid(values[serial]), pc.invert(filled))
            worded = pc.fill_null(pc.invert(pc.match_substring_regex(values[serial], r"^\s*\d+\s*$")), False)
            filled = pc.or_(filled, pc.and_(numbered, worded))
            self._foot.see_empty(pc.sum(pc.and_(numbered, pc.invert(worded))).as_py() or 0)
        return batch.filter(filled)

    def _without_white(self, batch: pa.RecordBatch, values: list[pa.Array]) -> tuple[pa.RecordBatch, list[pa.Array]]:
        """The batch and its values without rows that have blanks in their cells and nothing else."""
        white = pc.fill_null(pc.match_substring_regex(values[0], r"^[\s\x{3000}]+$"), False)
        for column in values[1:] if pc.any(white).as_py() else ():
            white = pc.and_(white, pc.fill_null(pc.invert(pc.match_substring_regex(column, r"[^\s\x{3000}]")), True))
        if pc.any(white).as_py():
            batch = batch.filter(pc.invert(white))
        return batch, batch.columns[: len(values)]

    def _sieve(self, names: Sequence[str]) -> Sieve:
        return Sieve(
            names, self._foot, self._seen, self._delivery, kinds=self._kinds, above=self._above, footer_rows=self._footer_rows,
            totals=self._totals, look=lambda: self._second_look().batches(),
        )  # fmt: skip

    def _second_look(self) -> DelimitedFile:
        """A second look at the file that judges nothing."""
        from connectors.drivers.base import Delivery

        return DelimitedFile(
            self._drop, Delivery("", "file", lambda delivery: iter(())), where=self._where, wanted=self._wanted, encoding=self._declared,
            delimiter=self._delimiter, header_row=self._header_row, footer_rows=self._footer_rows, strict_end=False, totals=False,
        )  # fmt: skip

    def _raw_rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows below the header as they are, with the line each begins on."""
        stream = self._stream()
        try:
            before = 0
            for row, end in self._dialect.marked.rows(_lines(stream)):
                if before >= self._skip:
                    yield before + 1, row
                before = end
            self._lines = before
        except csv.Error as error:
            raise self._damaged(str(error)) from None
        finally:
            stream.close()

    def _judge_end(self, source: encoding.Transcoder) -> None:
        if self._strict_end and not source.ends_with_newline:
            raise self._torn("最后一行没有换行")
        # A quotation mark opened at the start of a cell and never closed: the rest of the file is that cell.
        if not self._dialect.quote or self._dialect.escape:
            return
        mark, quote = re.escape(self._dialect.mark.encode()), re.escape(self._dialect.quote.encode())
        if source.quotes % 2 and re.search(
            rb"(?:^|\n|%b)%b(?:[^%b]|%b%b)*\Z" % (mark, quote, quote, quote, quote), source.tail
        ):
            raise self._torn("最后有一个引号没有配对")

    def _torn(self, what: str) -> SourceUnavailable:
        return SourceUnavailable(self._where, f"{what}，文件可能没有传完", "等传完后会自动重试；总是这样时请部门重发")

    def _damaged(self, text: str) -> HubError:
        if "straddling" in text:
            return SourceChanged(self._where, "有一格超过 1 MB，多半是引号没有配对", "请部门重新导出")
        return SourceChanged(self._where, f"读不成表格（{text.splitlines()[0][:120]}）", "请部门按约定的格式重新导出")

    def _refusal(self) -> HubError:
        """The error for a file most of whose rows have another width, with the first of their lines."""
        if self._seen.second is not None:
            what = f"第 {self._seen.second} 行起像是另一张表，比前面的行还多"
            return SourceChanged(self._where, what, "请部门一个文件只放一张表")
        bad: list[tuple[int, int]] = []
        self._noted, width = False, self._width - self._surplus
        for line, row in self._raw_rows():
            if row and len(row) != width and not self._is_note(row):
                bad.append((line, len(row)))
            if len(bad) > _LINES_TOLD:
                break
        told = "；".join(f"第 {line} 行 {width} 列" for line, width in bad[:_LINES_TOLD])
        more = "等" if len(bad) > _LINES_TOLD else ""
        return SourceChanged(
            self._where,
            f"表头有 {width} 列，但{told}{more}",
            "多半是内容里有逗号、换行而没有加引号；请部门重新导出，不要手工改",
        )


def _trimmed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch without the blanks at both ends of its cells that set its columns out; a cell of nothing else is NULL."""
    columns = [blank_is_null(pc.utf8_trim_whitespace(column)) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _lines(stream: encoding.Transcoder) -> Iterator[str]:
    """The text line by line, line ends kept."""
    rest = ""
    while block := stream.read(1 << 20):
        lines = (rest + block.decode()).split("\n")
        rest = lines.pop()
        yield from (line + "\n" for line in lines)
    if rest:
        yield rest
