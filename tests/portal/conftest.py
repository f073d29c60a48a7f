"""One small hub for all of the portal's tests: its database, its accounts, its pages served, a real browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from psycopg.rows import dict_row

from pipelines.run import prepare, run, settle
from portal import accounts, sessions
from portal.app import create
from portal.site import Site
from tests.portal import county
from warehouse import access, reference, registry
from warehouse.engines.adbc import Connection
from warehouse.engines.postgresql import Server, free_port
from warehouse.home import Home
from warehouse.load import load

PATIENCE = 45_000  # ms a browser waits; the machine may have other work
expect.set_options(timeout=PATIENCE)
CHROMIUM = "/usr/bin/chromium"
PASSWORD = "river-stone-2026"
PEOPLE = {
    "leader": ("lingdao", None), "clerk": ("wang_fang", "hotline_office"), "analyst": ("fenxi", None), "engineer": ("gongcheng", None),
    "sysadmin": ("xitong", None), "secadmin": ("anquan", None), "auditor": ("shenji", None), "taxclerk": ("shuiwu", "tax"),
    "office": ("zhenggai", "business_env"),
}  # fmt: skip


@pytest.fixture(scope="session")
def site(postgres_server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A hub with a few rows of every board and one account of each role."""
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE portal TEMPLATE "{template}" STRATEGY file_copy')
    patch = pytest.MonkeyPatch()
    patch.setenv("HUB_DATABASE_URL", postgres_server.url("portal"))
    home = Home(tmp_path_factory.mktemp("portal"))
    prepare(home)
    with psycopg.connect(home.database_url) as connection:
        county.fill(connection)
    settle(home, {"indicator_score", "hotline_ticket", "rectification_problem"}, as_of=county.DAY)
    _callbacks(home)
    made = Site(
        home,
        collect=lambda ids: [load(made.registry().get(name), home) for name in ids],
        replay=lambda name, batches: run([made.registry().get(name)], home, from_landing=True, batches=batches),
        settle=lambda changed: settle(home, changed, as_of=county.DAY),
    )
    _people(made)
    yield made
    made.database.close()
    patch.undo()


def _callbacks(home: Home) -> None:
    """A file source of the hotline office with one delivery in, of which two rows were refused."""
    inbox, folder = home.path / "inbox", home.path / "connectors" / "hotline_office"
    inbox.mkdir()
    folder.mkdir(parents=True)
    (folder / "callback.yaml").write_text(
        f"title: 12345 热线回访\ndataset: hotline_callback\nsource: {{driver: csv, path: '{inbox}/回访*.csv', settle: 0}}\nload: {{mode: file}}\n"
        "fields: {callback_id: 编号, ticket_no: 工单, round: 轮次, called_at: 时间, reached: 接通, solved: 解决}\n",
        encoding="utf-8",
    )
    county.drop(
        inbox / "回访1.csv",
        [
            "CB1,T1,1,2026-03-01 10:00:00,是,已解决",
            "CB2,T2,1,2026-03-02 10:00:00,是,不知道",
            "CB3,,1,2026-03-03 10:00:00,是,已解决",
        ],
    )
    (done,) = load(registry.load(home).get("hotline_office/callback"), home)
    assert (done.passed, done.quarantined) == (1, 2)


@contextmanager
def served(site: Site) -> Iterator[str]:
    """The address of a portal served on loopback while the block lasts."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(create(site), host="127.0.0.1", port=port, log_level="error", timeout_graceful_shutdown=2)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 120
    while not server.started and time.monotonic() < until:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="session")
def address(site: Site) -> Iterator[str]:
    """The portal served on loopback."""
    with served(site) as place:
        yield place


class Bare:
    """A hub in which nothing has happened yet, served, with one account of each role."""

    def __init__(self, site: Site, address: str, browser: Browser) -> None:
        self.site, self.address = site, address
        context = browser.new_context(
            viewport={"width": 1440, "height": 900}, locale="zh-CN", timezone_id="Asia/Shanghai", base_url=address
        )
        context.set_default_timeout(PATIENCE)
        self._context, self._page, self._tokens, self._troubles = context, context.new_page(), {"": ""}, list[str]()
        self._page.on("console", lambda m: self._troubles.append(m.text) if m.type in {"error", "warning"} else None)
        self._page.on("pageerror", lambda error: self._troubles.append(str(error)))

    def token(self, role: str) -> str:
        """The session of that role, begun once."""
        if role not in self._tokens:
            self._tokens[role] = token(self.site, role)
        return self._tokens[role]

    def get(self, path: str, role: str) -> httpx2.Response:
        """One page as that role sees it."""
        cookies = {"hub_session": self.token(role)} if role else {}
        with httpx2.Client(base_url=self.address, cookies=cookies, trust_env=False, timeout=PATIENCE / 1000) as client:
            return client.get(path, follow_redirects=True)

    def window(self, role: str) -> tuple[Page, list[str]]:
        """The browser's page, signed in as that role, and what its console says from now on."""
        self._context.clear_cookies()
        if role:
            self._context.add_cookies([{"name": "hub_session", "value": self.token(role), "url": self.address}])
        self._troubles.clear()
        return self._page, self._troubles

    def close(self) -> None:
        """End the browser's part."""
        self._context.close()


@pytest.fixture(scope="session")
def bare(
    postgres_server: Server, template: str, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Bare]:
    """The portal of a hub just made."""
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE bare TEMPLATE "{template}" STRATEGY file_copy')

    class Alone(Home):
        database_url = property(lambda self: postgres_server.url("bare"))  # type: ignore[assignment]

    made = Site(Alone(tmp_path_factory.mktemp("bare")))
    with Connection(made.home.database_url) as warehouse:  # what `hub up` does first, without the datasets' tables
        reference.refresh(warehouse)
        warehouse.commit()
    with psycopg.connect(made.home.database_url) as connection:
        access.secure(connection)
    _people(made)
    with served(made) as place:
        one = Bare(made, place, browser)
        yield one
        one.close()
    made.database.close()


def _people(site: Site) -> None:
    """One account of each role, ready to sign in."""
    with psycopg.connect(site.home.database_url, row_factory=dict_row) as connection:
        for key, (name, department) in PEOPLE.items():
            role = "clerk" if key in {"taxclerk", "office"} else key
            accounts.add(
                connection, name=name, person=f"{name}同志", role=role, department=department, by="root@console",
                password=PASSWORD, approved=True,
            )  # fmt: skip
        connection.execute("UPDATE hub.account SET must_change = false")


def token(site: Site, key: str) -> str:
    """A full session of one of the PEOPLE, without the sign-in pages."""
    with site.database.owner() as connection:
        account = accounts.find(connection, PEOPLE[key][0])
        assert account is not None
        return sessions.start(site.database, connection, account, "full", "127.0.0.1")


def csrf(site: Site, given: str) -> str:
    """The form token of a session."""
    with site.database.owner() as connection:
        found = sessions.find(connection, given)
    assert found is not None
    return found.csrf


@pytest.fixture
def signed_in(site: Site, address: str) -> Iterator[Callable[[str], httpx2.Client]]:
    """A client signed in as one of the PEOPLE; its forms' token is `client.csrf`."""
    clients = []

    def make(key: str) -> httpx2.Client:
        given = token(site, key)
        client = httpx2.Client(
            base_url=address,
            cookies={"hub_session": given},
            headers={"Origin": address},
            follow_redirects=False,
            trust_env=False,
            timeout=PATIENCE / 1000,
        )
        client.csrf = csrf(site, given)  # type: ignore[attr-defined]
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright."""
    assert Path(CHROMIUM).exists(), "apt-get install chromium (make test does)"
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM)
        yield made
        made.close()


@pytest.fixture
def window(browser: Browser, address: str, site: Site) -> Iterator[Callable[..., Page]]:
    """A page of a browser signed in as one of the PEOPLE; anything said on its console fails the test."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def make(key: str | None = None, width: int = 1440, expected: str = "") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, locale="zh-CN", timezone_id="Asia/Shanghai", base_url=address
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        if key:
            context.add_cookies(
                [
                    {
                        "name": "hub_session",
                        "value": token(site, key),
                        "url": address,
                        "httpOnly": True,
                        "sameSite": "Lax",
                    }
                ]
            )
        page = context.new_page()

        def heard(kind: str, text: str) -> None:
            if kind in {"error", "warning", "page"} and not (expected and expected in text):
                troubles.append(f"{page.url}: {text}")

        page.on("console", lambda message: heard(message.type, message.text))
        page.on("pageerror", lambda error: heard("page", str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith((address, "data:")) or troubles.append(f"off the host: {request.url}")
            ),
        )
        return page

    yield make
    for context in contexts:
        context.close()
    assert troubles == []
