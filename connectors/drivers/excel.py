"""Excel workbooks (.xls and .xlsx, told by content): ledgers as clerks keep them, every cell as text.

Title lines, headers of several rows, merged cells, totals and signatures are understood without code in the
connector. Numbers of sixteen digits and more are written like 9.15109990000001e+17: Excel has already lost
their last digits, and no one must take them for an identifier.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from connectors.drivers.base import Delivery, Option
from connectors.files import OPTIONS, Drop, FileDriver

if TYPE_CHECKING:
    import pyarrow as pa


class Excel(FileDriver):
    """Workbooks."""

    options: ClassVar[Mapping[str, Option]] = {
        **OPTIONS,
        "sheet": Option(
            "读哪些工作表：名称、通配（如 *镇）、第几张（数字）或它们的列表；不写时取第一张表头相符的", kind="any"
        ),
        "header_row": Option("表头从第几行开始；不写时找出含有所需列名的那几行", kind="number"),
        "header_rows": Option("表头占几行；不写时自动判断", kind="number"),
        "footer_rows": Option("末尾有几行不是数据", kind="number", default=0),
        "fill_merged": Option("合并单元格是否逐格填满", kind="flag", default=True),
    }

    def read(self, drop: Drop, delivery: Delivery) -> Iterator[pa.RecordBatch]:
        """The rows of one workbook, `_sheet` and `_row` as the person who opens it sees them."""
        from connectors.workbook import Workbook

        header_row, header_rows = self.option("header_row"), self.option("header_rows")
        yield from Workbook(
            drop.path,
            delivery,
            where=f"{self.where}：{drop.path.name}",
            wanted=self.connector.source_columns,
            sheets=self.option("sheet"),
            header_row=int(header_row) if header_row is not None else None,
            header_rows=int(header_rows) if header_rows is not None else None,
            footer_rows=int(self.option("footer_rows")),
            fill_merged=bool(self.option("fill_merged")),
        ).batches()


DRIVER = Excel
