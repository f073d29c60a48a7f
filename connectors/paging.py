"""All pages of a sweep, from the first to the last, never in a circle; long spans asked for window by window."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from connectors.answers import ABSENT, at, json_text, said_end
from schemas.errors import ConfigError, SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    from connectors.drivers.http import HTTP
    from connectors.web import Client, Page

TIME_STYLES = ("iso", "utc", "plain", "date")
_SPAN = re.compile(r"(\d+)\s*([hdw])\Z")
_HOURS = {"h": 1, "d": 24, "w": 168}
_HOLES = 100  # empty pages on end, each with a next one: some filter each page after it is cut, none for ever
_SKEW = timedelta(hours=1)  # the source's clock may be ahead of ours


def sweep(client: Client, driver: HTTP, since: Mapping[str, str]) -> Iterator[Page]:
    """Every page from `since` on.

    Raises:
        SourceUnavailable, ConfigError, SourceChanged: as the client; also when paging goes in a circle.
    """
    if not driver.option("window"):
        yield from _pages(client, driver, since)
        return
    begin = _moment(next(iter(since.values())), driver)
    end = (datetime.now(UTC) + _SKEW).replace(microsecond=0) if driver.span is None else _moment(driver.span[1], driver)
    last: set[bytes] = set()
    for first, after in _windows(begin, end, str(driver.option("window"))):
        for page in _window(client, driver, first, after):
            # Neighbouring windows share their boundary: records on it come twice.
            digests = [hashlib.sha256(json_text(record).encode()).digest() for record in page.records]
            page.records = [r for r, d in zip(page.records, digests, strict=True) if d not in last]
            last = set(digests)
            yield page


def window_problem(text: str) -> str | None:
    """What is wrong with a window's length, None when it can be used."""
    found = _SPAN.match(text)
    return None if found and int(found.group(1)) else f"window '{text}' 不是一段时长，例如 90d、12h"


def spelled(moment: datetime, style: str, timezone: str) -> str:
    """A moment as the interface wants it."""
    local = moment.astimezone(ZoneInfo(timezone))
    match style:
        case "utc":
            return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case "plain":
            return local.strftime("%Y-%m-%d %H:%M:%S")
        case "date":
            return local.strftime("%Y-%m-%d")
    return local.isoformat(timespec="seconds")


def _moment(text: str, driver: HTTP) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{driver.where}：source.since_start", f"'{text}' 不是时间", "写法：2026-01-01 或 2026-01-01T00:00:00+08:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(driver.connector.timezone))


def _windows(begin: datetime, end: datetime, text: str) -> Iterator[tuple[datetime, datetime]]:
    found = _SPAN.match(text)
    if not found:
        raise ValueError(text)
    step = timedelta(hours=int(found.group(1)) * _HOURS[found.group(2)])
    while begin < end:
        yield begin, min(begin + step, end)
        begin += step


def _window(client: Client, driver: HTTP, first: datetime, after: datetime) -> Iterator[Page]:
    """The pages of one window, halved as long as it holds more than the interface gives at once."""
    style, zone = str(driver.option("time_style") or "iso"), driver.connector.timezone
    names = str(driver.option("since_param")), str(driver.option("until_param"))
    bounds = dict(zip(names, (spelled(first, style, zone), spelled(after, style, zone)), strict=True))
    most = int(driver.option("most") or 0)
    if not most or driver.option("paging") != "none":
        yield from _pages(client, driver, bounds)
        return
    [page] = _pages(client, driver, bounds)
    if len(page.records) < most:
        yield page
        return
    middle = (first + (after - first) / 2).replace(microsecond=0)
    if not first < middle < after:
        raise SourceChanged(
            driver.where,
            f"{bounds[names[0]]} 这一刻就有 {most} 条以上，接口给不全",
            "请部门提供翻页，或核对 source.most",
        )
    yield from _window(client, driver, first, middle)
    yield from _window(client, driver, middle, after)


def _pages(client: Client, driver: HTTP, since: Mapping[str, str]) -> Iterator[Page]:
    """All pages, then what slipped through between them.

    A record taken out of a page that was read moves all behind it one place forward: one of them stands then on no page
    that is still to be read. So numbered pages are gone through once more, and records not seen before are added.
    """
    if driver.option("paging") not in ("page", "offset") or not driver.option("verify"):
        for page, _ in _through(client, driver, since):
            yield page
        return
    asked: list[dict[str, str]] = []
    seen: set[int] = set()
    for page, params in _through(client, driver, since):
        asked.append(params)
        seen.update(map(driver.identity, page.records))
        yield page
    for params in asked if len(asked) > 1 else ():
        page = client.page(driver.url(), params)
        told = [(driver.identity(record), record) for record in page.records]
        page.records = [record for key, record in told if key not in seen]
        seen.update(key for key, _ in told)
        if page.records:
            yield page


def _through(client: Client, driver: HTTP, since: Mapping[str, str]) -> Iterator[tuple[Page, dict[str, str]]]:
    """Every page from the first to the last, and the parameters it was asked for with."""
    option = driver.option
    paging, size = str(option("paging")), int(option("page_size"))
    name = str(option("page_param") or ("page" if paging == "link" else paging))
    params = {str(k): str(v) for k, v in (option("params") or {}).items()} | dict(since)
    if paging != "none" and option("page_size_param"):
        params[str(option("page_size_param"))] = str(size)
    place: Any = {"page": int(option("first_page")), "offset": 0}.get(paging)
    numbered = paging in ("page", "offset")
    url, marks, given, count = driver.url(), set[Any](), 0, 0
    before, longest, holes = None, 0, 0
    last: Page | None = None
    opening: bytes | None = None
    while True:
        sent = params if place is None else {**params, name: str(place)}
        page = client.page_if_there(url, sent) if numbered and last is not None else client.page(url, sent)
        if isinstance(page, int):
            assert last is not None
            _judge_missing(client, driver, sent, name, given, longest, last, status=page)
            return
        count, last = count + 1, page
        digest = page.digest() if page.records and paging != "none" else None
        if digest is not None and digest in marks:
            if digest == before and (len(page.records) < longest or page.promised == given):
                return  # asked beyond the end, some interfaces give their last page once more
            if place == "0" and digest == opening:
                return  # a next cursor of 0 that leads to the first page: so some say that there is none
            raise _circle(driver, count)
        given, before, longest = given + len(page.records), digest, max(longest, len(page.records))
        opening = digest if count == 1 else opening
        holes = 0 if page.records else holes + 1
        yield page, sent
        if paging == "none" or (numbered and (given == page.total or (holes and not _goes_on(page, given, holes, count * (longest or size))))):  # fmt: skip
            return
        mark: Any = digest
        if paging == "page":
            place += 1
        elif paging == "offset":
            place += len(page.records) or size
        else:
            mark = place = _next(page, paging, option("next"))
            if not mark or (holes and (page.promised == given or said_end(page.body))):
                return
            if holes >= _HOLES:
                raise SourceChanged(
                    driver.where, f"连着 {holes} 页没有记录，每页却都给出下一页",
                    "请核对 source.next；给出的其实是页号或偏移时，请改用 paging: page 或 offset",
                )  # fmt: skip
            if paging == "link":
                url, params, place = client.same_host(url, str(mark)), {}, None
        if mark != digest and mark in marks:
            raise _circle(driver, count + 1)
        if count >= int(option("max_pages")):
            raise SourceChanged(
                driver.where, f"翻了 {count} 页还没有完", "请核对 paging 的写法；确有这么多时调大 max_pages"
            )
        marks |= {mark, digest} - {None}


def _judge_missing(
    client: Client, driver: HTTP, params: dict[str, str], name: str, given: int, longest: int, last: Page, *,
    status: int,
) -> None:  # fmt: skip
    """Nothing when a page that is not there (HTTP 404, 410, 416) lies beyond the last one.

    It does when the total is reached, when the page before was shorter than another, or when the page after is not there
    either.

    Raises:
        SourceUnavailable: the interface told of more records, or has a page behind.
    """
    page = params[name]
    if last.promised is not None:
        if given >= last.promised:
            return
        what = f"第 {page} 页返回 HTTP {status}，可接口说有 {last.promised} 条，只翻到 {given} 条"
    else:
        step = 1 if driver.option("paging") == "page" else longest
        if len(last.records) < longest or isinstance(
            client.page_if_there(driver.url(), {**params, name: str(int(page) + step)}), int
        ):
            return
        what = f"第 {page} 页返回 HTTP {status}，后面一页却有"
    raise SourceUnavailable(driver.where, what, "稍后会自动重试；总是这样时请告知数源部门")


def _goes_on(page: Page, given: int, holes: int, asked: int) -> bool:
    """Whether more may follow an empty page: some filter each page after it is cut, or fail for a moment without saying so."""
    if page.promised is not None and page.promised > given:
        return asked < page.promised
    return given > 0 and page.promised is None and holes == 1


def _circle(driver: HTTP, count: int) -> SourceChanged:
    return SourceChanged(
        driver.where,
        f"翻页在原地打转（第 {count} 页与前面的相同）",
        "请核对 paging、page_param、next 的写法；接口翻过末页会再给最后一页、又不写明总数的，请写 source.total 或 paging: none",
    )


def _next(page: Page, paging: str, place: Any) -> str | None:
    if paging == "link" and page.link and not place:
        return page.link
    found = at(page.body, str(place or "next"))
    return str(found) if found and found is not ABSENT else None
