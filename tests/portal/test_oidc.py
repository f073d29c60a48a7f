"""Signing in through an identity provider: a real one on loopback, the whole code flow."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from oidc_provider_mock import run_server_in_thread
from playwright.sync_api import Browser

from portal import accounts
from portal.site import Site
from tests.portal.conftest import csrf

# The mock provider itself uses what its library has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def provider(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with run_server_in_thread() as server:
        address = f"http://localhost:{server.server_port}"
        monkeypatch.setenv("HUB_OIDC_ISSUER", address)
        monkeypatch.setenv("HUB_SECRET_OIDC", "secret")
        with site.database.owner() as connection:
            if accounts.find(connection, "tong_yi") is None:
                accounts.add(
                    connection,
                    name="tong_yi",
                    person="统一",
                    role="leader",
                    department=None,
                    by="root@console",
                    subject="county-42",
                    approved=True,
                )
        yield address


def _through(address: str, subject: str, after: str = "") -> tuple[httpx2.Client, httpx2.Response]:
    """Walk the flow as a browser would; the provider's form takes any subject."""
    client = httpx2.Client(base_url=address, trust_env=False, follow_redirects=False)
    away = client.get("/login/oidc", params={"next": after} if after else {})
    place = away.headers["location"]
    given = httpx2.post(place, data={"sub": subject, "action": "accept"}, trust_env=False, follow_redirects=False)
    back = given.headers["location"]
    assert back.startswith(f"{address}/login/oidc/back")
    return client, client.get(back.removeprefix(address))


def test_known_subject_comes_in_without_a_password(provider: str, address: str) -> None:
    page = httpx2.get(f"{address}/login", trust_env=False).text
    assert "/login/oidc" in page
    client, answer = _through(address, "county-42")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert client.get("/boards/indicators").status_code == 200
    client.close()


@pytest.mark.parametrize(("asked", "led"), [("/boards/hotline", "/boards/hotline"), ("//evil.example", "/")])
def test_the_page_asked_for_comes_after_signing_in(provider: str, address: str, asked: str, led: str) -> None:
    page = httpx2.get(f"{address}/login", params={"next": asked}, trust_env=False).text
    assert (f"/login/oidc?next={asked}" in page) == (asked == led)
    client, answer = _through(address, "county-42", asked)
    assert answer.headers["location"] == led
    client.close()


def test_provider_sends_back_to_the_portals_own_address(
    provider: str, address: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sent_back_to() -> str:
        away = httpx2.get(f"{address}/login/oidc", headers={"Host": "evil.example"}, trust_env=False)
        return parse_qs(urlsplit(away.headers["location"]).query)["redirect_uri"][0]

    assert sent_back_to() == f"{address}/login/oidc/back"
    monkeypatch.setattr(site, "address", "https://hub.county.example")
    assert sent_back_to() == "https://hub.county.example/login/oidc/back"


def test_unknown_subject_and_a_forged_return_stay_out(provider: str, address: str) -> None:
    client, answer = _through(address, "somebody-else")
    assert answer.status_code == 403
    client.close()
    with httpx2.Client(base_url=address, trust_env=False) as plain:
        assert plain.get("/login/oidc/back?code=x&state=y").status_code == 400
        plain.get("/login/oidc")
        assert plain.get("/login/oidc/back?code=x&state=forged").status_code == 400
        sealed = plain.cookies["hub_oidc"]
        plain.cookies.set(
            "hub_oidc", sealed[:-1] + ("0" if sealed[-1] != "0" else "1"), domain="127.0.0.1", path="/login/oidc"
        )
        assert plain.get("/login/oidc/back?code=x&state=y").status_code == 400


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A provider that answers each path with what stands here; its own address is under "issuer"."""
    told: dict[str, Any] = {}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(told.get(self.path.rpartition("/")[2])).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}"
        places = {"issuer": here, "authorization_endpoint": f"{here}/auth", "token_endpoint": f"{here}/token", "jwks_uri": f"{here}/jwks"}  # fmt: skip
        told |= {"openid-configuration": places, "jwks": {"keys": []}}
        monkeypatch.setenv("HUB_OIDC_ISSUER", here)
        yield told
        server.shutdown()


@pytest.mark.parametrize("told", [[1], {}, "x", None, {"issuer": "http://other.example"}])
def test_provider_that_is_none_or_another_is_told(says: dict[str, Any], address: str, told: Any) -> None:
    known = says["openid-configuration"]
    says["openid-configuration"] = known | told if isinstance(told, dict) and told else told
    answer = httpx2.get(f"{address}/login/oidc", trust_env=False)
    assert answer.status_code == 502
    assert "HUB_OIDC_ISSUER" in answer.text if isinstance(told, dict) and told else "没有应答" in answer.text


@pytest.mark.parametrize("told", [[], "x", {}, {"id_token": 5}, {"id_token": "a.b.c"}])
def test_answer_that_cannot_be_verified_lets_nobody_in_and_is_noted(says: dict[str, Any], address: str, site: Site, told: Any) -> None:  # fmt: skip
    says["token"] = told
    with httpx2.Client(base_url=address, trust_env=False) as client:
        away = client.get("/login/oidc")
        state = parse_qs(urlsplit(away.headers["location"]).query)["state"][0]
        answer = client.get("/login/oidc/back", params={"code": "x", "state": state})
    assert (answer.status_code, "核对不上" in answer.text) == (403, True)
    with site.database.owner() as connection:
        last = connection.execute("SELECT entry FROM hub.audit ORDER BY audit_id DESC LIMIT 1").fetchone()
    assert last is not None
    entry = json.loads(last["entry"])
    assert (entry["action"], entry["detail"]) == ("sign_in_failed", {"reason": "统一身份认证的答复核对不上"})


def test_without_a_provider_there_is_no_such_way(address: str) -> None:
    assert httpx2.get(f"{address}/login/oidc", trust_env=False).status_code == 404
    assert "/login/oidc" not in httpx2.get(f"{address}/login", trust_env=False).text


def test_signing_out_ends_the_providers_session_too(
    provider: str, address: str, site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a real browser, whose policy lets no form lead to another site; an account with its own password just signs out."""
    client, _ = _through(address, "county-42")
    with site.database.owner() as connection:
        kept = connection.execute("SELECT id_token FROM hub.session WHERE id_token IS NOT NULL").fetchall()
    assert all(row["id_token"].startswith("sealed:") for row in kept)
    context = browser.new_context(base_url=address, locale="zh-CN")
    context.add_cookies([{"name": "hub_session", "value": client.cookies["hub_session"], "url": address}])
    page = context.new_page()
    gone: list[str] = []
    page.on("request", lambda request: gone.append(request.url) if "end_session" in request.url else None)
    page.goto("/boards/indicators")
    page.get_by_role("button", name="退出").click()
    page.wait_for_url(re.compile(f"^{provider}|{address}/login"))
    asked = parse_qs(urlsplit(gone[0]).query)
    assert gone[0].startswith(f"{provider}/oauth2/end_session?")
    assert asked["post_logout_redirect_uri"] == [f"{address}/login"]
    assert asked["id_token_hint"][0].count(".") == 2
    assert client.get("/boards/indicators").status_code == 303  # here it has ended
    context.close()
    client.close()

    client, _ = _through(address, "county-42")
    form = {"_csrf": csrf(site, client.cookies["hub_session"])}
    monkeypatch.setenv("HUB_OIDC_ISSUER", "http://127.0.0.1:9")  # down
    answer = client.post("/logout", data=form, headers={"Origin": address})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "请关掉浏览器" in client.get("/login").text
    client.close()


def test_an_account_of_our_own_signs_out_without_the_provider(
    provider: str, address: str, site: Site, signed_in: Callable[[str], httpx2.Client]
) -> None:
    leader = signed_in("leader")
    answer = leader.post("/logout", data={"_csrf": leader.csrf})  # type: ignore[attr-defined]
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "统一身份认证那边" not in leader.get("/login").text
