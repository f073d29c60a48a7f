"""The front door: signing in, locks, codes, other sites' forms, every route against every wrong role, the audit."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pyotp
import pytest
import segno
from typer.testing import CliRunner

from hub.audit import app as cli
from portal import accounts, audit
from portal.app import create
from portal.render import ROOM
from portal.roles import ACTIONS, PUBLIC, can
from portal.site import Site
from tests.portal.conftest import PASSWORD, PEOPLE

Signed = Callable[[str], httpx2.Client]
_VALUES = {"name": "indicator_overview", "path": "x", "verb": "enable"}


def _routes(site: Site) -> list[tuple[str, str, Any]]:
    """(method, path with its parts filled in, endpoint) of everything the portal answers to."""
    found = []
    waiting = list(create(site).routes)
    while waiting:
        one = waiting.pop()
        nested = getattr(getattr(one, "original_router", None), "routes", None)
        if nested:
            waiting += nested
        elif getattr(one, "methods", None):
            path = re.sub(r"{(\w+)(?::\w+)?}", lambda m: _VALUES.get(m.group(1), "1"), one.path)
            found += [(method, path, one.endpoint) for method in one.methods if method != "HEAD"]
    return found


def test_every_route_declares_an_action_and_refuses_every_wrong_role(
    site: Site, signed_in: Signed, address: str
) -> None:
    routes = _routes(site)
    assert len(routes) > 20
    assert not [path for _, path, endpoint in routes if getattr(endpoint, "action", None) not in {PUBLIC, *ACTIONS}]
    closed = [(m, p, e.action) for m, p, e in routes if e.action != PUBLIC and "full" in e.stages]
    for role in ACTIONS["home"]:
        client = signed_in(role)
        for method, path, action in closed:
            if role not in ACTIONS[action]:
                answer = client.request(method, path, data={"_csrf": client.csrf} if method == "POST" else None)
                assert answer.status_code == 403, (role, method, path)
    with httpx2.Client(base_url=address, trust_env=False, timeout=120, headers={"Origin": address}) as nobody:
        for method, path, _ in closed:
            answer = nobody.request(method, path, data={"x": "1"} if method == "POST" else None)
            assert answer.status_code == 401 or answer.headers["location"].startswith("/login"), (method, path)


def test_department_bounds_what_a_role_may() -> None:
    from dataclasses import fields

    values = dict.fromkeys([f.name for f in fields(accounts.Account)])
    clerk = accounts.Account(**(values | {"role": "clerk", "department": "tax"}))  # type: ignore[arg-type]
    county = accounts.Account(**(values | {"role": "engineer"}))  # type: ignore[arg-type]
    assert can(clerk, "correction.fix", {"department": "tax"})
    assert not can(clerk, "correction.fix", {"department": "housing"})
    assert can(county, "correction.read", {"department": "housing"})
    assert not can(county, "correction.fix", {"department": "housing"})
    assert not can(None, "board.read")


def _post(address: str, path: str, data: dict[str, str], **kind: Any) -> httpx2.Response:
    with httpx2.Client(base_url=address, trust_env=False, timeout=120) as client:
        return client.post(path, data=data, **{"headers": {"Origin": address}} | kind)


def _fresh(site: Site, name: str, role: str = "analyst", department: str | None = None) -> str:
    with site.database.owner() as connection:
        return accounts.add(
            connection, name=name, person="新人", role=role, department=department, by="root@console", approved=True
        )


def test_first_sign_in_asks_for_a_new_password_and_opens_nothing_before(site: Site, address: str) -> None:
    word = _fresh(site, "xin_ren")
    with httpx2.Client(base_url=address, trust_env=False, timeout=120, headers={"Origin": address}) as client:
        answer = client.post("/login", data={"name": "xin_ren", "password": word})
        assert answer.headers["location"] == "/account/password"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        assert client.get("/boards/indicators").headers["location"] == "/account/password"
        form = re.search(r'name="_csrf" value="([^"]+)"', client.get("/account/password").text)
        assert form
        new = {"_csrf": form.group(1), "old": word, "new": PASSWORD, "again": PASSWORD}
        assert "太短" in client.post("/account/password", data=new | {"new": "abc", "again": "abc"}).text
        before = client.cookies["hub_session"]
        assert client.post("/account/password", data=new).status_code == 303
        assert client.cookies["hub_session"] != before  # each step makes a new token
        assert client.get("/boards/indicators").status_code == 200


def test_five_wrong_passwords_lock_and_say_nothing_more(site: Site, address: str) -> None:
    word = _fresh(site, "suo_ding")
    told = {
        _post(address, "/login", {"name": name, "password": "x"}).text.replace(name, "")
        for name in ("suo_ding", "mei_you")
    }
    assert len(told) == 1  # an unknown name and a wrong password look the same
    for _ in range(accounts.FAILURES - 1):
        assert _post(address, "/login", {"name": "suo_ding", "password": "x"}).status_code == 401
    assert _post(address, "/login", {"name": "suo_ding", "password": word}).status_code == 401
    with site.database.owner() as connection:
        accounts.enable(connection, "suo_ding")
    assert _post(address, "/login", {"name": "suo_ding", "password": word}).status_code == 303


def test_administrator_sets_up_codes_each_good_once(site: Site, address: str) -> None:
    _fresh(site, "dong_tai", "auditor")
    with site.database.owner() as connection:
        accounts.set_password(connection, "dong_tai", PASSWORD, own=True)
    with httpx2.Client(base_url=address, trust_env=False, timeout=120, headers={"Origin": address}) as client:
        assert (
            client.post("/login", data={"name": "dong_tai", "password": PASSWORD}).headers["location"] == "/login/enrol"
        )
        assert client.get("/admin/audit").headers["location"] == "/login/enrol"
        page = client.get("/login/enrol").text
        secret = re.search(r'id="secret">([A-Z2-7 ]+)<', page).group(1).replace(" ", "")  # type: ignore[union-attr]
        link = pyotp.TOTP(secret).provisioning_uri(name="dong_tai", issuer_name=site.name)
        drawn = segno.make(link, error="m").svg_inline(scale=4, svgclass=None, lineclass=None)
        assert re.search(r' d="[^"]+"', drawn).group() in page  # type: ignore[union-attr]
        form = re.search(r'name="_csrf" value="([^"]+)"', page).group(1)  # type: ignore[union-attr]
        assert client.post("/login/enrol", data={"_csrf": form, "code": "000000"}).status_code == 401
        code = pyotp.TOTP(secret).now()
        assert client.post("/login/enrol", data={"_csrf": form, "code": code}).headers["location"] == "/"
        assert client.get("/admin/audit").status_code == 200
    with site.database.owner() as connection:  # a copy of the database does not make codes
        kept = connection.execute("SELECT totp_secret FROM hub.account WHERE name = 'dong_tai'").fetchone()
    assert secret not in kept["totp_secret"]  # type: ignore[index]
    assert site.unseal(kept["totp_secret"]) == secret  # type: ignore[index]
    with httpx2.Client(base_url=address, trust_env=False, timeout=120, headers={"Origin": address}) as client:
        assert (
            client.post("/login", data={"name": "dong_tai", "password": PASSWORD}).headers["location"] == "/login/code"
        )
        form = re.search(r'name="_csrf" value="([^"]+)"', client.get("/login/code").text).group(1)  # type: ignore[union-attr]
        assert client.post("/login/code", data={"_csrf": form, "code": code}).status_code == 401


def test_forms_of_other_sites_and_without_token_are_refused(signed_in: Signed, address: str) -> None:
    client = signed_in("sysadmin")
    good = {"_csrf": client.csrf, "name": "bie_ren", "person": "别人", "role": "leader"}
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
    ):
        assert client.post("/admin/users", data=good, headers=headers).status_code == 403
    assert client.post("/admin/users", data=good | {"_csrf": "x"}).status_code == 403
    assert client.post("/admin/users", data=good).status_code == 200


def test_next_leads_nowhere_else(address: str, site: Site) -> None:
    for place in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = _post(address, "/login", {"name": PEOPLE["leader"][0], "password": PASSWORD, "next": place})
        assert answer.headers["location"] == "/", place


def test_every_answer_carries_the_policy(signed_in: Signed) -> None:
    client = signed_in("leader")
    for path in ("/boards/indicators", "/static/hub.css", "/nowhere", "/healthz"):
        policy = client.get(path).headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy


def test_new_account_waits_for_the_security_administrator(signed_in: Signed, site: Site, address: str) -> None:
    made = signed_in("sysadmin")
    page = made.post(
        "/admin/users", data={"_csrf": made.csrf, "name": "dai_pi", "person": "待批", "role": "leader"}
    ).text
    word = re.search(r"<code>([a-z0-9-]+)</code>", page).group(1)  # type: ignore[union-attr]
    assert _post(address, "/login", {"name": "dai_pi", "password": word}).status_code == 401
    assert made.post("/admin/users/dai_pi/approve", data={"_csrf": made.csrf}).status_code == 403
    second = signed_in("secadmin")
    assert second.post("/admin/users/dai_pi/approve", data={"_csrf": second.csrf}).status_code == 303
    assert _post(address, "/login", {"name": "dai_pi", "password": word}).status_code == 303


def test_audit_chain_shows_any_change(site: Site, tmp_path: Path) -> None:
    with site.database.owner() as connection:
        audit.write(connection, "shenji", "export", "一份", rows=3)
        entries = list(audit.stored(connection))
    count, _, broken = audit.verify(entries)
    assert (count, broken) == (len(entries), None)
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"), site.database.owner() as connection:
        connection.execute("DELETE FROM hub.audit")
    number, entry, told = entries[2]
    seals = tmp_path / "audit.seal"
    with site.database.owner() as connection:
        audit.seal(connection, seals)
        audit.seal(connection, seals)
    assert audit.sealed(seals) == [(count, entries[-1][2])]
    rewritten = _chained(
        entries[:1], [entry for _, entry, _ in entries[1:-1]] + [entries[-1][1].replace("一份", "两份")]
    )
    for forged, where in (
        ([*entries[:2], (number, entry.replace('"actor"', '"Actor"'), told), *entries[3:]], 3),
        ([*entries[:2], *entries[3:]], 3),
        ([*entries[:1], entries[2], entries[1], *entries[3:]], 2),
        (entries[:-1], count),  # cut off: the chain itself holds
        (rewritten, count),  # hashed anew from some entry on
    ):
        found = audit.verify(forged, audit.sealed(seals))[2]
        assert found is not None
        assert found.number == where


def test_newest_entry_is_sealed_as_soon_as_it_is_written(site: Site) -> None:
    seals = site.home.path / audit.SEALS
    with site.database.owner() as connection:
        audit.write(connection, "shenji", "export", "一份", rows=3)
    with site.database.owner() as connection:
        entries = list(audit.stored(connection))
    assert entries[-1][0::2] in audit.sealed(seals)
    cut = audit.verify(entries[:-1], audit.sealed(seals))[2]
    assert cut is not None
    assert cut.number == len(entries)
    with site.database.control() as connection:
        audit.write(connection, "shenji", "export", "没有办成")
    assert max(n for n, _ in audit.sealed(seals)) == len(entries)  # what was taken back is not sealed
    with site.database.control() as connection:  # one that commits for itself
        audit.write(connection, "shenji", "export", "另一份")
        connection.commit()
    with site.database.owner() as connection:
        assert max(audit.sealed(seals))[0] == len(list(audit.stored(connection)))


def _chained(kept: list[tuple[int, str, bytes]], texts: list[str]) -> list[tuple[int, str, bytes]]:
    found = list(kept)
    for text in texts:
        found.append((len(found) + 1, text, audit.link(found[-1][2], text)))
    return found


def test_audit_is_verified_from_a_file_alone(site: Site, tmp_path: Path) -> None:
    with site.database.owner() as connection:
        audit.write(connection, "shenji", "export", "一份", rows=3)
        entries = list(audit.stored(connection))
    file = tmp_path / "审计.txt"
    file.write_text("".join(audit.lines(entries)), encoding="utf-8")
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)

    def verify(kept: list[str], *options: str) -> int:
        file.write_text("".join(kept), encoding="utf-8")
        return CliRunner().invoke(cli, ["verify", str(file), *options]).exit_code

    number, told = entries[-1][0], entries[-1][2].hex()
    assert verify(lines) == 0
    assert verify(lines, "--known", f"{number}:{told}") == 0
    assert verify(lines, "--known", f"{number}:{'0' * 64}") == 1
    assert verify(lines[:-2] + lines[-1:]) == 1  # the newest entry taken out
    assert verify(lines[:-1]) != 0  # the end taken off
    shorter = [*lines[:-2], f"end {number - 1} {entries[-2][2].hex()}\n"]
    assert verify(shorter) == 0  # a forged end: only what somebody has written down tells
    assert verify(shorter, "--known", f"{number}:{told}") == 1


@pytest.mark.parametrize(
    "vendor", [ROOM / "static" / "vendor", Path(__file__).parent / "vendor"], ids=["served", "tests"]
)
def test_what_others_wrote_is_what_the_manifest_names(vendor: Path) -> None:
    import hashlib
    import json

    manifest = json.loads((vendor / "manifest.json").read_text(encoding="utf-8"))
    assert {f.name for f in vendor.iterdir()} == {*manifest, "manifest.json"}
    for name, told in manifest.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == told["sha256"], name
        assert all({"name", "version", "licence"} <= each.keys() for each in told["packages"])
