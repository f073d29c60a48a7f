"""Every page of the route table in a real browser, in its four states; a new page joins by having a route.

filled   found by following links from each role's menu: no console or policy message, axe 0, three widths, weight
slow     scripts that do not come: the page is readable without them
empty    a hub in which nothing has happened yet
error    a warehouse that does not answer
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, Route, expect

from portal.menu import HOMES
from portal.pages import ROUTERS
from portal.roles import ACTIONS, PUBLIC
from portal.site import Site
from schemas.errors import WarehouseUnavailable
from tests.portal.conftest import PATIENCE, Bare, token
from tests.portal.test_boards import axe

WIDTHS = (1440, 1024, 390)
# The role that finds most on a page opens it.
_FIRST = ("engineer", "analyst", "leader", "clerk", "sysadmin", "secadmin", "auditor")
_OWN = {
    "upload": "clerk",
    "correction.fix": "clerk",
    "board.read": "leader",
    "briefing.make": "leader",
    "inbox.read": "clerk",
}
_ANYTHING = {"name": "indicator_overview", "number": "999999", "batch": "1", "verb": "enable"}
_LINK = re.compile(r'(?:href|hx-get)="([^"]+)"')
_MOST_LINKS = 400  # followed by one role; boards have a link per row
_WEIGHT = {"plain": 60_000, "charts": 350_000, "sql": 450_000}  # bytes on the wire


def _pages() -> list[tuple[str, str]]:
    """(path, role) of each page that can be looked at; what streams, downloads or answers programs is not one."""
    found = []
    for router in ROUTERS:
        for route in router.routes:
            endpoint = getattr(route, "endpoint", None)
            action = getattr(endpoint, "action", None)
            if "GET" not in getattr(route, "methods", ()) or route.include_in_schema or action is None:
                continue
            if route.path.startswith(("/dagster", "/events")) or (action == PUBLIC and route.path != "/login"):
                continue
            if "full" in endpoint.stages:
                role = _OWN.get(action) or next((r for r in _FIRST if action == PUBLIC or r in ACTIONS[action]), "")
                found.append((route.path, "" if action == PUBLIC else role))
    return found


PAGES = _pages()


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"{\w+(?::path)?}", path)
    return re.compile("[^/]+".join(map(re.escape, parts)) + r"\Z")


@dataclass
class Found:
    """What following links has found: for each route and role, the first address that leads there."""

    pages: dict[tuple[str, str], str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def linked(site: Site, address: str) -> Found:
    """Follow links from each role's home, one address per route, as far as they lead."""
    patterns = [(path, _pattern(path)) for path, _ in sorted(PAGES, key=lambda p: p[0].count("{"))]
    found = Found()
    for role in sorted({role for _, role in PAGES if role}):
        given = {"hub_session": token(site, role)}
        with httpx2.Client(base_url=address, cookies=given, trust_env=False, timeout=120) as client:
            waiting, seen = [HOMES[role]], set()
            while waiting:
                place = waiting.pop(0)
                route = next((path for path, shape in patterns if shape.match(urlsplit(place).path)), None)
                if route is None or (route, role) in found.pages or len(seen) > _MOST_LINKS or place in seen:
                    continue
                seen.add(place)
                answer = client.get(place, follow_redirects=True)
                if answer.status_code != 200:
                    found.broken.append(f"{role} {place}: {answer.status_code}")
                    continue
                found.pages[route, role] = place
                if answer.headers["content-type"].startswith("text/html"):
                    links = (unescape(link) for link in _LINK.findall(answer.text))
                    waiting += [link.partition("#")[0] for link in links if link.startswith("/") and link != "/logout"]
    return found


@pytest.fixture(scope="module")
def windows(browser: Browser, address: str, site: Site) -> Iterator[Callable[[str], tuple[Page, list[str]]]]:
    """One page per role, kept; what its console said is in the list beside it."""
    made: dict[str, tuple[BrowserContext, Page, list[str]]] = {}

    def open_as(role: str) -> tuple[Page, list[str]]:
        if role not in made:
            context = browser.new_context(
                viewport={"width": 1440, "height": 900}, locale="zh-CN", timezone_id="Asia/Shanghai", base_url=address
            )
            context.set_default_timeout(PATIENCE)
            if role:
                cookie = {
                    "name": "hub_session",
                    "value": token(site, role),
                    "url": address,
                    "httpOnly": True,
                    "sameSite": "Lax",
                }
                context.add_cookies([cookie])  # type: ignore[list-item]
            page, troubles = context.new_page(), []
            page.on(
                "console", lambda m: troubles.append(f"{m.type}: {m.text}") if m.type in {"error", "warning"} else None
            )
            page.on("pageerror", lambda error: troubles.append(f"page: {error}"))
            page.on(
                "request",
                lambda r: None if r.url.startswith((address, "data:")) else troubles.append(f"off the host: {r.url}"),
            )
            made[role] = context, page, troubles
        _, page, troubles = made[role]
        troubles.clear()
        page.set_viewport_size({"width": 1440, "height": 900})
        return page, troubles

    yield open_as
    for context, _, _ in made.values():
        context.close()


def test_every_link_leads_somewhere(linked: Found) -> None:
    assert linked.broken == []


@pytest.mark.parametrize(("path", "role"), PAGES, ids=[path for path, _ in PAGES])
def test_page_with_data(path: str, role: str, linked: Found, windows: Callable[[str], tuple[Page, list[str]]], signed_in: Callable[[str], httpx2.Client]) -> None:  # fmt: skip
    place = linked.pages.get((path, role)) or re.sub(
        r"{(\w+)(?::\w+)?}", lambda m: _ANYTHING.get(m.group(1), "x"), path
    )
    known = (path, role) in linked.pages or "{" not in path
    if role:
        answer = signed_in(role).get(place, follow_redirects=True)
        assert answer.status_code == 200 if known else answer.status_code in {404, 422, 503}, place
        if not answer.headers["content-type"].startswith("text/html"):
            assert "attachment" in answer.headers.get("content-disposition", "attachment")
            return
    page, troubles = windows(role)
    sizes: list[Response] = []

    def keep(answer: Response) -> None:
        sizes.append(answer)

    def hold(one: Route) -> None:
        held.append(one)

    page.on("response", keep)
    held: list[Route] = []
    page.route("**/static/vendor/*", hold)
    page.goto(place, wait_until="commit")
    expect(page.locator("h1").first).to_be_visible()  # before any library has come
    charts = page.locator("[data-chart]").count()
    for one in held:
        one.continue_()
    page.unroute("**/static/vendor/*")
    page.wait_for_load_state("load")
    assert axe(page) == []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{place} is {over} px too wide at {width}"
    page.remove_listener("response", keep)
    most = _WEIGHT["sql" if page.locator("#sql-text").count() else "charts" if charts else "plain"]
    weight = sum(_wire(one) for one in sizes if "/events" not in one.url)
    assert weight <= most, f"{place} weighs {weight:,} bytes"
    expected = [t for t in troubles if not known and "Failed to load resource" in t]
    assert troubles == expected, place


def _wire(answer: Response) -> int:
    return int(answer.request.sizes()["responseBodySize"])


BOARDS = ("/boards/indicators", "/boards/hotline", "/boards/rectification")


@pytest.mark.parametrize("path", BOARDS)
def test_board_prints_within_a4(path: str, windows: Callable[[str], tuple[Page, list[str]]]) -> None:
    page, troubles = windows("leader")
    page.goto(path)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 672, "height": 950})  # A4 without its margins, in CSS pixels
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    sheets = len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))
    assert 1 <= sheets <= 8, f"{path}: {sheets} sheets"
    expect(page.locator(".title .sub").first).to_contain_text("数据截至")
    page.emulate_media(media="screen")
    page.goto(f"{path}?display=print")
    assert axe(page) == []
    assert troubles == []


# ---------------------------------------------------------------------------------------------- empty, error
PLAIN = [(path, role) for path, role in PAGES if "{" not in path]


@pytest.mark.parametrize(("path", "role"), PLAIN, ids=[path for path, _ in PLAIN])
def test_page_of_a_hub_in_which_nothing_has_happened(path: str, role: str, bare: Bare) -> None:
    answer = bare.get(path, role)
    assert answer.status_code == 200, answer.text[:500]
    if not answer.headers["content-type"].startswith("text/html"):
        return
    page, troubles = bare.window(role)
    page.goto(path)
    assert axe(page) == []
    assert page.locator("h1").first.inner_text()
    # A table without a line says why in its place.
    for table in page.locator("main table").all():
        assert table.locator("tbody tr").count() or table.locator("xpath=ancestor::details").count(), path
    assert troubles == []


@pytest.mark.parametrize(("path", "role"), PLAIN, ids=[path for path, _ in PLAIN])
def test_page_while_the_warehouse_is_away(path: str, role: str, site: Site, signed_in: Callable[[str], httpx2.Client], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    if not role:
        return
    client = signed_in(role)

    def away(*_: object) -> None:
        raise WarehouseUnavailable("共享库", "连接不上", "请稍后再试，或请系统管理员运行 hub doctor")

    monkeypatch.setattr(site.database, "_take", away)
    answer = client.get(path)
    assert answer.status_code == 503
    text = answer.text if answer.headers["content-type"].startswith("text/html") else answer.json()["error"]["message"]
    assert "连接不上" in text
    assert "Traceback" not in text


def test_probes_tell_a_living_portal_from_a_warehouse_that_is_away(site: Site, address: str, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    def away(*_: object) -> None:
        raise WarehouseUnavailable("共享库", "连接不上", "请稍后再试，或请系统管理员运行 hub doctor")

    monkeypatch.setattr(site.database, "_take", away)
    with httpx2.Client(base_url=address, trust_env=False) as client:
        assert (client.get("/healthz").status_code, client.get("/healthz").json()) == (200, {"status": "ok"})
        assert (client.get("/readyz").status_code, client.get("/readyz").json()) == (503, {"status": "warehouse unavailable"})  # fmt: skip
        assert client.get("/login").status_code == 200


def test_head_fits_a_telephone_with_much_to_do(windows: Callable[[str], tuple[Page, list[str]]]) -> None:
    page, _ = windows("engineer")
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto("/ops")
    page.evaluate("document.querySelectorAll('[data-live]').forEach((count) => { count.textContent = '888'; })")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.set_viewport_size({"width": 1440, "height": 900})
