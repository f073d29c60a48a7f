"""What stands among and below the records of a delimited file and is none, sifted out of its batches.

Totals (checked against the records), signatures, notes and their next lines, headers and rules that come again;
rows worked out of others are marked with why. Nothing goes unsaid: each is left out with a finding, or is a flaw.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy
import pyarrow as pa
import pyarrow.compute as pc

from connectors import between, header, ledger, shape
from connectors.batches import has_byte
from connectors.cells import Kinds, is_value
from connectors.sums import Sums

if TYPE_CHECKING:
    from connectors.drivers.base import Delivery

_ENGLISH = [re.compile(word) for word in (b"otes?[ ]*:", b"OTES?[ ]*:", b"ources?[ ]*:", b"OURCES?[ ]*:")]


@dataclass
class Seen:
    """What reading and sifting one file have met so far."""

    flawed: int = 0  # rows marked with why they are no records
    second: int | None = None  # the line on which another table begins
    noted: int = 0  # the line of the first signature or note: what fills one cell below is its next line
    comments: int = 0
    rules: int = 0


class Sieve:
    """Sifts one file's batches, in their order. `look` gives all its records once more, judged by nobody."""

    def __init__(
        self, names: Sequence[str], foot: ledger.Foot, seen: Seen, delivery: Delivery, *, kinds: Kinds,
        above: Sequence[Sequence[str]], footer_rows: int, totals: bool, look: Callable[[], Iterator[pa.RecordBatch]],
    ) -> None:  # fmt: skip
        self._names, self._foot, self._seen, self._delivery = names, foot, seen, delivery
        self._kinds, self._above, self._footer_rows = kinds, above, footer_rows
        self._checks_totals, self._look = totals, look
        self._again = 0  # headers that came again
        self._parts = False  # a 其中 under a total has come
        self._looked = False  # once more, for rows that add up others

    def sift(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches without totals, signatures and the declared number of last rows."""
        held: pa.RecordBatch | None = None
        for batch in batches:
            batch = self._without_notes(batch)  # noqa: PLW2901
            if self._footer_rows:
                whole = batch if held is None else pa.concat_batches([held, batch])
                keep = max(whole.num_rows - self._footer_rows, 0)
                yield whole.slice(0, keep)
                held = whole.slice(keep)
            elif batch.num_rows or held is None:
                if held is not None:
                    yield held
                held = batch
        if held is not None and not self._footer_rows:
            held = self._without_nameless(self._without_lone_texts(held))
            if sided := between.one_sided(held, len(self._names)):
                self._delivery.find("one_sided", shape.ONE_SIDED.format(*sided))
            yield held
        if self._checks_totals:
            for code, message in self._foot.findings(self._add_up):
                self._delivery.find(code, message)
        if self._seen.comments:
            self._delivery.find("comments", f"有 {self._seen.comments} 行以 # 或 // 开头、列数不足，当作注释没有读入")
        if self._seen.rules:
            self._delivery.find("rules", f"去掉了 {self._seen.rules} 行分隔线或页码")
        if self._again:
            self._delivery.find("header_again", f"去掉了 {self._again} 行重复的表头")

    def _without_notes(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if (same := between.dittos(batch, self._foot.mapped)) is not None:
            batch = self._flawed_where(batch, same, between.DITTO)
        again, rules = between.furniture(batch, self._names, self._above)
        rules &= not self._footer_rows  # they are among those that are counted from the end
        if rules.any() and self._seen.second is None:
            self._seen.second = between.names_above_rule(batch, rules)
            if self._seen.second is not None:
                below = pc.greater_equal(batch.column("_row"), self._seen.second)
                batch = self._flawed_where(batch, below, f"第 {self._seen.second} 行起像是另一张表")
        if again.any() or rules.any():
            self._again, self._seen.rules = self._again + int(again.sum()), self._seen.rules + int(rules.sum())
            batch = batch.filter(pa.array(~(again | rules)))
        if self._seen.second is None:
            self._seen.second = between.names_reordered(batch, self._names)
            if self._seen.second is not None:
                below = pc.greater_equal(batch.column("_row"), self._seen.second)
                batch = self._flawed_where(batch, below, f"第 {self._seen.second} 行起像是另一张表")
        batch = self._without_sums(batch)
        if (hashed := between.commented(batch.column(0))) is not None:
            batch = self._flawed_where(batch, hashed, between.COMMENTED)
        if (headed := between.groups(batch.column(0))) is not None:
            batch = self._flawed_where(batch, headed, between.GROUP)
        first = batch.column(0)
        if first.null_count:  # a total may stand in the second or third column
            first = pc.coalesce(*batch.columns[: min(3, len(self._names))])
        # Nearly all words of a total or a signature are Chinese, and most first columns hold numbers: those are told at once.
        plain = pc.all(pc.string_is_ascii(first), min_count=0).as_py() and not any(
            has_byte(first, word) for word in _ENGLISH
        )
        if not self._seen.noted and plain:
            self._foot.first = self._foot.first or (batch.column("_row")[0].as_py() if batch.num_rows else None)
            return batch
        note = self._without_filled_in(
            batch, pc.fill_null(pc.match_substring_regex(first, header.SIGNATURE_PATTERN), False)
        )
        foot = pc.or_(note, pc.fill_null(pc.match_substring_regex(first, header.TOTAL_PATTERN), False))
        if pc.any(note).as_py():
            begun = batch.column("_row")[pc.index(note, True).as_py()].as_py()
            self._seen.noted = min(self._seen.noted or begun, begun)
        if self._seen.noted:
            foot = pc.or_(foot, self._continued(batch, note))
        if pc.any(foot).as_py():
            left, batch = batch.filter(foot), batch.filter(pc.invert(foot))
        else:
            left = batch.slice(0, 0)
        self._foot.first = self._foot.first or (batch.column("_row")[0].as_py() if batch.num_rows else None)
        for row in left.to_pylist():
            self._foot.leave_out([row[name] or "" for name in batch.schema.names[:-3]], row["_row"])
        return self._without_parts(self._worked_out(batch))

    def _without_filled_in(self, batch: pa.RecordBatch, note: pa.BooleanArray) -> pa.BooleanArray:
        """The rows that begin as a note does, without those that are records all the same."""
        found = note.to_numpy(zero_copy_only=False).copy()
        for place in numpy.flatnonzero(found):
            cells = [column[place].as_py() for column in batch.columns[: len(self._names)]]
            found[place] = not ledger.is_filled_in(cells, self._kinds.figures)
        return pa.array(found)

    def _continued(self, batch: pa.RecordBatch, note: pa.BooleanArray) -> pa.Array:
        """Rows below a note that fill one cell only: its next lines."""
        filled = pc.cast(pc.is_valid(batch.column(0)), pa.int32())
        for column in batch.columns[1 : len(self._names)]:
            filled = pc.add(filled, pc.cast(pc.is_valid(column), pa.int32()))
        below = pc.greater(batch.column("_row"), self._seen.noted)
        return pc.and_(below, pc.equal(filled, 1)) if len(self._names) > 1 else note

    def _without_sums(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch without rows that say 小计 behind a name, 全县 or Total and add up others; the first of the rest is told."""
        width = len(self._names)
        places = between.sums(batch.columns[: min(ledger.BEHIND, width)])
        if not len(places) or not self._checks_totals:
            return batch
        if not self._looked:
            self._looked = True
            self._foot.prove(self._again_rows())
        lines = batch.column("_row")
        for place in places.tolist():
            line = lines[place].as_py()
            cells = [column[place].as_py() or "" for column in batch.columns[:width]]
            if line in self._foot.proven:
                self._foot.leave_out_sum(cells, line)
            elif (word := ledger.sum_word(cells)) is not None:
                self._foot.see_whole(line, cells[word])
        return batch.filter(pc.invert(pc.is_in(lines, pa.array(self._foot.proven, pa.int32()))))

    def _worked_out(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with rows that are worked out of others, 承前页 and 平均, or only an example, marked as no records."""
        first = pc.coalesce(*batch.columns[: min(3, len(self._names))])
        for pattern, why in ((header.CARRIED_PATTERN, ledger.WORKED_OUT), (header.EXAMPLE_PATTERN, ledger.EXAMPLE)):
            odd = pc.fill_null(pc.match_substring_regex(first, pattern), False)
            batch = self._flawed_where(batch, odd, why) if pc.any(odd).as_py() else batch
        return batch

    def _without_parts(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with what is only part of a total marked as no record: from a first 其中 on, each row is asked about."""
        first = batch.column(0)
        begun = pc.fill_null(pc.match_substring_regex(first, header.PART_PATTERN), False)
        if not self._parts and not pc.any(begun).as_py():
            return batch
        start, self._parts = 0 if self._parts else pc.index(begun, True).as_py(), True
        lines = batch.column("_row").to_pylist()
        part = [n >= start and self._foot.part(line, first[n].as_py()) for n, line in enumerate(lines)]
        return self._flawed_where(batch, pa.array(part, pa.bool_()), ledger.PART)

    def _without_lone_texts(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The last batch without last rows of nothing but a text in the first column, which holds something else."""
        values = batch.columns[: len(self._names)]
        end = batch.num_rows
        while len(values) > 2 and end and batch.column("_flaw")[end - 1].as_py() in (None, between.LONE):
            cell = values[0][end - 1].as_py()
            alone = cell is not None and not any(column[end - 1].is_valid for column in values[1:])
            if not alone or is_value(cell) or not self._kinds.is_odd(0, cell):
                break
            end -= 1
        if end and (texts := values[0][end:].to_pylist()):
            self._delivery.find("note", f"表后的说明没有读入：{'；'.join(texts)[:80]}")
            return batch.slice(0, end)
        return batch

    def _without_nameless(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The last batch without a last row of nothing but figures that adds up all others: a total without a name."""
        end = batch.num_rows - 1
        if end < 0 or not self._checks_totals or batch.column("_flaw")[end].is_valid or batch.column(0)[end].is_valid:
            return batch
        cells = [column[end].as_py() for column in batch.columns[: len(self._names)]]
        line = batch.column("_row")[end].as_py()
        if not ledger.is_nameless(cells) or not self._foot.nameless(self._again_rows(), line):
            return batch
        self._foot.leave_out_sum([cell or "" for cell in cells], line)
        return batch.slice(0, end)

    def _flawed_where(self, batch: pa.RecordBatch, odd: pa.BooleanArray, why: str) -> pa.RecordBatch:
        """The batch with those rows marked as no records that are not yet."""
        flaw = batch.column("_flaw")
        odd = pc.and_(odd, pc.is_null(flaw))
        self._seen.flawed += pc.sum(odd).as_py() or 0
        return batch.set_column(batch.num_columns - 1, batch.schema.field("_flaw"), pc.if_else(odd, why, flaw))

    def _add_up(self, sums: Sums) -> None:
        """Add all records in a second look at the file."""
        proven = pa.array(self._foot.proven, pa.int32())
        for batch in self._look():
            self._foot.add_batch(sums, batch.filter(pc.invert(pc.is_in(batch.column("_row"), proven))))

    def _again_rows(self) -> Iterator[tuple[int, list[str]]]:
        """The records in a second look at the file, with their lines."""
        for batch in self._look():
            sound = batch.filter(pc.is_null(batch.column("_flaw")))
            columns = [pc.fill_null(column, "").to_pylist() for column in sound.columns[:-3]]
            yield from zip(sound.column("_row").to_pylist(), map(list, zip(*columns, strict=True)), strict=True)
