"""Signing in through an identity provider: a real one on loopback, the whole code flow."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from oidc_provider_mock import run_server_in_thread

from portal import accounts
from portal.site import Site

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


def _through(address: str, subject: str) -> tuple[httpx2.Client, httpx2.Response]:
    """Walk the flow as a browser would; the provider's form takes any subject."""
    client = httpx2.Client(base_url=address, trust_env=False, follow_redirects=False)
    away = client.get("/login/oidc")
    place = away.headers["location"]
    given = httpx2.post(place, data={"sub": subject, "action": "accept"}, trust_env=False, follow_redirects=False)
    back = given.headers["location"]
    assert back.startswith(f"{address}/login/oidc/back")
    return client, client.get(back.removeprefix(address))


def test_known_subject_comes_in_without_a_password(provider: str, address: str) -> None:
    page = httpx2.get(f"{address}/login", trust_env=False).text
    assert "/login/oidc" in page
    client, answer = _through(address, "county-42")
    assert answer.status_code == 303
    assert client.get("/boards/indicators").status_code == 200
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


def test_without_a_provider_there_is_no_such_way(address: str) -> None:
    assert httpx2.get(f"{address}/login/oidc", trust_env=False).status_code == 404
    assert "/login/oidc" not in httpx2.get(f"{address}/login", trust_env=False).text
