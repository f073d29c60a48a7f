"""Delimited text as Arrow batches of text columns, with the line each record stands on.

Arrow's own reader parses; what it would let pass is checked beside it: torn last lines, rows of another
width (refused, with their lines), a stray quotation mark that swallows the lines up to the next one.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from connectors import encoding, header, ledger
from connectors.batches import empty, has_byte
from schemas.errors import HubError, SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    from connectors.drivers.base import Delivery
    from connectors.files import Drop

_BLOCK = 1 << 20  # Arrow reads eight blocks ahead: at 4 MB they cost 300 MB more and save nothing
_HEAD_ROWS = 40
_DELIMITERS = (",", "\t", ";", "|", "，")
_NEWLINE = re.compile(b"\n")
_LINES_TOLD = 5
_LEDGER_BYTES = 32 << 20


class DelimitedFile:
    """One file, read once."""

    def __init__(
        self, drop: Drop, delivery: Delivery, *, where: str, wanted: Sequence[str], encoding: str, delimiter: str | None,
        header_row: int | None, footer_rows: int, strict_end: bool,
    ) -> None:  # fmt: skip
        self._drop, self._delivery, self._where, self._wanted = drop, delivery, where, list(wanted)
        self._declared, self._delimiter, self._header_row = encoding, delimiter, header_row
        self._footer_rows, self._strict_end = footer_rows, strict_end
        self._ragged = False
        self._skipped: list[int] = []  # rows set aside while parsing, numbered from the first below the header
        self._notes = 0
        self._noted = False

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All columns as text (empty = NULL), then `_sheet` (NULL) and `_row`."""
        self._codec = encoding.recognise(
            self._drop.path, self._drop.encoding, self._declared, self._wanted, self._where
        )
        self._find_header()
        self._delivery.units.update(self._header.units)
        for name in header.repeated(self._header, self._wanted):
            self._delivery.find("repeated_header", f"表头里有两列以上叫“{name}”，只用第一列")
        schema = pa.schema(
            [*((n, pa.string()) for n in self._header.names), ("_sheet", pa.string()), ("_row", pa.int32())]
        )
        source = encoding.Transcoder(self._drop.path.open("rb", buffering=0), self._codec, self._where, self._skip)
        given = False
        try:
            for batch in self._without_foot(self._placed(self._parsed(source), schema)):
                given = True
                yield batch
        finally:
            source.close()
        self._judge_end(source)
        if not given:
            yield empty(schema)

    def _find_header(self) -> None:
        """The header row, the delimiter, and how many lines lie before the first record.

        Raises:
            SourceChanged: no row has the mapped columns.
        """
        stream = encoding.Transcoder(self._drop.path.open("rb", buffering=0), self._codec, self._where)
        try:
            text = stream.read(encoding.HEAD_BYTES).decode()
        finally:
            stream.close()
        lines = text.splitlines(keepends=True)
        candidates = (self._delimiter,) if self._delimiter else _DELIMITERS
        if lines and re.match(r"sep=.\s*$", lines[0]):  # Excel's own hint
            candidates = (lines[0][4],)
        best: tuple[header.Header, int, str, list[list[str]]] | None = None
        for delimiter in candidates:
            rows, ends = _head_rows(lines, delimiter)
            chosen = (
                range(len(rows))
                if self._header_row is None
                else [i for i in range(len(rows)) if ends[i] == self._header_row]
            )
            for index in chosen:
                found = header.fit(rows[index], self._wanted)
                if best is None or found.hits > best[0].hits:
                    best = found, ends[index], delimiter, rows[:index]
        if best is None or (best[0].hits == 0 and not best[0].names):
            raise SourceChanged(self._where, "文件里没有表头", "请部门按约定的格式重发")
        self._header, self._skip, self._delimiter, above = best
        header.require(self._header, self._wanted, self._where)
        while (
            self._header.names
            and re.fullmatch(r"列\d+", self._header.names[-1])
            and self._header.names[-1] not in self._wanted
        ):
            self._header.names.pop()
        for row in above:
            caption = " ".join(cell.strip() for cell in row if cell.strip())
            if caption and not caption.startswith("sep="):
                self._delivery.captions.append(caption)
                if unit := header.sheet_unit(caption):
                    self._delivery.units["*"] = unit
        self._width = len(self._header.names)

    def _parsed(self, source: encoding.Transcoder) -> Iterator[pa.RecordBatch]:
        names = [f"c{i}" for i in range(self._width)]
        try:
            reader = arrow_csv.open_csv(
                pa.PythonFile(source, mode="r"),
                read_options=arrow_csv.ReadOptions(block_size=_BLOCK, column_names=names, use_threads=False),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=self._odd_row
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={name: pa.string() for name in names},
                    strings_can_be_null=True, quoted_strings_can_be_null=True, null_values=[""],
                ),
            )  # fmt: skip
            with reader:  # left open by a reader who stops early, its thread outlives the interpreter
                yield from reader
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return
            raise self._damaged(str(error)) from None

    def _odd_row(self, row: arrow_csv.InvalidRow) -> str:
        """Set a row of another width aside: a note under the table, or a reason to refuse the file."""
        if self._is_note(row.text.split(self._delimiter or ",")):
            self._notes += 1
        else:
            self._ragged = True
        self._skipped.append(row.number)
        return "skip"

    def _is_note(self, cells: Sequence[str]) -> bool:
        """Whether a row of another width is a total, a signature, a note or the next line of a note."""
        filled = [text for cell in cells if (text := cell.strip('" \t\u3000'))]
        if not filled or header.is_total(filled[0]):
            return True
        if header.is_signature(filled[0]):
            self._noted = True
            return True
        return self._noted and len(filled) == 1

    def _placed(self, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The batches with coordinates: one line per record, and one more for each line break inside a cell."""
        record, shift = 1, self._skip  # the next record's number, and what lies before it beside records
        for batch in batches:
            if self._ragged:
                raise self._refusal()
            count = batch.num_rows
            if not count:
                continue
            numbers = numpy.arange(record, record + count, dtype=numpy.int32)
            while self._skipped and self._skipped[0] <= numbers[-1]:
                numbers[numbers >= self._skipped.pop(0)] += 1
            record = int(numbers[-1]) + 1
            lines = numbers + shift
            extra = self._breaks(batch, lines)
            if extra is not None:
                sums = numpy.cumsum(extra.to_numpy(zero_copy_only=False))
                shift += int(sums[-1])
                lines[1:] += sums[:-1]
            rows = pa.array(lines, pa.int32())
            placed = pa.RecordBatch.from_arrays([*batch.columns, pa.nulls(count, pa.string()), rows], schema=schema)
            yield self._without_blank(placed)
        if self._ragged:
            raise self._refusal()

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
            mark = re.escape(self._delimiter or ",")
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
        values = batch.columns[: self._width]
        if not all(column.null_count for column in values):
            return batch
        filled = pc.is_valid(values[0])
        for column in values[1:]:
            filled = pc.or_(filled, pc.is_valid(column))
        return batch.filter(filled)

    def _without_foot(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches without totals, signatures and the declared number of last rows."""
        held: pa.RecordBatch | None = None
        for batch in batches:
            batch = self._without_notes(batch)  # noqa: PLW2901
            if not self._footer_rows:
                yield batch
                continue
            whole = batch if held is None else pa.concat_batches([held, batch])
            keep = max(whole.num_rows - self._footer_rows, 0)
            yield whole.slice(0, keep)
            held = whole.slice(keep)
        if self._notes:
            self._judge_foot()

    def _judge_foot(self) -> None:
        """Compare totals with the rows in a second look; ledgers are small, and larger files have no total."""
        if self._drop.path.stat().st_size > _LEDGER_BYTES:
            self._delivery.find("foot_dropped", f"去掉了 {self._notes} 行合计、签字或说明（文件太大，没有核对合计）")
            return
        foot = ledger.Foot(self._header.names, self._wanted)
        for line, cells in self._cells():
            foot.is_record(cells, line)
        for code, message in foot.findings(self._cells()):
            if code != "number_only":  # such rows are records here
                self._delivery.find(code, message)

    def _cells(self) -> Iterator[tuple[int, list[str]]]:
        """The rows below the header as (line, cells), cut or padded to the header's width."""
        for line, row in self._raw_rows():
            if row:
                yield line, [*row[: self._width], *[""] * (self._width - len(row))]

    def _raw_rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows below the header as they are, with the line each begins on."""
        stream = encoding.Transcoder(self._drop.path.open("rb", buffering=0), self._codec, self._where)
        try:
            reader = csv.reader(_lines(stream), delimiter=self._delimiter or ",")
            before = 0
            for row in reader:
                if before >= self._skip:
                    yield before + 1, row
                before = reader.line_num
            self._lines, self._whole_end = before, stream.ends_with_newline
        finally:
            stream.close()

    def _without_notes(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        first = batch.column(0)
        note = pc.fill_null(pc.match_substring_regex(first, header.SIGNATURE_PATTERN), False)
        foot = pc.or_(note, pc.fill_null(pc.match_substring_regex(first, header.TOTAL_PATTERN), False))
        if self._noted or pc.any(note).as_py():
            foot = pc.or_(foot, self._continued(batch, note))
            self._noted = True
        if not pc.any(foot).as_py():
            return batch
        self._notes += pc.sum(foot).as_py()
        return batch.filter(pc.invert(foot))

    def _continued(self, batch: pa.RecordBatch, note: pa.BooleanArray) -> pa.Array:
        """Rows below a note that fill one cell only: its next lines."""
        filled = pc.cast(pc.is_valid(batch.column(0)), pa.int32())
        for column in batch.columns[1 : self._width]:
            filled = pc.add(filled, pc.cast(pc.is_valid(column), pa.int32()))
        begins = 0 if self._noted else pc.index(note, True).as_py()
        below = (
            pa.array(numpy.arange(batch.num_rows) > begins) if begins else pa.array(numpy.ones(batch.num_rows, bool))
        )
        return pc.and_(below, pc.equal(filled, 1)) if self._width > 1 else note

    def _judge_end(self, source: encoding.Transcoder) -> None:
        if self._strict_end and not source.ends_with_newline:
            raise self._torn("最后一行没有换行")
        # A quotation mark opened at the start of a cell and never closed: the rest of the file is that cell.
        mark = re.escape((self._delimiter or ",").encode())
        if source.quotes % 2 and re.search(rb'(?:^|\n|%b)"(?:[^"]|"")*\Z' % mark, source.tail):
            raise self._torn("最后有一个引号没有配对")

    def _torn(self, what: str) -> SourceUnavailable:
        return SourceUnavailable(self._where, f"{what}，文件可能没有传完", "等传完后会自动重试；总是这样时请部门重发")

    def _damaged(self, text: str) -> HubError:
        if "straddling" in text:
            return SourceChanged(self._where, "有一格超过 1 MB，多半是引号没有配对", "请部门重新导出")
        if self._ragged:
            return self._refusal()
        return SourceChanged(self._where, f"读不成表格（{text.splitlines()[0][:120]}）", "请部门按约定的格式重新导出")

    def _refusal(self) -> HubError:
        """The error for rows of another width, with their lines; only the last line of all may be a torn one."""
        bad: list[tuple[int, int]] = []
        self._noted = False
        for line, row in self._raw_rows():
            if len(row) != self._width and not self._is_note(row):
                bad.append((line, len(row)))
            if len(bad) > _LINES_TOLD:
                break
        else:
            if len(bad) == 1 and bad[0][0] == self._lines and not self._whole_end and bad[0][1] < self._width:
                return self._torn(f"最后一行（第 {self._lines} 行）只有 {bad[0][1]} 列")
        told = "；".join(f"第 {line} 行 {width} 列" for line, width in bad[:_LINES_TOLD])
        more = "等" if len(bad) > _LINES_TOLD else ""
        return SourceChanged(
            self._where,
            f"表头有 {self._width} 列，但{told}{more}",
            "多半是内容里有逗号、换行而没有加引号；请部门重新导出，不要手工改",
        )


def _head_rows(lines: list[str], delimiter: str) -> tuple[list[list[str]], list[int]]:
    """The first rows as cells, and the line each of them ends on."""
    rows, ends = [], []
    reader = csv.reader(iter(lines), delimiter=delimiter)
    try:
        for row in itertools.islice(reader, _HEAD_ROWS):
            rows.append(row)
            ends.append(reader.line_num)
    except csv.Error:
        pass  # what was read so far decides
    return rows, ends


def _lines(stream: encoding.Transcoder) -> Iterator[str]:
    """The text line by line, line ends kept."""
    rest = ""
    while block := stream.read(1 << 20):
        lines = (rest + block.decode()).split("\n")
        rest = lines.pop()
        yield from (line + "\n" for line in lines)
    if rest:
        yield rest
