"""Interfaces over HTTP, JSON or XML: proved, paged, asked for changes; every value as its exact text.

Numbers keep the digits the interface wrote, booleans become true and false, lists and objects become JSON
text; a column `a.b` is looked up inside nested objects. Only the mapped columns are kept. A sweep that broke
off goes on where it stopped, in the same run and in the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from connectors import cursor as cursors
from connectors import presets
from connectors.drivers.base import KEY_TYPE, Delivery, Driver, Option, SourceColumn, as_meant
from connectors.network import reach, resolve
from schemas.errors import ConfigError, HubError, SourceChanged, SourceUnavailable, nearest

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.web import Page

_PROOF = 100
_DIGESTS = ("hmac-sha256", "hmac-sha1", "hmac-md5", "hmac-sm3", "sha256", "sha1", "md5", "sm3")


class HTTP(Driver):
    """One interface that lists records."""

    options: ClassVar[Mapping[str, Option]] = {
        "url": Option("接口地址", required=True),
        "preset": Option("现成的接口标准，填好下面各项的默认值", kind="choice", choices=presets.NAMES),
        "resource": Option("接口标准里的哪一项，如 requests"),
        "path": Option("接在 url 后面的路径；{format} 换成返回的格式"),
        "method": Option("请求方法", kind="choice", choices=("GET", "POST"), default="GET"),
        "body": Option("POST 的参数怎样写", kind="choice", choices=("json", "form"), default="json"),
        "format": Option("返回的格式", kind="choice", choices=("json", "xml"), default="json"),
        "auth": Option(
            "怎样出示身份；写了 token 就是 token",
            kind="choice",
            choices=("none", "token", "basic", "oauth2", "signature"),
        ),
        "token": Option("访问令牌，写成 ${HUB_SECRET_…}"),
        "token_header": Option("放令牌的请求头", default="Authorization"),
        "token_prefix": Option("令牌前的文字", default="Bearer"),
        "token_param": Option("令牌放在请求参数里时的参数名"),
        "user": Option("basic 的用户名"),
        "password": Option("basic 的密码，写成 ${HUB_SECRET_…}"),
        "token_url": Option("oauth2 领令牌的地址"),
        "client_id": Option("oauth2 的客户端编号"),
        "client_secret": Option("oauth2 的客户端密钥，写成 ${HUB_SECRET_…}"),
        "client_auth": Option("oauth2 的编号和密钥放在哪里", kind="choice", choices=("body", "basic"), default="body"),
        "scope": Option("oauth2 的权限范围"),
        "token_params": Option("领令牌时的其他参数", kind="mapping"),
        "token_place": Option("令牌在领取结果里的位置", default="access_token"),
        "sign_key": Option("签名用的应用编号"),
        "sign_secret": Option("签名用的密钥，写成 ${HUB_SECRET_…}"),
        "sign_text": Option("被签名的文字，用 {timestamp}、{nonce} 等代入"),
        "sign_method": Option("签名算法", kind="choice", choices=_DIGESTS, default="hmac-sha256"),
        "sign_encoding": Option("签名的写法", kind="choice", choices=("hex", "HEX", "base64"), default="hex"),
        "sign_time": Option(
            "时间戳的写法",
            kind="choice",
            choices=("seconds", "milliseconds", "iso", "compact", "http"),
            default="seconds",
        ),
        "sign_headers": Option("带签名的请求头", kind="mapping"),
        "sign_params": Option("带签名的请求参数", kind="mapping"),
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
        "until_param": Option("“早于”的参数名；写了 window 时须写"),
        "window": Option("一次最多问多长一段，如 90d、12h；分段问到现在"),
        "most": Option("一次最多给几条；到了这个数就把时间段对半分", kind="number"),
        "time_style": Option(
            "时间参数的写法；不写时照游标列的写法", kind="choice", choices=("iso", "utc", "plain", "date")
        ),
        "explode": Option(
            "逐个展开成行的列表在记录里的位置，可写几个；不写的列表留作 JSON 文字", kind="any", default=()
        ),
        "explode_empty": Option("列表为空的记录", kind="choice", choices=("drop", "keep"), default="drop"),
        "ok": Option("业务状态码在返回 JSON 里的位置，如 code"),
        "ok_values": Option("表示成功的业务状态码", kind="any", default=("0", "200")),
        "message": Option("业务错误说明在返回 JSON 里的位置", default="message"),
        "optional": Option("可能缺省的列", kind="any", default=()),
        "retries": Option("失败后重试几次", kind="number", default=4),
        "timeout": Option("一次请求的时限（秒）", kind="number", default=30),
        "pause": Option("两次请求之间停几秒", kind="number", default=0),
        "per_minute": Option("每分钟最多请求几次", kind="number"),
        "resume": Option("中断后多少秒内再读就接着读；0 为从头读", kind="number", default=3600),
        "verify": Option("按页号、偏移翻完后再翻一遍，补上翻页期间移了位的记录", kind="flag", default=True),
        "max_pages": Option("最多翻几页", kind="number", default=100000),
        "max_mb": Option("一次返回最大多少 MB", kind="number", default=256),
        "proxy": Option("代理服务器地址"),
        "ca_file": Option("上级 CA 证书文件"),
    }
    modes: ClassVar[tuple[str, ...]] = ("full", "cursor")
    retells: ClassVar[bool] = False  # only the fields in use are landed, and the others are known by asking again

    @classmethod
    def source_problem(cls, source: Mapping[str, Any]) -> str | None:
        """Page sizes are positive, the proof is complete, windows have both their ends, the preset has the resource."""
        from connectors import authentication
        from connectors.paging import window_problem

        size = source.get("page_size", 1)
        if isinstance(size, (int, float)) and size <= 0:
            return "page_size 须大于 0"
        name, resource = source.get("preset"), source.get("resource")
        given = dict(source)
        if name in presets.NAMES:
            known = presets.resources(str(name))
            if resource and resource not in known:
                return f"preset {name} 没有 resource '{resource}'，可用的有：{'、'.join(known)}"
            given = {**presets.defaults(str(name), resource, str(source.get("format") or "json")), **source}
        elif resource:
            return "resource 要与 preset 一起写"
        if window := given.get("window"):
            missing = [key for key in ("since_param", "until_param", "since_start") if not given.get(key)]
            return window_problem(str(window)) or (f"写了 window 还须写 {'、'.join(missing)}" if missing else None)
        return authentication.problem(given)

    def option(self, name: str) -> Any:
        """The option as given, else as the preset has it, else its default."""
        if name in self._preset and self.connector.source.get(name) is None:
            return self._preset[name]
        return super().option(name)

    @cached_property
    def _preset(self) -> dict[str, Any]:
        source = self.connector.source
        name = source.get("preset")
        if not name:
            return {}
        return presets.defaults(str(name), source.get("resource"), str(source.get("format") or "json"))

    def url(self) -> str:
        """The address with its path."""
        url, path = str(self.option("url")), self.option("path")
        if not path:
            return url
        return f"{url.rstrip('/')}/{str(path).lstrip('/').replace('{format}', str(self.option('format')))}"

    def identity(self, record: dict[str, Any]) -> int:
        """A record's key as a number, by its dataset's contract; of a source without one, of the whole record."""
        from connectors.answers import ABSENT, at, json_text

        values = [None if (value := at(record, place)) is ABSENT else value for place in self._key]
        told = json_text(values or record)
        return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=8).digest())

    @cached_property
    def _key(self) -> list[str]:
        from schemas.contract import contracts

        agreed, fields = contracts().get(self.connector.dataset), self.connector.fields
        key = [fields[name] for name in agreed.key if name in fields] if agreed else []
        return [] if self._places else key  # lists taken apart have keys within

    def columns(self) -> list[SourceColumn]:
        """The keys of the first records, nested ones by their dotted names."""
        from connectors.answers import flat_names

        page = self._first_page()
        names = dict.fromkeys(name for record in self._rows(page.records[:100]) for name in flat_names(record))
        return [SourceColumn(name, KEY_TYPE) for name in names]

    def deliveries(self, position: str | None, seen: Container[str]) -> Iterator[Delivery]:
        """One delivery: a sweep over all pages."""
        if self.connector.mode == "cursor" and not self.option("since_param"):
            raise ConfigError(
                f"{self.where}：source.since_param",
                "按游标增量时须写明“更新时间不早于”的参数名",
                "例如 since_param: updated_since",
            )
        yield Delivery(
            name=urlsplit(self.url()).path.rstrip("/").rpartition("/")[2] or "records",
            kind=self.connector.mode,
            reader=lambda delivery: as_meant(self._read(delivery, position), delivery),
            position=position if self.span is None else None,
            sparse=True,
        )

    def backfill(self, begin: str, end: str) -> None:
        """A span, when the interface can be told where to stop."""
        if self.connector.mode != "cursor" or not self.option("until_param"):
            raise ConfigError(
                f"{self.where}：source.until_param", "接口不能按时间段补读", "须是 mode: cursor，并写明“早于”的参数名"
            )
        self.span = begin, end

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
        parts = urlsplit(self.url())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"{self.where}：source.url", "不是完整的接口地址", "写法：https://主机:端口/路径")
        return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)

    def _first_page(self) -> Page:
        from connectors.paging import sweep
        from connectors.web import Client

        since = self._since(None)
        with Client(self) as client:
            return next(sweep(client, self, since))

    def _since(self, position: str | None) -> dict[str, str]:
        name = self.option("since_param")
        if not name:
            return {}
        if self.span is not None:
            until = {} if self.option("window") else {str(self.option("until_param")): self.span[1]}
            return {str(name): self.span[0], **until}
        if position is None:
            start = self.option("since_start")
            return {str(name): str(start)} if start else {}
        bound = cursors.lower_bound(position, self.connector.lookback, _kind(position), self.where)
        return {str(name): self._spelled(bound)}

    def _spelled(self, bound: str) -> str:
        """A bound as the interface wants it: as the cursor is spelled, unless the connector says otherwise."""
        from connectors.paging import spelled

        style = self.option("time_style")
        if _kind(bound) != "timestamp" or not (style or bound.endswith("+00:00")):
            return bound
        moment = datetime.fromisoformat(bound)
        zone = ZoneInfo(self.connector.timezone)
        return spelled(moment if moment.tzinfo else moment.replace(tzinfo=zone), str(style or "iso"), zone.key)

    @property
    def _places(self) -> list[str]:
        given = self.option("explode") or ()
        return [given] if isinstance(given, str) else [str(place) for place in given]

    def _rows(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        from connectors.answers import exploded

        return exploded(records, self._places, keep_empty=self.option("explode_empty") == "keep")

    def _keys(self, rows: list[dict[str, Any]]) -> set[str]:
        """All keys of the records, nested ones by their dotted names; days and numbers are no names but say which value it is."""
        from connectors.answers import flat_names
        from connectors.cells import is_value

        found = set[str]().union(*rows)
        for row in rows:
            if any(isinstance(value, dict) for value in row.values()):
                found.update(flat_names(row))
        return {name for name in found if not any(map(is_value, name.split(".")))}

    def _read(self, delivery: Delivery, position: str | None) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from connectors.answers import text_column
        from connectors.batches import empty, without_nul
        from connectors.paging import sweep
        from connectors.web import Client

        wanted, cursor = self.connector.source_columns, self.connector.cursor
        schema = pa.schema([(name, pa.string()) for name in wanted])
        tracker: _Tracker | None = None
        count, absent, total = 0, set(wanted) - set(self.option("optional") or ()), None
        keys: set[str] = set()
        since = self._since(position if self.connector.mode == "cursor" else None)
        with Client(self, since) as client:
            if kept := client.resume():
                delivery.find("sweep_resumed", f"上次读到第 {kept} 次返回时中断，这次从那里接着读")
            for page in sweep(client, self, since):
                total = page.promised if total is None else total
                if not page.records:
                    continue
                count += len(page.records)
                rows = self._rows(page.records)
                if not rows:
                    continue
                columns = [text_column(rows, name, self._places) for name in wanted]
                absent -= {name for name, column in zip(wanted, columns, strict=True) if column.present}
                keys |= self._keys(rows)
                batch = without_nul(pa.RecordBatch.from_arrays([column.array for column in columns], schema=schema))
                if cursor and self.connector.mode == "cursor":
                    tracker = tracker or _Tracker(self, batch.column(cursor), position, page.date)
                    tracker.see(batch.column(cursor))
                yield batch
            # An interface may leave null keys out, so a handful of changed records proves nothing.
            if absent and (count >= _PROOF or (count and position is None)):
                self._require(keys | (set(wanted) - absent))
            if total is not None and count < total and not self.option("window"):
                client.journal.forget()
                raise self._too_few(total, count)
            client.journal.forget()
        delivery.layout = dict.fromkeys([*wanted, *sorted(keys)], KEY_TYPE)
        if tracker is not None and self.span is None:
            delivery.position = tracker.position()
            if tracker.beyond:
                delivery.find(
                    "cursor_future", f"有 {tracker.beyond} 条的 {cursor} 晚于接口服务器时间，位置停在当前时间之前"
                )
        if not count:
            yield empty(schema)

    def _too_few(self, total: int, count: int) -> HubError:
        told = f"接口说有 {total} 条，只{'给了' if self.option('paging') == 'none' else '翻到'} {count} 条"
        if self.option("total"):
            return SourceUnavailable(self.where, f"{told}，翻页期间数据变了", "稍后会自动重试")
        other = "它不是总条数时写 source.total: none"
        if self.option("paging") == "none":
            return ConfigError(f"{self.where}：source.paging", told, f"要翻页的请写明 paging；{other}")
        return SourceUnavailable(self.where, told, f"稍后会自动重试；总是这样时请核对翻页的写法，{other}")

    def _require(self, there: set[str]) -> None:
        optional = set(self.option("optional") or ())
        missing = [name for name in self.connector.source_columns if name not in there and name not in optional]
        if missing:
            raise SourceChanged(
                self.where,
                f"接口返回里没有字段 {'、'.join(repr(name) for name in missing)}",
                f"{nearest(missing[0], there)}若它可以缺省，请写进 source.optional；否则请向数源部门核实接口是否改动",
            )


class _Tracker:
    """A tracker that compares as the cursor is spelled.

    Numbers compare as numbers; times as text up to the server's clock, or as moments when they carry an
    offset, because +08:00 and Z may stand side by side.
    """

    def __init__(self, driver: HTTP, values: pa.Array, position: str | None, date_header: str | None) -> None:
        sample = next((value for value in values.to_pylist() if value), position or "")
        kind = _kind(sample)
        self._driver, self._moments = driver, kind == "timestamp" and _offset(sample)
        clock = _clock(date_header, sample, driver.connector.timezone) if kind == "timestamp" else None
        self._tracker = cursors.Tracker(kind, position, clock)

    def see(self, values: pa.Array) -> None:
        """Take in one page's cursor column."""
        import pyarrow as pa
        import pyarrow.compute as pc

        try:
            self._tracker.see(pc.cast(values, pa.timestamp("us", "UTC")) if self._moments else values)
        except ValueError:
            raise SourceChanged(
                f"{self._driver.where}：游标 {self._driver.connector.cursor}",
                "各条的写法不一样，排不出先后",
                "请换一列作游标，或改为 mode: full",
            ) from None

    @property
    def beyond(self) -> int:
        return self._tracker.beyond

    def position(self) -> str | None:
        return self._tracker.position()


def _offset(sample: str) -> bool:
    return len(sample) > 10 and not sample.endswith("Z") and datetime.fromisoformat(sample).tzinfo is not None


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
    if _offset(sample):
        return now.astimezone(UTC).isoformat(sep=" ")
    if sample.endswith("Z"):
        return now.astimezone(ZoneInfo("UTC")).replace(tzinfo=None).isoformat(sep=sample[10]) + ".999999Z"
    return None


DRIVER = HTTP
