"""Workbooks as Arrow batches of text columns, one sheet after another.

calamine opens a file by its content and reads 50,000 rows in under a second; what it cannot tell (hidden
rows and columns) is read from the sheet's own XML.
"""

from __future__ import annotations

import fnmatch
import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import python_calamine as calamine

from connectors import around, between, header, ledger, measures, opendocument, shape, texts, webtable
from connectors.batches import empty, text_array, under, without_nul
from connectors.container import RETRY, is_zip, judge, looks, needs_trial, place, remarks, try_out
from connectors.content import WEB, kind_of
from connectors.glance import address
from connectors.oddities import odd_days
from connectors.worksheet import AnySheet, Cell, as_shown, is_table, locate, rows_of, texts_of
from schemas import privacy
from schemas.errors import HubError, SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    from connectors.drivers.base import Delivery

_BATCH_ROWS = 20_000
_EPOCHS = datetime(1899, 12, 30), datetime(1904, 1, 1)  # day 0 of Excel's two calendars
_SAMPLE = 200  # rows that tell how full a table is
_TOLD = 5
_UNCOMPUTED = "请部门用 Excel 打开，保存后重发"

_Book = calamine.CalamineWorkbook | webtable.Book
Merge = tuple[tuple[int, int], tuple[int, int]]


class Workbook:
    """One workbook, read once."""

    def __init__(
        self, path: Path, delivery: Delivery, *, where: str, wanted: Sequence[str], sheets: Any, header_row: int | None,
        header_rows: int | None, footer_rows: int, fill_merged: bool,
    ) -> None:  # fmt: skip
        self._path, self._delivery, self._where, self._wanted = path, delivery, where, list(wanted)
        self._rule, self._header_row, self._header_rows = sheets, header_row, header_rows
        self._footer_rows, self._fill_merged = footer_rows, fill_merged
        self._parsed: AnySheet | None = None
        self._told: dict[str, opendocument.Told] = {}  # of an .ods
        self._texts = texts.Told()  # of an .xlsx
        self._measures: dict[str, measures.Measures] = {}
        self._percent: dict[str, measures.Percent] = {}
        self._uncomputed: dict[str, list[tuple[int, int]]] = {}
        self._shaped: dict[
            str, dict[int, list[tuple[int, str | datetime]]]
        ] = {}  # sheet -> line -> column, how it is shown

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All columns as text (empty = NULL), `_sheet`, `_row`, and `_flaw`: why a row is no record, else NULL.

        Raises:
            SourceUnavailable: the file is cut off.
            SourceChanged: it is no workbook, is encrypted, or has not the mapped columns.
        """
        schema: pa.Schema | None = None
        with self._opened() as book:
            if doubtful := self._texts.doubtful:
                some = "、".join(sorted(doubtful)[:_TOLD])
                self._delivery.find(
                    "escaped", f"工作簿里的 {some} 有的是一个字，有的就是这几个字母，照原样读入，请部门另存后重发"
                )
            if shown := self._texts.shown:
                some = "、".join(f"“{text}”读作“{left}”" for text, left in itertools.islice(shown.items(), _TOLD))
                self._delivery.find(
                    "struck", f"工作簿里有的格子划掉了一部分字，或数后面有上标，没有读入：{some}，请核对"
                )
            for name in self._chosen(book):
                sheet = _Sheet(self, self._sheet(book, name), name)
                named = [(name, pa.string()) for name in sheet.header.names]
                found = pa.schema([*named, ("_sheet", pa.string()), ("_row", pa.int32()), ("_flaw", pa.string())])
                if schema is None:
                    schema = found
                    self._delivery.units.update(sheet.header.units)
                elif sheet.header.units != {
                    k: v for k, v in self._delivery.units.items() if k in sheet.header.names or k == "*"
                }:
                    raise SourceChanged(self._where, f"工作表“{name}”的计量单位与前面的表不同", "请部门统一单位后重发")
                self._delivery.captions += sheet.captions
                for batch in sheet.batches(found):
                    yield _aligned(batch, schema) if self._wanted else under(batch, schema, f"{self._where}：{name}")
                sheet.judge_foot()
        if schema is not None:
            yield empty(schema)

    def _sheet(self, book: _Book, name: str) -> AnySheet:
        """A sheet, parsed once: finding the header and reading the rows are two looks at the same one."""
        if self._parsed is None or self._parsed.name != name:
            try:
                parsed = book.get_sheet_by_name(name)
                if isinstance(parsed, calamine.CalamineSheet) and name in self._told:
                    self._parsed = opendocument.Sheet(parsed, self._told[name])
                elif isinstance(parsed, calamine.CalamineSheet) and (self._texts.escapes or self._texts.shown):
                    self._parsed = texts.Sheet(parsed, self._texts)
                else:
                    self._parsed = parsed
            except BaseException as error:  # calamine panics at some damaged files
                raise self._damaged(error) from None
        return self._parsed

    def _opened(self) -> _Book:
        if (kind := kind_of(self._path)) in WEB:
            return webtable.opened(self._path, kind, self._where)
        judge(self._path, self._where)
        if needs_trial(self._path):
            try_out(self._path, self._where)
        try:
            book = calamine.CalamineWorkbook.from_path(str(self._path))
            self._told = opendocument.told(self._path) if is_zip(self._path) else {}
            self._texts = texts.told(self._path)
            return book
        except calamine.PasswordError:
            raise SourceChanged(self._where, "文件加了打开密码", "请部门去掉密码后重发") from None
        except BaseException as error:  # calamine panics at some damaged files
            raise self._damaged(error) from None

    def _damaged(self, error: BaseException) -> HubError:
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise error
        if "limit exceeded" in str(error):
            return SourceChanged(
                self._where, "工作簿展开后有上亿个格子，拒绝读取", "请部门删去表外的零散内容，另存后重发"
            )
        return SourceUnavailable(
            self._where,
            f"工作簿打不开（{(str(error) or type(error).__name__).splitlines()[0][:100]}），可能没有传完",
            RETRY,
        )

    def _chosen(self, book: _Book) -> list[str]:
        """The sheets to read: by the connector's rule, else the first visible one whose header fits.

        Raises:
            SourceChanged: there is none.
        """
        visible = {m.name: m.visible == calamine.SheetVisibleEnum.Visible for m in book.sheets_metadata}
        hidden = [name for name, shown in visible.items() if not shown]
        if hidden:
            self._delivery.find("hidden_sheet", f"有隐藏的工作表：{'、'.join(hidden)}")
        if self._rule is not None:
            rules = self._rule if isinstance(self._rule, list) else [self._rule]
            names = [name for name in visible if any(_fits(rule, name, list(visible)) for rule in rules)]
            # A pattern means what can be seen; a hidden sheet is read only when it is named.
            names = [name for name in names if visible[name] or name in rules]
            if not names:
                raise SourceChanged(self._where, f"没有工作表符合 '{self._rule}'", f"文件里有：{'、'.join(visible)}")
            self._look(book, names)
            return names
        fitting, best = [], None
        shown = [name for name, seen in visible.items() if seen]
        if not self._wanted:
            filled = [name for name in shown if self._sheet(book, name).start is not None]
            if not filled:
                raise SourceChanged(self._where, "工作簿里没有数据", "请部门核对后重发")
            first = next((name for name in filled if is_table(self._sheet(book, name))), filled[0])
            if len(shown) > 1:
                others = "、".join(name for name in shown if name != first)
                self._delivery.find("more_sheets", f"只读了工作表“{first}”，没有读：{others}（要读请写明 sheet）")
            self._look(book, [first])
            return [first]
        for name in shown:
            found = locate(self._sheet(book, name), self._wanted, self._header_row, self._header_rows)
            if found is None:
                continue
            if found.header.hits == len(self._wanted):
                fitting.append(name)
            elif best is None or found.header.hits > best[1].header.hits:
                best = name, found
        if not fitting:
            if best is None:
                raise SourceChanged(self._where, "工作簿里没有数据", "请部门核对后重发")
            return [best[0]]  # reading it tells which columns are missing
        if len(fitting) > 1:
            self._delivery.find(
                "more_sheets", f"还有表头相同的工作表没有读：{'、'.join(fitting[1:])}（要读请写 source.sheet）"
            )
        self._look(book, fitting[:1])
        return fitting[:1]

    def _look(self, book: _Book, names: list[str]) -> None:
        if isinstance(book, webtable.Book):
            found = {name: book.looks[name] for name in names}
        elif self._told:
            found = {name: self._told[name].look for name in names if name in self._told}
        else:
            found = looks(self._path, book.sheet_names, names)
        for name, look in found.items():
            shaped = self._shaped.setdefault(name, {})
            for cell, shape_ in look.shaped.items():
                line, column = place(cell)
                shaped.setdefault(line, []).append((column - 1, shape_))
            for letters, lines in look.days.items():
                for line in lines:
                    shaped.setdefault(line, []).append((place(f"{letters}1")[1] - 1, _EPOCHS[look.since_1904]))
            self._measures[name], self._percent[name] = look.measures, look.percent
            if cells := look.uncomputed:
                self._uncomputed[name] = [place(cell) for cell in cells]
            for code, message in remarks(name, look):
                self._delivery.find(code, message)


class _Sheet:
    """One sheet: its header, then its rows."""

    def __init__(self, book: Workbook, sheet: AnySheet, name: str) -> None:
        self._book, self._sheet, self._name = book, sheet, name
        self._where = f"{book._where}：{name}"
        found = locate(sheet, book._wanted, book._header_row, book._header_rows)
        if found is None:
            raise SourceChanged(self._where, "工作表是空的", "请部门核对后重发")
        if found.card:
            raise SourceChanged(self._where, shape.CARD, shape.CARD_CURE)
        if found.above is not None:
            raise SourceChanged(
                self._where, f"第 {found.above} 行起在第 {found.data_row} 行的表头上面还有一张表", shape.ABOVE_CURE
            )
        self.header, self._first, self.captions = found.header, found.data_row, found.captions
        for caption in getattr(sheet, "captions", ()):  # of a web page
            self.captions.append(caption)
            if unit := header.sheet_unit(caption):
                self.header.units.setdefault("*", unit)
        for odd in filter(None, map(header.odd_unit, self.captions)):
            book._delivery.find("unit", f"工作表“{name}”{shape.ODD_UNIT.format(odd)}")
        header.require(self.header, book._wanted, self._where)
        for column in header.repeated(self.header, book._wanted):
            book._delivery.find("repeated_header", f"表头里有两列以上叫“{column}”，只用第一列")
        self._settle_units()
        self._tell_across()
        sample = [cells for _, cells in itertools.islice(self._lines(), _SAMPLE) if any(cell != "" for cell in cells)]
        self._numbered = ledger.numbering(sample, self.header.names)
        self._foot = ledger.Foot(
            self.header.names, book._wanted or self.header.names, numbered=self._numbered is True, above=found.rows,
            units=self.header.units,
        )  # fmt: skip
        self._prove_sums()
        second = around.beside(self.header.names, [[str(cell) for cell in cells] for cells in sample])
        if second and not any("#" in name for name in book._wanted):
            raise SourceChanged(
                self._where, f"第 {second} 列起表头又来一遍，像是两张表并排", "请部门把右边的行接到左边的下面"
            )
        self._watch = between.Watch(self.header.names, sample, self.header.units)
        self._foot.figures = self._watch.figures
        self._blank = self._blanks()
        if not found.named:
            book._delivery.find("no_header", f"工作表“{name}”没有找到表头，各列依次叫 列1、列2……")
        if found.named and (
            note := around.noted(self.header.names, [[str(cell) for cell in cells] for cells in sample])
        ):
            book._delivery.find("note", f"工作表“{name}”{shape.NOTED.format(note)}")
        if found.narrow:
            book._delivery.find("table_above", f"工作表“{name}”{shape.NARROW.format(found.narrow)}")
        if shape.is_transposed(
            [*([self.header.names] if found.named else []), *([str(cell) for cell in cells] for cells in sample)]
        ):
            book._delivery.find("transposed", f"工作表“{name}”{shape.TRANSPOSED}")
        if gap := around.gap(self.header.names, [[str(cell) for cell in cells] for cells in sample]):
            book._delivery.find("blank_column", f"工作表“{name}”{shape.GAP.format(gap)}")

    def _settle_units(self) -> None:
        """What number formats say of units, told and taken into account."""
        self._settled = measures.Settled()
        self._settled = measures.settle(self._book._measures.get(self._name, {}), self.header, self._lines())
        for name in self._settled.told:
            self._book._delivery.find("scaled", f"“{name}”列按缩小的数显示，表头没有写单位，读出的是原数，请核对")
        told: dict[str, list[str]] = {}
        percent = self._book._percent.get(self._name, {})
        for letters in sorted(percent, key=lambda letters: (len(letters), letters)):
            column = place(f"{letters}1")[1] - 1
            if measures.shown_as_percent(self.header, column, percent[letters], self._settled):
                text = "按百分比显示，表头也写着 %，读出的是显示的数：85% 读作 85"
            else:
                text = "按百分比显示，读出的是小数：85% 读作 0.85"
                self._book._delivery.percent.setdefault(column, set()).update(percent[letters])
            told.setdefault(text, []).append(letters)
        for text, columns in told.items():
            some = "、".join(columns[:_TOLD])
            self._book._delivery.find("percent", f"工作表“{self._name}”的 {some} 列{text}")

    def _tell_across(self) -> None:
        """Note cells of records that are merged over several columns: each of these reads the same."""
        width = len(self.header.names)
        across = [
            f"{address(row0 + 1, col0 + 1)}:{address(row1 + 1, col1 + 1)}"
            for (row0, col0), (row1, col1) in self._sheet.merged_cell_ranges or []
            if row0 >= self._first and col0 < col1 < width and (col0 > 0 or col1 < width - 1)
        ]
        if across and self._book._fill_merged:
            some = "、".join(across[:_TOLD])
            text = f"工作表“{self._name}”里 {some} 共 {len(across)} 处横着合并了几列，每列都读作同一个值，请核对"
            self._book._delivery.find("merged_across", text)

    def _prove_sums(self) -> None:
        """Tell the foot which rows add up others: those that say so, and one without a name among the last."""
        says, last = False, deque[tuple[int, list[Cell]]](maxlen=_TOLD)
        for line, cells in self._lines():
            says = says or ledger.sum_word(cells) is not None
            if any(cell != "" for cell in cells):
                last.append((line, cells))
        if says:
            self._foot.prove(self._lines())
        for line, cells in reversed(last):
            if ledger.is_nameless(cells) and self._foot.nameless(self._lines(), line):
                break

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The data rows, merged cells filled within their range only."""
        width = len(self.header.names)
        fills = _fills(self._sheet.merged_cell_ranges or [], self._first, width) if self._book._fill_merged else {}
        kept: list[list[Cell]] = []
        numbers: list[int] = []
        flaws: list[str | None] = []
        watch = self._watch
        spanned = {
            row0 + 1 for (row0, col0), (row1, col1) in self._sheet.merged_cell_ranges or [] if row0 == row1 and col0 == 0 < width - 1 <= col1
        }  # fmt: skip
        records = flawed = beyond = 0
        anchors: dict[tuple[int, int], Cell] = {}
        shaped = self._book._shaped.get(self._name, {})
        for line, cells in self._lines():
            for column, shown in shaped.get(line, ()):
                if column < width and isinstance(cells[column], (int, float)):
                    cells[column] = as_shown(cells[column], shown)
            # A row of nothing but formulas without a value looks empty, and is none.
            if not self._foot.is_record(cells, line) and not (line in self._blank and not any(c != "" for c in cells)):
                continue
            records += 1
            flaw = watch.flaw(line, cells)
            if flaw == between.LONE and any(row != line - 1 for _, (row, _) in fills.get(line - 1, ())):
                flaw = None  # a cell merged from above stands in it too
            flaw = flaw or (ledger.PART if self._foot.part(line, cells[0]) else None)
            flaw = flaw or between.odd_text(cells, self._foot.mapped) or (between.LONE if line in spanned else None)
            if self._numbered is None and line == self._foot.first:
                flaw = ledger.DOUBTFUL
            beyond += watch.second is not None
            if blank := self._blank.get(line):
                flawed += 1
                flaw = f"{'、'.join(blank)} 的公式还没有算出值"
            flaw = flaw or self._settled.flaws.get(line)
            if flaw:
                self._foot.exclude(line)
            for column, anchor in fills.get(line - 1, ()):
                if anchor == (line - 1, column):
                    anchors[anchor] = cells[column]
                elif cells[column] == "":
                    cells[column] = anchors.get(anchor, "")
            kept.append(cells)
            numbers.append(line)
            flaws.append(flaw)
            if len(kept) == _BATCH_ROWS:
                yield self._batch(kept, numbers, flaws, schema)
                kept, numbers, flaws = [], [], []
        if watch.second is not None and beyond * 2 > records:
            raise SourceChanged(
                self._where, f"第 {watch.second} 行起像是另一张表，比前面的行还多", "请部门一个工作表只放一张表"
            )
        if flawed > _TOLD and flawed * 2 > records:
            first = "、".join(itertools.chain.from_iterable(itertools.islice(self._blank.values(), _TOLD)))
            raise SourceChanged(self._where, f"{first} 等 {flawed} 行的公式还没有算出值", _UNCOMPUTED)
        last = self._batch(kept, numbers, flaws, schema)
        if sided := between.one_sided(last, width):
            self._book._delivery.find("one_sided", f"工作表“{self._name}”{shape.ONE_SIDED.format(*sided)}")
        yield last

    def _blanks(self) -> dict[int, list[str]]:
        """Line -> the cells of columns in use whose formula has no value.

        Raises:
            SourceChanged: one of them is in the header.
        """
        wanted, names = self._book._wanted, self.header.names
        blank: dict[int, list[str]] = {}
        for line, column in self._book._uncomputed.get(self._name, ()):
            if line == 0 or (
                column <= len(names) and (not wanted or line <= self._first or names[column - 1] in wanted)
            ):
                blank.setdefault(line, []).append(address(line, column))
        if above := [cell for line, cells in blank.items() if line <= self._first for cell in cells]:
            raise SourceChanged(self._where, f"{'、'.join(above[:_TOLD]) or '有一格'} 的公式还没有算出值", _UNCOMPUTED)
        for line, row in self._lines() if blank else ():
            if line in blank and header.is_total(str(next((cell for cell in row[:3] if cell != ""), ""))):
                del blank[line]  # a total is no record, with or without its sum
        if blank:
            cells = "、".join(itertools.islice(itertools.chain.from_iterable(blank.values()), _TOLD))
            total = sum(map(len, blank.values()))
            self._book._delivery.find(
                "uncomputed",
                f"工作表“{self._name}”里 {cells} 共 {total} 格公式还没有算出值，所在的行退回；{_UNCOMPUTED}",
            )
        return blank

    def judge_foot(self) -> None:
        """Note totals that do not agree with the rows, and rows that were left out."""
        for code, message in self._foot.findings(lambda sums: self._foot.add_rows(sums, self._lines())):
            self._book._delivery.find(code, f"工作表“{self._name}”{message}")

    def _lines(self) -> Iterator[tuple[int, list[Cell]]]:
        """The rows below the header as (line, cells), cut or padded to the header's width."""
        width = len(self.header.names)
        last = self._sheet.total_height + 1 - self._book._footer_rows
        for line, row in enumerate(rows_of(self._sheet), start=1):
            if self._first < line <= last:
                cells = row if len(row) == width else [*row[:width], *[""] * (width - len(row))]
                for column, places in self._settled.smaller.get(line, ()):
                    if isinstance(cells[column], (int, float)):
                        cells[column] /= 10**places
                yield line, cells

    def _batch(
        self, rows: list[list[Cell]], numbers: list[int], flaws: list[str | None], schema: pa.Schema
    ) -> pa.RecordBatch:
        cells = list(zip(*rows, strict=True)) if rows else [()] * len(self.header.names)
        for name, column in zip(self.header.names, cells, strict=True):
            if odd := odd_days(name, column):
                self._book._delivery.find(*odd)
        arrays = [text_array(texts_of(column)) for column in cells]
        sheet = pa.array([privacy.scrub(self._name)] * len(rows), pa.string())
        columns = [*arrays, sheet, pa.array(numbers, pa.int32()), pa.array(flaws, pa.string())]
        return without_nul(pa.RecordBatch.from_arrays(columns, schema=schema))


def _fills(merges: Sequence[Merge], first: int, width: int) -> dict[int, list[tuple[int, tuple[int, int]]]]:
    """Per row, the cells that belong to a merged range and the cell whose value they show."""
    fills: dict[int, list[tuple[int, tuple[int, int]]]] = {}
    for (row0, col0), (row1, col1) in sorted(merges):
        for row in range(max(row0, first), row1 + 1):
            cells = [(column, (row0, col0)) for column in range(col0, min(col1 + 1, width))]
            fills.setdefault(row, []).extend(cells)
    return fills


def _fits(rule: Any, name: str, names: list[str]) -> bool:
    if isinstance(rule, int):
        return 0 < rule <= len(names) and names[rule - 1] == name
    return fnmatch.fnmatchcase(name, str(rule)) or name.strip() == str(rule).strip()


def _aligned(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A later sheet's rows under the first sheet's columns; columns only it has are left out."""
    if batch.schema.equals(schema):
        return batch
    names = set(batch.schema.names)
    arrays = [batch.column(f.name) if f.name in names else pa.nulls(batch.num_rows, f.type) for f in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
