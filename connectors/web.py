"""Requests to a JSON interface: retried with patience, paged to the end, never in a circle."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import httpx
import pyarrow as pa

from schemas.errors import ConfigError, HubError, SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    from connectors.drivers.http import HTTP

_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT = 60.0
_USUAL_PLACES = ("data", "records", "items", "results", "rows", "list", "data.records", "data.list", "data.items", "data.rows", "result.records", "result.list", "result")  # fmt: skip
_LINK = re.compile(r'<([^>]+)>\s*;[^,]*\brel="?next"?')
_ABSENT = object()


class Number(str):
    """A JSON number by the digits it was written with."""

    __slots__ = ()


@dataclass
class Page:
    """One answer of the interface."""

    content: bytes
    body: Any
    records: list[dict[str, Any]]
    total: int | None
    date: str | None
    link: str | None


@dataclass
class Column:
    """One column of a page; `present` says that at least one record has the key."""

    array: pa.StringArray
    present: bool


class Client:
    """One connection to a connector's interface."""

    def __init__(self, driver: HTTP) -> None:
        self._driver, self._where = driver, driver.where
        driver.address()
        headers = {"Accept": "application/json", "User-Agent": "tongqu"}
        headers |= {str(k): str(v) for k, v in (driver.option("headers") or {}).items()}
        if token := driver.option("token"):
            prefix = str(driver.option("token_prefix") or "")
            headers[str(driver.option("token_header"))] = f"{prefix} {token}".strip()
            driver.secrets.add(str(token))
        # Proxies are said in the connector, not inherited: departments' hosts are mostly inside.
        self._client = httpx.Client(
            headers=headers, timeout=float(driver.option("timeout")), follow_redirects=True, trust_env=False,
            proxy=driver.option("proxy"), verify=driver.option("ca_file") or True,
        )  # fmt: skip
        self._asked = 0

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def pages(self, since: Mapping[str, str]) -> Iterator[Page]:
        """All pages from the first to the last.

        Raises:
            SourceUnavailable: the interface does not answer, or asks to wait for long.
            ConfigError: it refuses the token or does not know the address.
            SourceChanged: the answer is not what was agreed, or paging goes in a circle.
        """
        option = self._driver.option
        paging, size = str(option("paging")), int(option("page_size"))
        name = str(option("page_param") or ("page" if paging == "link" else paging))
        params = {str(k): str(v) for k, v in (option("params") or {}).items()} | dict(since)
        if paging != "none" and option("page_size_param"):
            params[str(option("page_size_param"))] = str(size)
        place: Any = {"page": int(option("first_page")), "offset": 0}.get(paging)
        url, marks, given = str(option("url")), set[Any](), 0
        while True:
            page = self._page(url, params if place is None else {**params, name: str(place)})
            given += len(page.records)
            yield page
            if paging == "none" or (paging in ("page", "offset") and (not page.records or given == page.total)):
                return
            mark: Any = hashlib.sha256(page.content).digest()
            if paging == "page":
                place += 1
            elif paging == "offset":
                place += len(page.records)
            else:
                mark = place = self._next(page, paging)
                if not mark:
                    return
                if paging == "link":
                    url, params, place = self._same_host(url, str(mark)), {}, None
            if mark in marks:
                raise SourceChanged(
                    self._where,
                    f"翻页在原地打转（第 {len(marks) + 1} 页与前面的相同）",
                    "请核对 paging、page_param、next 的写法",
                )
            marks.add(mark)

    def _next(self, page: Page, paging: str) -> str | None:
        place = self._driver.option("next")
        if paging == "link" and page.link and not place:
            return page.link
        found = _at(page.body, str(place or "next"))
        return str(found) if found and found is not _ABSENT else None

    def _same_host(self, url: str, link: str) -> str:
        """The next link as an address; the token goes to no other host."""
        target = urljoin(url, link)
        if urlsplit(target)[:2] != urlsplit(url)[:2]:
            raise SourceChanged(
                self._where, f"下一页的链接指向别的主机 {urlsplit(target).netloc}", "请部门核实接口，或改用 page 翻页"
            )
        return target

    def _page(self, url: str, params: Mapping[str, str]) -> Page:
        response = self._answer(url, params)
        body = self._json(response)
        self._judge_code(body)
        total = _at(body, str(self._driver.option("total"))) if self._driver.option("total") else None
        link = _LINK.search(response.headers.get("link", ""))
        return Page(
            content=response.content,
            body=body,
            records=self._records(body),
            total=int(str(total)) if str(total).isdigit() else None,
            date=response.headers.get("date"),
            link=link.group(1) if link else None,
        )

    def _answer(self, url: str, params: Mapping[str, str]) -> httpx.Response:
        tries = int(self._driver.option("retries")) + 1
        problem: HubError | None = None
        for attempt in range(tries):
            if self._asked and (pause := float(self._driver.option("pause"))):
                time.sleep(pause)
            self._asked += 1
            wait = 0.5 * 2**attempt
            try:
                if self._driver.option("method") == "POST":
                    response = self._client.post(url, json=dict(params))
                else:
                    response = self._client.get(url, params=params or None)
            except httpx.HTTPError as error:
                problem = self._unreached(error)
            except (httpx.InvalidURL, ValueError) as error:
                raise ConfigError(
                    f"{self._where}：source.url", f"地址不合规（{self._brief(error)}）", "写法：https://主机:端口/路径"
                ) from None
            else:
                if response.status_code < 300:
                    return response
                problem = self._refusal(response)
                wait = max(wait, _retry_after(response))
                if response.status_code not in _RETRIED or wait > _LONGEST_WAIT:
                    raise problem
            if attempt + 1 < tries:
                time.sleep(wait)
        raise problem or SourceUnavailable(self._where, "接口没有应答", "稍后会自动重试")

    def _unreached(self, error: httpx.HTTPError) -> HubError:
        text = str(error)
        host = urlsplit(str(self._driver.option("url"))).netloc.rpartition("@")[2]
        if isinstance(error, httpx.TimeoutException):
            return SourceUnavailable(
                self._where, f"{host} {self._driver.option('timeout')} 秒内没有应答", "请检查网络，或调大 timeout"
            )
        if "CERTIFICATE" in text.upper():
            return ConfigError(self._where, f"{host} 的 HTTPS 证书不受信任", "请在 source.ca_file 写上级 CA 证书文件")
        if "refused" in text:
            return SourceUnavailable(self._where, f"{host} 拒绝连接", "请核对端口，并请部门确认服务已启动")
        if re.search(r"name or service|nodename|name resolution|getaddrinfo", text.lower()):
            return SourceUnavailable(
                self._where, f"找不到主机 '{host}'", "请核对地址里的主机名，或检查本机的域名解析（DNS）"
            )
        return SourceUnavailable(self._where, f"与 {host} 的连接中断（{self._brief(error)}）", "稍后会自动重试")

    def _refusal(self, response: httpx.Response) -> HubError:
        code = response.status_code
        if code in (401, 403):
            return ConfigError(
                self._where,
                f"接口不认令牌（HTTP {code}）",
                "请核对 source.token 引用的令牌是否写对、是否过期、是否有权限",
            )
        if code == 429:
            return SourceUnavailable(
                self._where, "接口嫌请求太频繁（HTTP 429）", "稍后会自动重试；常有时请写 source.pause 放慢"
            )
        if code >= 500 or code in _RETRIED:
            return SourceUnavailable(
                self._where, f"接口出错（HTTP {code}）", "稍后会自动重试；总是这样时请告知数源部门"
            )
        if code in (404, 405, 410):
            return ConfigError(f"{self._where}：source.url", f"没有这个接口（HTTP {code}）", "请核对地址和请求方法")
        return ConfigError(
            self._where,
            f"接口拒绝了请求（HTTP {code}：{self._brief(response.text)}）",
            "请核对 params、since_param 等参数",
        )

    def _json(self, response: httpx.Response) -> Any:
        content = response.content
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("gb18030", errors="replace")
        try:
            return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number)
        except ValueError:
            if text.lstrip()[:1] in ("{", "["):
                raise SourceUnavailable(self._where, "接口返回的 JSON 不完整", "稍后会自动重试") from None
            kind = "网页，多半是登录页" if "<html" in text[:2000].lower() else "别的内容"
            raise SourceChanged(
                self._where, f"接口返回的不是 JSON，而是{kind}", "请核对地址和令牌，或请部门核实接口"
            ) from None

    def _judge_code(self, body: Any) -> None:
        place = self._driver.option("ok")
        if not place:
            return
        found = _at(body, str(place))
        values = self._driver.option("ok_values")
        if found is _ABSENT:
            keys = "、".join(list(body)[:12]) if isinstance(body, dict) else "一个列表"
            raise SourceChanged(
                self._where, f"返回里没有业务状态码 '{place}'，有的是：{keys}", "请核对 source.ok，或向数源部门核实接口"
            )
        good = {str(v).lower() for v in (values if isinstance(values, (list, tuple)) else [values])}
        if str(found).lower() not in good:
            told = _at(body, str(self._driver.option("message")))
            what = f"接口报错（{place}={found}{'' if told is _ABSENT else f'：{self._brief(told)}'}）"
            raise SourceUnavailable(self._where, what, "稍后会自动重试；总是这样时请核对令牌和参数，或告知数源部门")

    def _records(self, body: Any) -> list[dict[str, Any]]:
        place = self._driver.option("records")
        if place:
            found = _at(body, str(place))
        else:
            places = (_at(body, usual) for usual in _USUAL_PLACES)
            found = body if isinstance(body, list) else next((p for p in places if isinstance(p, list)), _ABSENT)
        if found is None:
            return []
        if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
            keys = "、".join(list(body)[:12]) if isinstance(body, dict) else ""
            raise SourceChanged(
                self._where, f"返回里找不到记录列表{f'（source.records: {place}）' if place else ''}",
                f"返回的内容有：{keys}。请写明 source.records" if keys else "请写明 source.records",
            )  # fmt: skip
        return found

    def _brief(self, text: object) -> str:
        return self._driver.secrets.hide(" ".join(str(text).split()))[:120]


def text_column(records: Sequence[Mapping[str, Any]], name: str) -> Column:
    """One key of all records as text; an absent key and null are NULL."""
    values = [record.get(name, _ABSENT) for record in records]
    if "." in name and all(value is _ABSENT for value in values):
        values = [_at(record, name) for record in records]
    kinds = set(map(type, values))
    present = kinds != {object}
    if not kinds <= {str, Number, type(None)}:
        values = [_text(value) for value in values]
    return Column(pa.array(values, pa.string()), present)


def flat_names(record: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The keys of a record; those inside nested objects follow by their dotted names."""
    for key, value in record.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from flat_names(value, f"{prefix}{key}.")


def _at(value: Any, place: str) -> Any:
    """What lies at a dotted place of a JSON value; `_ABSENT` when nothing does."""
    for part in place.split("."):
        if isinstance(value, dict):
            value = value.get(part, _ABSENT)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return _ABSENT
    return value


def _text(value: Any) -> str | None:
    if value is None or value is _ABSENT:
        return None
    return value if isinstance(value, str) else _json_text(value)


def _json_text(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{_json_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _retry_after(response: httpx.Response) -> float:
    """Seconds the interface asks to wait, 0 when it does not say."""
    said = response.headers.get("retry-after", "")
    if said.isdigit():
        return float(said)
    try:
        return max((parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return 0.0
