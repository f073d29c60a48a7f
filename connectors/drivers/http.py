"""JSON interfaces over HTTP: token, paging, updated-since; every value as its exact text.

Numbers keep the digits the interface wrote, booleans become true and false, lists and objects become JSON
text; a column `a.b` is looked up inside nested objects. Only the mapped columns are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from connectors import cursor as cursors
from connectors.drivers.base import Delivery, Driver, Option, SourceColumn
from connectors.network import reach, resolve
from schemas.errors import ConfigError, SourceChanged, SourceUnavailable, nearest

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.web import Page

_PROOF = 100


class HTTP(Driver):
    """One interface that lists records."""

    options: ClassVar[Mapping[str, Option]] = {
        "url": Option("接口地址", required=True),
        "method": Option("请求方法", kind="choice", choices=("GET", "POST"), default="GET"),
        "token": Option("访问令牌，写成 ${HUB_SECRET_…}"),
        "token_header": Option("放令牌的请求头", default="Authorization"),
        "token_prefix": Option("令牌前的文字", default="Bearer"),
        "headers": Option("其他请求头", kind="mapping"),
        "params": Option("固定的请求参数", kind="mapping"),
        "records": Option("记录列表在返回 JSON 里的位置，如 data.list；不写时自动找"),
        "paging": Option(
            "翻页方式", kind="choice", choices=("none", "page", "offset", "cursor", "link"), default="none"
        ),
        "page_param": Option("页号、偏移或游标的参数名；不写时按翻页方式取 page、offset、cursor"),
        "first_page": Option("第一页的页号", kind="number", default=1),
        "page_size": Option("每页条数", kind="number", default=500),
        "page_size_param": Option("每页条数的参数名", default="page_size"),
        "next": Option("下一页的游标或链接在返回 JSON 里的位置；不写时取 next，链接也看 Link 头"),
        "total": Option("总条数在返回 JSON 里的位置"),
        "since_param": Option("“更新时间不早于”的参数名；mode: cursor 须写"),
        "since_start": Option("第一次读取时的起点；不写时全部读取"),
        "ok": Option("业务状态码在返回 JSON 里的位置，如 code"),
        "ok_values": Option("表示成功的业务状态码", kind="any", default=("0", "200")),
        "message": Option("业务错误说明在返回 JSON 里的位置", default="message"),
        "optional": Option("可能缺省的列", kind="any", default=()),
        "retries": Option("失败后重试几次", kind="number", default=4),
        "timeout": Option("一次请求的时限（秒）", kind="number", default=30),
        "pause": Option("两次请求之间停几秒", kind="number", default=0),
        "proxy": Option("代理服务器地址"),
        "ca_file": Option("上级 CA 证书文件"),
    }
    modes: ClassVar[tuple[str, ...]] = ("full", "cursor")

    @classmethod
    def source_problem(cls, source: Mapping[str, Any]) -> str | None:
        """Page sizes are positive; paging by cursor or link needs no number."""
        size = source.get("page_size", 1)
        return "page_size 须大于 0" if isinstance(size, (int, float)) and size <= 0 else None

    def columns(self) -> list[SourceColumn]:
        """The keys of the first records, nested ones by their dotted names."""
        from connectors.web import flat_names

        page = self._first_page()
        names = dict.fromkeys(name for record in page.records[:100] for name in flat_names(record))
        return [SourceColumn(name, "json") for name in names]

    def deliveries(self, position: str | None, seen: Container[str]) -> Iterator[Delivery]:
        """One delivery: a sweep over all pages."""
        if self.connector.mode == "cursor" and not self.option("since_param"):
            raise ConfigError(
                f"{self.where}：source.since_param",
                "按游标增量时须写明“更新时间不早于”的参数名",
                "例如 since_param: updated_since",
            )
        yield Delivery(
            name=urlsplit(str(self.option("url"))).path.rstrip("/").rpartition("/")[2] or "records",
            kind=self.connector.mode,
            reader=lambda delivery: self._read(delivery, position),
            position=position,
        )

    def steps(self) -> Iterable[tuple[str, Callable[[], str]]]:
        """Name resolution, TCP, the first page, its records, their keys."""
        return (
            ("resolve", lambda: resolve(self.address()[0], self.where)),
            ("connect", lambda: reach(*self.address(), self.where)),
            ("login", lambda: f"接口应答正常，{len(self._first_page().content)} 字节"),
            ("read", lambda: f"第一页 {len(self._first_page().records)} 条"),
            ("list", self._step_list),
        )

    def _step_list(self) -> str:
        there = self.columns()
        if there:
            self._require({column.name for column in there})
        return (
            f"共 {len(there)} 个字段，用到 {len(self.connector.source_columns)} 个" if there else "没有记录，看不到字段"
        )

    def address(self) -> tuple[str, int]:
        """Host and port of the URL.

        Raises:
            ConfigError: it is no http address.
        """
        parts = urlsplit(str(self.option("url")))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"{self.where}：source.url", "不是完整的接口地址", "写法：https://主机:端口/路径")
        return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)

    def _first_page(self) -> Page:
        from connectors.web import Client

        with Client(self) as client:
            return next(client.pages(self._since(None)))

    def _since(self, position: str | None) -> dict[str, str]:
        name = self.option("since_param")
        if not name:
            return {}
        if position is None:
            start = self.option("since_start")
            return {str(name): str(start)} if start else {}
        return {str(name): cursors.lower_bound(position, self.connector.lookback, _kind(position), self.where)}

    def _read(self, delivery: Delivery, position: str | None) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from connectors.batches import empty, without_nul
        from connectors.web import Client, text_column

        wanted, cursor = self.connector.source_columns, self.connector.cursor
        schema = pa.schema([(name, pa.string()) for name in wanted])
        tracker: cursors.Tracker | None = None
        count, absent, total = 0, set(wanted) - set(self.option("optional") or ()), None
        keys: set[str] = set()
        with Client(self) as client:
            for page in client.pages(self._since(position if self.connector.mode == "cursor" else None)):
                total = page.total if total is None else total
                if not page.records:
                    continue
                count += len(page.records)
                columns = [text_column(page.records, name) for name in wanted]
                absent -= {name for name, column in zip(wanted, columns, strict=True) if column.present}
                keys |= set(page.records[0])
                batch = without_nul(pa.RecordBatch.from_arrays([column.array for column in columns], schema=schema))
                if cursor and self.connector.mode == "cursor":
                    tracker = tracker or self._tracker(batch.column(cursor), position, page)
                    tracker.see(batch.column(cursor))
                yield batch
        # An interface may leave null keys out, so a handful of changed records proves nothing.
        if absent and (count >= _PROOF or (count and position is None)):
            self._require(keys | (set(wanted) - absent))
        if total is not None and count < total:
            raise SourceUnavailable(
                self.where, f"接口说有 {total} 条，只翻到 {count} 条，翻页期间数据变了", "稍后会自动重试"
            )
        if tracker is not None:
            delivery.position = tracker.position()
            if tracker.beyond:
                delivery.find(
                    "cursor_future", f"有 {tracker.beyond} 条的 {cursor} 晚于接口服务器时间，位置停在当前时间之前"
                )
        if not count:
            yield empty(schema)

    def _tracker(self, values: pa.Array, position: str | None, page: Page) -> cursors.Tracker:
        """A tracker that compares as the cursor is spelled: numbers as numbers, times as text up to the server's clock."""
        sample = next((value for value in values.to_pylist() if value), position or "")
        kind = _kind(sample)
        return cursors.Tracker(
            kind, position, _clock(page.date, sample, self.connector.timezone) if kind == "timestamp" else None
        )

    def _require(self, there: set[str]) -> None:
        optional = set(self.option("optional") or ())
        missing = [name for name in self.connector.source_columns if name not in there and name not in optional]
        if missing:
            raise SourceChanged(
                self.where,
                f"接口返回里没有字段 {'、'.join(repr(name) for name in missing)}",
                f"{nearest(missing[0], there)}若它可以缺省，请写进 source.optional；否则请向数源部门核实接口是否改动",
            )


def _kind(text: str) -> str:
    if text.lstrip("-").replace(".", "", 1).isdigit():
        return "decimal"
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return "text"
    return "timestamp"


def _clock(date_header: str | None, sample: str, timezone: str) -> str | None:
    """The server's time spelled like the cursor; None when it cannot be (another offset, no Date header)."""
    if not date_header:
        return None
    try:
        now = parsedate_to_datetime(date_header)
    except ValueError:
        return None
    moment = datetime.fromisoformat(sample)
    # A second more: the header has no fractions, and a cursor of this very second is not in the future.
    if len(sample) == 10:
        return now.astimezone(ZoneInfo(timezone)).date().isoformat()
    if moment.tzinfo is None:
        return now.astimezone(ZoneInfo(timezone)).replace(tzinfo=None).isoformat(sep=sample[10]) + ".999999"
    if sample.endswith("Z"):
        return now.astimezone(ZoneInfo("UTC")).replace(tzinfo=None).isoformat(sep=sample[10]) + ".999999Z"
    return None


DRIVER = HTTP
