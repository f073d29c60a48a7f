"""Requests to an interface: proved, paced, retried with patience, bounded in time and size, kept for a resume."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import re
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import httpx

from connectors import answers
from connectors.answers import ABSENT, at
from connectors.authentication import Authenticator
from connectors.network import permitted
from connectors.sweep import Answer, Journal
from schemas.errors import ConfigError, HubError, SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    from connectors.drivers.http import HTTP

_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_GZIP = b"\x1f\x8b\x08"
_MISSING = frozenset({404, 410, 416})
_LONGEST_WAIT = 60.0
_REDIRECTS = 5
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass
class Page:
    """One answer of the interface."""

    content: bytes
    body: Any
    records: list[dict[str, Any]]
    total: int | None  # of all pages, where the connector says it stands
    promised: int | None  # the same, or what the envelope calls a total
    date: str | None
    link: str | None

    def digest(self) -> bytes:
        """Of the records only: envelopes often carry a time or a request number."""
        return hashlib.sha256(answers.json_text(self.records).encode()).digest()


class _Missing(Exception):
    """There is nothing at an address: the HTTP status, and what to tell about it."""

    def __init__(self, status: int, problem: HubError) -> None:
        self.status, self.problem = status, problem


class _Trouble(Exception):
    """A failure that another try may mend, after so many seconds."""

    def __init__(self, problem: HubError, wait: float = 0.0) -> None:
        self.problem, self.wait = problem, wait


class Client:
    """One connection to a connector's interface."""

    def __init__(self, driver: HTTP, since: Mapping[str, str] | None = None) -> None:
        self._driver, self._where = driver, driver.where
        self._style = str(driver.option("format"))
        driver.address()
        self._proof = Authenticator(driver)
        headers = {"Accept": "text/xml" if self._style == "xml" else "application/json", "User-Agent": "tongqu"}
        headers |= {str(k): str(v) for k, v in (driver.option("headers") or {}).items()}
        # Proxies are said in the connector, not inherited: departments' hosts are mostly inside.
        self._client = httpx.Client(
            headers=headers, timeout=float(driver.option("timeout")), follow_redirects=False, trust_env=False,
            proxy=driver.option("proxy"), verify=driver.option("ca_file") or True,
        )  # fmt: skip
        self._permitted: set[tuple[str, int]] = set()
        self._asked_at = self._not_before = 0.0
        self.journal = Journal(driver.workspace, _identity(driver, since or {}), float(driver.option("resume")))

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        # What led to a failure that a person has to mend is not read again from a copy.
        if isinstance(error, HubError) and not error.retryable:
            self.journal.forget()

    def resume(self) -> int:
        """How many answers of an interrupted sweep are used again; 0 when the source has moved since.

        The last of them is asked for once more: only if it still holds the same records, those before it count.
        """
        last = self.journal.last()
        if last is None:
            return 0
        request, kept = last
        try:
            url, params = json.loads(request)
            same = self._asked(url, params)[1].digest() == self._page(kept).digest()
        except SourceUnavailable:
            raise
        except (_Missing, HubError):
            same = False  # paging tokens end after a while
        if not same:
            self.journal.forget()
        return len(self.journal)

    def page(self, url: str, params: Mapping[str, str]) -> Page:
        """One answer: a kept one, or a new one that is then kept.

        Raises:
            SourceUnavailable: the interface does not answer, or asks to wait for long.
            ConfigError: it refuses the proof or does not know the address.
            SourceChanged: the answer is not what was agreed.
        """
        try:
            return self._kept_or_asked(url, params)
        except _Missing as missing:
            raise missing.problem from None

    def page_if_there(self, url: str, params: Mapping[str, str]) -> Page | int:
        """The same, the HTTP status (404, 410, 416) when there is nothing at the address: some interfaces say so beyond their last page.

        Raises:
            SourceUnavailable, ConfigError, SourceChanged: as `page`.
        """
        try:
            return self._kept_or_asked(url, params)
        except _Missing as missing:
            return missing.status

    def _kept_or_asked(self, url: str, params: Mapping[str, str]) -> Page:
        request = json.dumps([url, dict(params)], ensure_ascii=False)
        kept = self.journal.recall(request)
        if kept is not None:
            return self._page(kept)
        answer, page = self._asked(url, params)
        self.journal.keep(request, answer)
        return page

    def same_host(self, url: str, link: str) -> str:
        """A link as an address; the proof goes to no other host.

        Raises:
            SourceChanged: it leads to another host.
        """
        target = urljoin(url, link)
        if not _same_origin(url, target):
            raise SourceChanged(
                self._where,
                f"接口的链接指向别的主机 {urlsplit(target).netloc.rpartition('@')[2]}",
                "令牌不发给别的主机。请部门核实接口；地址确已搬迁时改 source.url",
            )
        return target

    def _asked(self, url: str, params: Mapping[str, str]) -> tuple[Answer, Page]:
        tries, attempt, renewed = int(self._driver.option("retries")) + 1, 0, False
        problem: HubError | None = None
        while attempt < tries:
            self._pace()
            try:
                answer = self._answer(url, params)
                return answer, self._page(answer)
            except answers.Incomplete:
                told = f"接口返回的 {self._style.upper()} 不完整"
                problem, wait = SourceUnavailable(self._where, told, "稍后会自动重试"), 0.0
            except httpx.HTTPError as error:
                problem, wait = self._unreached(error), 0.0
            except (httpx.InvalidURL, ValueError) as error:
                raise ConfigError(
                    f"{self._where}：source.url", f"地址不合规（{self._brief(error)}）", "写法：https://主机:端口/路径"
                ) from None
            except _Trouble as trouble:
                problem, wait = trouble.problem, trouble.wait
                if isinstance(problem, ConfigError):
                    if renewed or not self._proof.refused():
                        raise problem from None
                    renewed = True
                    continue
            if isinstance(problem, ConfigError):
                raise problem
            attempt += 1
            # Not all at the same moment: a source that was down is met by all its connectors at once.
            wait = max(0.5 * 2 ** (attempt - 1) * random.uniform(0.8, 1.2), wait)
            if wait > _LONGEST_WAIT:
                raise problem
            if attempt < tries:
                time.sleep(wait)
        raise problem or SourceUnavailable(self._where, "接口没有应答", "稍后会自动重试")

    def _pace(self) -> None:
        gap = float(self._driver.option("pause"))
        if per_minute := float(self._driver.option("per_minute") or 0):
            gap = max(gap, 60 / per_minute)
        due = max(self._asked_at + gap if self._asked_at else 0.0, self._not_before)
        if (left := due - time.monotonic()) > 0:
            time.sleep(min(left, _LONGEST_WAIT))
        self._asked_at = time.monotonic()

    def _answer(self, url: str, params: Mapping[str, str]) -> Answer:
        for _ in range(_REDIRECTS):
            if self._driver.option("method") == "POST":
                form = self._driver.option("body") == "form"
                request = self._client.build_request(
                    "POST", url, data=dict(params) if form else None, json=None if form else dict(params)
                )
            else:
                # `params=` would take the place of the query that the address itself has.
                request = self._client.build_request("GET", httpx.URL(url).copy_merge_params(params))
            try:
                self._proof.add(request, self._send)
            except SourceUnavailable as error:  # who gives out tokens is busy too
                raise _Trouble(error) from None
            response = self._send(request)
            if not response.has_redirect_location:
                break
            url, params = self.same_host(str(request.url), response.headers["location"]), {}
        else:
            raise SourceChanged(self._where, "接口一再转向，没有结果", "请核对地址，多半是转到了登录页")
        self._note_limit(response)
        if response.status_code < 300:
            if not response.content.strip() and response.status_code != 204:
                raise answers.Incomplete
            return Answer(response.content, response.headers.get("date"), response.links.get("next", {}).get("url"))
        problem = self._refusal(response)
        if response.status_code in _RETRIED or response.status_code == 401:
            raise _Trouble(problem, _retry_after(response))
        if response.status_code in _MISSING:
            raise _Missing(response.status_code, problem)
        raise problem

    def _send(self, request: httpx.Request) -> httpx.Response:
        """The whole answer, within the time and size a connector allows: a source may drip for ever."""
        seconds, most = float(self._driver.option("timeout")), float(self._driver.option("max_mb")) * 1_000_000
        end, parts, size = time.monotonic() + seconds, [], 0
        # Every host that is asked, also the one that gives out tokens.
        if (
            not self._driver.option("proxy")
            and (place := (request.url.host, request.url.port or _DEFAULT_PORTS.get(request.url.scheme, 443)))
            not in self._permitted
        ):
            with suppress(SourceUnavailable):  # an unknown name is told, and tried again, by the request itself
                permitted(*place, self._where)
                self._permitted.add(place)
        response = self._client.send(request, stream=True)
        try:
            self._judge_packing(response)
            for chunk in response.iter_bytes():
                parts.append(chunk)
                size += len(chunk)
                if time.monotonic() > end:
                    raise httpx.ReadTimeout("the answer drips", request=request)
                if size > most:
                    break
        finally:
            response.close()
        content = b"".join(parts)
        if content.startswith(_GZIP):  # packed without saying so
            try:
                content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(int(most) + 1)
            except (EOFError, OSError, zlib.error):
                raise answers.Incomplete from None
            size = len(content)
        if size > most:
            raise ConfigError(
                f"{self._where}：source.max_mb", f"一次返回超过 {most / 1_000_000:g} MB",
                "请用 paging 翻页、减小 page_size，或调大 max_mb",
            )  # fmt: skip
        # Already decoded: the content-encoding would be undone twice.
        headers = [(k, v) for k, v in response.headers.multi_items() if k.lower() != "content-encoding"]
        return httpx.Response(response.status_code, headers=headers, content=content, request=request)

    def _judge_packing(self, response: httpx.Response) -> None:
        """Nothing, unless the answer is packed in a way that was not asked for and cannot be undone."""
        known = {name.strip() for name in self._client.headers.get("accept-encoding", "").split(",")}
        packed = response.headers.get("content-encoding", "").lower()
        if odd := [
            name for part in packed.split(",") if (name := part.strip()) and name not in {*known, "identity", "x-gzip"}
        ]:
            raise SourceChanged(
                self._where, f"接口返回的内容是用 {odd[0]} 压缩的，没有问它要，也解不开", "请部门照请求头 Accept-Encoding 返回 gzip 或不压缩的内容"
            )  # fmt: skip

    def _note_limit(self, response: httpx.Response) -> None:
        """Wait for the next window of a rate limit that is used up, as its headers tell."""
        for prefix in ("x-ratelimit-", "ratelimit-"):
            left, reset = response.headers.get(f"{prefix}remaining"), response.headers.get(f"{prefix}reset")
            if left == "0" and reset and reset.isdigit():
                seconds = float(reset) - time.time() if float(reset) > 1e9 else float(reset)
                self._not_before = time.monotonic() + min(max(seconds, 0.0), _LONGEST_WAIT)

    def _unreached(self, error: httpx.HTTPError) -> HubError:
        text = str(error)
        host = urlsplit(str(self._driver.option("url"))).netloc.rpartition("@")[2]
        if isinstance(error, httpx.TimeoutException):
            return SourceUnavailable(
                self._where, f"{host} {self._driver.option('timeout')} 秒内没有答完", "请检查网络，或调大 timeout"
            )
        if "CERTIFICATE" in text.upper():
            return ConfigError(self._where, f"{host} 的 HTTPS 证书不受信任", "请在 source.ca_file 写上级 CA 证书文件")
        if "WRONG_VERSION_NUMBER" in text.upper():
            return ConfigError(
                f"{self._where}：source.url", f"{host} 应答的不是 HTTPS", "地址请改成 http:// 开头，或核对端口"
            )
        if isinstance(error, httpx.RemoteProtocolError) and "without sending a response" in text:
            told = f"{host} 连得通，却没有按 HTTP 应答就断开了"
            return SourceUnavailable(self._where, told, "请核对端口是不是接口的；确实是的，请部门查看服务")
        if "refused" in text:
            return SourceUnavailable(self._where, f"{host} 拒绝连接", "请核对端口，并请部门确认服务已启动")
        if re.search(r"name or service|nodename|name resolution|getaddrinfo", text.lower()):
            return SourceUnavailable(
                self._where, f"找不到主机 '{host}'", "请核对地址里的主机名，或检查本机的域名解析（DNS）"
            )
        secure = (
            "；地址写的是 http://，对方用 HTTPS 的请改成 https://" if self._driver.url().startswith("http:") else ""
        )
        return SourceUnavailable(
            self._where, f"与 {host} 的连接中断（{self._brief(error)}）", f"稍后会自动重试{secure}"
        )

    def _refusal(self, response: httpx.Response) -> HubError:
        code = response.status_code
        if code in (401, 403):
            return self._not_let_in(code)
        if code == 429:
            return SourceUnavailable(
                self._where, "接口嫌请求太频繁（HTTP 429）", "稍后会自动重试；常有时请写 source.per_minute 放慢"
            )
        if code >= 500 or code in _RETRIED:
            return SourceUnavailable(
                self._where, f"接口出错（HTTP {code}）", "稍后会自动重试；总是这样时请告知数源部门"
            )
        if code == 405 or code in _MISSING:
            return ConfigError(f"{self._where}：source.url", f"没有这个接口（HTTP {code}）", "请核对地址和请求方法")
        return ConfigError(
            self._where,
            f"接口拒绝了请求（HTTP {code}：{self._brief(response.text)}）",
            "请核对 params、since_param 等参数",
        )

    def _not_let_in(self, code: int) -> HubError:
        match self._proof.way:
            case "basic":
                return ConfigError(
                    self._where, f"接口不认用户名和密码（HTTP {code}）", "请核对 source.user 和 password"
                )
            case "signature":
                return ConfigError(
                    self._where, f"接口不认签名（HTTP {code}）", "请对照接口说明核对 sign_text 等，并用 hub doctor 看本机时钟准不准"
                )  # fmt: skip
            case "none":
                return ConfigError(self._where, f"接口要求出示身份（HTTP {code}）", "请写明 source.auth 和令牌或密码")
        return ConfigError(
            self._where,
            f"接口不认令牌（HTTP {code}）",
            "请核对 source.token 引用的令牌（或 client_id、client_secret）是否写对、是否过期、是否有权限",
        )

    def _page(self, answer: Answer) -> Page:
        if not answer.content.strip():  # HTTP 204: there is none
            return Page(answer.content, None, [], None, None, answer.date, answer.link)
        try:
            body = answers.parsed(answer.content, self._style)
        except answers.Twice as error:
            raise SourceChanged(self._where, f"返回里有一条记录的 '{error}' 写了两次", "请部门改正接口") from None
        except answers.Spoilt as error:
            raise SourceChanged(self._where, f"接口返回的 {self._style.upper()} {error}", "请部门改正接口") from None
        except answers.Foreign as error:
            other = "xml" if str(error) == "XML" else "json"
            cure = f"请写 format: {other}" if str(error) in ("XML", "JSON") else "请核对地址和令牌，或请部门核实接口"
            raise SourceChanged(
                self._where,
                f"接口返回的不是 {self._style.upper()}，而是{error}",
                cure,
            ) from None
        self._judge_code(body)
        records = self._records(body)
        place = self._driver.option("total")
        total = at(body, str(place)) if place else None
        total = int(str(total)) if str(total).isdecimal() else None
        return Page(
            content=answer.content,
            body=body,
            records=records,
            total=total,
            promised=total if place else answers.said_total(body),
            date=answer.date,
            link=answer.link,
        )

    def _judge_code(self, body: Any) -> None:
        place = self._driver.option("ok")
        if not place:
            return
        found = at(body, str(place))
        values = self._driver.option("ok_values")
        if found is ABSENT:
            keys = "、".join(list(body)[:12]) if isinstance(body, dict) else "一个列表"
            raise SourceChanged(
                self._where, f"返回里没有业务状态码 '{place}'，有的是：{keys}", "请核对 source.ok，或向数源部门核实接口"
            )
        good = {str(v).lower() for v in (values if isinstance(values, (list, tuple)) else [values])}
        if str(found).lower() not in good:
            told = at(body, str(self._driver.option("message")))
            what = f"接口报错（{place}={found}{'' if told is ABSENT else f'：{self._brief(told)}'}）"
            raise SourceUnavailable(self._where, what, "稍后会自动重试；总是这样时请核对令牌和参数，或告知数源部门")

    def _records(self, body: Any) -> list[dict[str, Any]]:
        place = self._driver.option("records")
        found = answers.records(body, str(place) if place else None, self._style)
        if not found and not self._driver.option("ok") and (told := answers.complaint(body)):
            raise SourceUnavailable(
                self._where, f"接口没有给记录，却报错（{self._brief(told)}）", "稍后会自动重试；若这就是没有数据，请写明 source.ok 和 ok_values"
            )  # fmt: skip
        if found is None:
            keys = "、".join(list(body)[:12]) if isinstance(body, dict) else ""
            said = f"，接口说“{self._brief(told)}”" if (told := answers.message(body)) else ""
            raise SourceChanged(
                self._where, f"返回里找不到记录列表{f'（source.records: {place}）' if place else ''}{said}",
                f"返回的内容有：{keys}。请写明 source.records" if keys else "请写明 source.records",
            )  # fmt: skip
        return found

    def _brief(self, text: object) -> str:
        return self._driver.secrets.hide(" ".join(str(text).split()))[:120]


def _identity(driver: HTTP, since: Mapping[str, str]) -> str:
    """One sweep: the same connector, asked the same way from the same point on."""
    connector = driver.connector
    about = [connector.id, driver.url(), connector.source, connector.mode, dict(since)]
    return hashlib.sha256(json.dumps(about, ensure_ascii=False, sort_keys=True, default=str).encode()).hexdigest()


def _same_origin(url: str, target: str) -> bool:
    one, other = urlsplit(url), urlsplit(target)
    ports = [p.port or _DEFAULT_PORTS.get(p.scheme) for p in (one, other)]
    if one.hostname != other.hostname or other.scheme not in _DEFAULT_PORTS:
        return False
    safer = (one.scheme, other.scheme) == ("http", "https") and ports == [80, 443]
    return safer or (one.scheme == other.scheme and ports[0] == ports[1])


def _retry_after(response: httpx.Response) -> float:
    """Seconds the interface asks to wait, 0 when it does not say."""
    said = response.headers.get("retry-after", "")
    if said.isdigit():
        return float(said)
    try:
        return max((parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return 0.0
