"""Any file that holds a table, told by its content and not by its name: text, workbooks, JSON, XML, Parquet, packed or not.

What is said about text under the driver csv, and about workbooks under excel, holds here too. In an archive every
file is read, one after another; `_sheet` then names the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from connectors.drivers.base import Delivery, Option
from connectors.drivers.csv import CSV
from connectors.drivers.excel import Excel
from connectors.files import Drop, FileDriver

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.content import Content


class File(FileDriver):
    """Files of any kind."""

    options: ClassVar[Mapping[str, Option]] = {
        **CSV.options,
        **Excel.options,
        "header_row": Option("表头从第几行开始，0 表示没有表头；不写时自动判断", kind="number"),
        "records": Option("JSON、XML 里记录列表的位置，如 data.list；不写时自动判断"),
        "member": Option("压缩包里读哪些文件：名称或通配，如 *.csv；不写时读全部"),
    }

    @classmethod
    def source_problem(cls, source: Mapping[str, Any]) -> str | None:
        """As for delimited text."""
        return CSV.source_problem(source)

    def read(self, drop: Drop, delivery: Delivery) -> Iterator[pa.RecordBatch]:
        """The rows of one file; those of several packed files stand under the columns of the first.

        Raises:
            SourceChanged: it holds no table, or its packed files have different columns.
        """
        from connectors.batches import under
        from connectors.content import opened

        where = f"{self.where}：{drop.path.name}"
        member = self.option("member")
        with opened(drop.path, where, None if member is None else str(member)) as contents:
            schema: pa.Schema | None = None
            for content in contents:
                inner = f"{where}：{content.name}" if len(contents) > 1 else where
                own = drop if content.path == drop.path else self.inspect(content.path)
                for batch in self._batches(content, own, delivery, inner):
                    named = _named(batch, content.name) if len(contents) > 1 else batch
                    schema = schema or named.schema
                    yield under(named, schema, inner)

    def _batches(self, content: Content, drop: Drop, delivery: Delivery, where: str) -> Iterator[pa.RecordBatch]:
        wanted, place = self.connector.source_columns, self.option("header_row")
        header_row = int(place) if place is not None else None
        from connectors.content import WEB

        if content.kind in ("workbook", *WEB):
            from connectors.workbook import Workbook

            rows = self.option("header_rows")
            return Workbook(
                content.path,
                delivery,
                where=where,
                wanted=wanted,
                sheets=self.option("sheet"),
                header_row=header_row,
                header_rows=int(rows) if rows is not None else None,
                footer_rows=int(self.option("footer_rows")),
                fill_merged=bool(self.option("fill_merged")),
            ).batches()
        if content.kind == "text":
            from connectors.delimited import DelimitedFile

            delimiter = self.option("delimiter")
            return DelimitedFile(
                drop,
                delivery,
                where=where,
                wanted=wanted,
                encoding=str(self.option("encoding")),
                delimiter="\t" if delimiter == "tab" else delimiter,
                header_row=header_row,
                footer_rows=int(self.option("footer_rows")),
                strict_end=bool(self.option("strict_end")),
            ).batches()
        from connectors.records import Records

        return Records(content, delivery, where=where, wanted=wanted, place=self.option("records")).batches()


def _named(batch: pa.RecordBatch, name: str) -> pa.RecordBatch:
    """The batch with the packed file's name before the name of its sheet."""
    import pyarrow as pa
    import pyarrow.compute as pc

    place = batch.schema.get_field_index("_sheet")
    sheet = pc.if_else(
        pc.is_valid(batch.column(place)),
        pc.binary_join_element_wise(name, pc.fill_null(batch.column(place), ""), "："),
        name,
    )
    return batch.set_column(place, "_sheet", pc.cast(sheet, pa.string()))


DRIVER = File
