"""Signing in: password, one-time code; health for machines. The identity provider's way, and out, is portal.pages.oidc."""

from __future__ import annotations

import time

import pyotp
import segno
from fastapi import APIRouter
from fastapi.responses import JSONResponse, RedirectResponse, Response
from markupsafe import Markup

from portal import accounts, audit, sessions
from portal.accounts import Account
from portal.menu import HOMES
from portal.roles import PUBLIC
from portal.web import Refused, Visit, cookie, route
from schemas.errors import WarehouseUnavailable

router = APIRouter()
_WRONG = "账号、口令不对，或账号暂时不能登录。连错五次会锁定一刻钟"


@route(router, "/", "home")
def home(visit: Visit) -> Response:
    """Each role's first page."""
    return RedirectResponse(HOMES[visit.user.role], 303)


@route(router, "/login", PUBLIC)
def login_page(visit: Visit) -> Response:
    """The sign-in form."""
    if visit.session is not None and visit.session.stage == "full":
        return RedirectResponse("/", 303)
    return visit.page("login.html", wrong="", name="", next=inside(visit.request.query_params.get("next", "")))


@route(router, "/login", PUBLIC, methods=("POST",))
def login(visit: Visit) -> Response:
    """Check name and password; the same words whatever is wrong."""
    name, password = visit.text("name").lower(), str(visit.form.get("password", ""))
    if not visit.request.app.state.limiter.allows(f"login {visit.address}", 20, 60):
        raise Refused(429, "登录太频繁", "请过一分钟再试")
    with visit.site.database.owner() as connection:
        account = accounts.check(connection, name, password[:200])
        if account is None:
            audit.write(connection, name[:31] or "?", "sign_in_failed", address=visit.address)
    if account is None:
        return visit.page("login.html", 401, wrong=_WRONG, name=name, next=inside(visit.text("next")))
    return enter(visit, account, sessions.stage_of(account), inside(visit.text("next")))


def enter(visit: Visit, account: Account, stage: str, after: str = "", id_token: str | None = None) -> Response:
    """Begin a session at this stage; a session the browser had ends. `id_token` is the identity provider's, sealed."""
    with visit.site.database.owner() as connection:
        if visit.session is not None:
            sessions.end(connection, visit.session)
            if visit.session.account.account_id == account.account_id:  # the next stage of the same sign-in
                id_token = id_token or visit.session.id_token
        token = sessions.start(visit.site.database, connection, account, stage, visit.address, id_token)
        if stage == "full":
            audit.write(connection, account.name, "sign_in", address=visit.address)
    place = {"totp": "/login/code", "enrol": "/login/enrol", "password": "/account/password"}.get(stage, after or "/")
    answer = RedirectResponse(place, 303)
    answer.set_cookie(cookie(visit.site), token, httponly=True, secure=visit.site.secure, samesite="lax", path="/")
    return answer


def inside(place: str) -> str:
    """A path of this portal, else nothing: no page sends a visitor to another site."""
    fits = place.startswith("/") and not place.startswith("//") and "\\" not in place and place.isprintable()
    return place if fits else ""


@route(router, "/login/code", "home", stages=("totp",))
def code_page(visit: Visit) -> Response:
    """Asks for the one-time code."""
    return visit.page("code.html", wrong="", enrol=None)


@route(router, "/login/code", "home", methods=("POST",), stages=("totp",))
def code(visit: Visit) -> Response:
    """Check the one-time code."""
    if not visit.request.app.state.limiter.allows(f"code {visit.user.name}", 6, 300):
        raise Refused(429, "试得太多", "请五分钟后再试")
    with visit.site.database.owner() as connection:
        right = accounts.check_code(
            connection, visit.user, visit.text("code"), visit.site.unseal(visit.user.totp_secret)
        )
        if not right:
            audit.write(connection, visit.user.name, "sign_in_failed", "totp", address=visit.address)
    if not right:
        return visit.page("code.html", 401, wrong="动态口令不对或已用过，请等下一个", enrol=None)
    return enter(visit, visit.user, sessions.stage_of(visit.user, "totp"))


def _secret(visit: Visit) -> str:
    """The secret offered for set-up: the same while the session lasts, so that a reload does not change it."""
    import base64

    assert visit.session is not None
    return base64.b32encode(bytes.fromhex(visit.site.derive("totp", visit.session.key.hex()))[:20]).decode()


def _offered(visit: Visit) -> dict[str, str]:
    """The secret in groups of four, and a picture of it for a phone's camera."""
    secret = _secret(visit)
    link = pyotp.TOTP(secret).provisioning_uri(name=visit.user.name, issuer_name=visit.site.name)
    picture = segno.make(link, error="m").svg_inline(
        scale=4, light="#fff", svgclass=None, lineclass=None, title="动态口令二维码"
    )
    return {"secret": " ".join(secret[i : i + 4] for i in range(0, len(secret), 4)), "picture": Markup(picture)}


@route(router, "/login/enrol", "home", stages=("enrol",))
def enrol_page(visit: Visit) -> Response:
    """Shows the secret to put into an authenticator."""
    return visit.page("code.html", wrong="", enrol=_offered(visit))


@route(router, "/login/enrol", "home", methods=("POST",), stages=("enrol",))
def enrol(visit: Visit) -> Response:
    """Take the secret over once a code made with it is right."""
    secret = _secret(visit)
    with visit.site.database.owner() as connection:
        right = accounts.check_code(connection, visit.user, visit.text("code"), secret)
        if right:
            accounts.enrol(connection, visit.user, visit.site.seal(secret))
            audit.write(connection, visit.user.name, "totp", address=visit.address)
    if not right:
        return visit.page("code.html", 401, wrong="动态口令不对，请核对手机时间后重填", enrol=_offered(visit))
    return enter(visit, visit.user, sessions.stage_of(visit.user, "totp"))


# ------------------------------------------------------------------------------------------------- machines
@route(router, "/healthz", PUBLIC)
def healthz(visit: Visit) -> Response:
    """The process lives."""
    return JSONResponse({"status": "ok"})


@route(router, "/readyz", PUBLIC)
def readyz(visit: Visit) -> Response:
    """The warehouse answers."""
    begun = time.perf_counter()
    try:
        with visit.site.database.owner() as connection:
            connection.execute("SELECT 1")
    except WarehouseUnavailable:
        return JSONResponse({"status": "warehouse unavailable"}, 503)
    return JSONResponse({"status": "ok", "warehouse_seconds": round(time.perf_counter() - begun, 4)})
