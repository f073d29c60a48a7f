"""CSV and other delimited text: any of the encodings departments send, streamed as text columns.

The encoding is told by the byte-order mark, else strict UTF-8, else strict GB18030 with its four-byte
characters (𠮷, 㼆 occur in names); it is never guessed. One million GB18030 rows of 15 columns take about
2 s and 200 MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from connectors.drivers.base import Delivery, Option
from connectors.encoding import DECLARED
from connectors.files import OPTIONS, Drop, FileDriver

if TYPE_CHECKING:
    import pyarrow as pa


class CSV(FileDriver):
    """Delimited text files."""

    options: ClassVar[Mapping[str, Option]] = {
        **OPTIONS,
        "encoding": Option("文字编码", kind="choice", choices=DECLARED, default="auto"),
        "delimiter": Option("分隔符；不写时从表头看出来"),
        "header_row": Option("表头在第几行；不写时找出含有所需列名的那一行", kind="number"),
        "footer_rows": Option("末尾有几行不是数据", kind="number", default=0),
        "strict_end": Option("最后一行须有换行，否则视为没有传完", kind="flag", default=False),
    }

    @classmethod
    def source_problem(cls, source: Mapping[str, Any]) -> str | None:
        """A delimiter is one character."""
        delimiter = source.get("delimiter")
        if isinstance(delimiter, str) and len(delimiter) != 1 and delimiter != "tab":
            return "delimiter 须是一个字符（制表符写 tab）"
        return None

    def read(self, drop: Drop, delivery: Delivery) -> Iterator[pa.RecordBatch]:
        """The rows of one file, `_row` = its line in the file."""
        from connectors.delimited import DelimitedFile

        delimiter = self.option("delimiter")
        header_row = self.option("header_row")
        return DelimitedFile(
            drop,
            delivery,
            where=f"{self.where}：{drop.path.name}",
            wanted=self.connector.source_columns,
            encoding=str(self.option("encoding")),
            delimiter="\t" if delimiter == "tab" else delimiter,
            header_row=int(header_row) if header_row is not None else None,
            footer_rows=int(self.option("footer_rows")),
            strict_end=bool(self.option("strict_end")),
        ).batches()


DRIVER = CSV
