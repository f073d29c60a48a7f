"""Signing in through the site's identity provider (OpenID Connect, code flow with PKCE), and out, here and there.

Only accounts that name the provider's subject (`hub user add --oidc`) come in: the provider says who somebody is,
the hub what they may do. What the browser has to bring back is in a cookie signed with the portal's key.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from urllib.parse import urlencode

import httpx2
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from portal import accounts, audit, sessions
from portal.pages.front import enter, inside
from portal.roles import PUBLIC
from portal.site import Site
from portal.web import SIGN_IN, Refused, Visit, cookie, route

router = APIRouter()
_COOKIE, _SECONDS = "hub_oidc", 600
_ALGORITHMS = ["RS256", "ES256", "PS256"]
_PLACES = (
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
)  # what we need of what a provider says of itself


def _provider(site: Site) -> dict[str, Any]:
    """The provider's settings and where it says to go.

    Raises:
        Refused: there is none, it does not answer, or it answers as another provider.
    """
    if site.oidc is None:
        raise Refused(404, "没有配置统一身份认证", "请用账号和口令登录")
    try:
        told = (
            httpx2.get(f"{site.oidc['issuer']}/.well-known/openid-configuration", timeout=10, trust_env=False)
            .raise_for_status()
            .json()
        )
        places = {name: str(told[name]) for name in _PLACES}
    except (httpx2.HTTPError, ValueError, TypeError, KeyError) as error:
        raise Refused(502, "统一身份认证没有应答", "请稍后再试，或用账号和口令登录") from error
    if places["issuer"].rstrip("/") != site.oidc["issuer"]:
        raise Refused(
            502, "统一身份认证自报的地址和配置的不一样", "请系统管理员核对 HUB_OIDC_ISSUER，要和对方的 issuer 一致"
        )
    return site.oidc | places | {"end_session_endpoint": str(told.get("end_session_endpoint") or "")}


def _seal(site: Site, values: dict[str, Any]) -> str:
    body = urlsafe_b64encode(json.dumps(values).encode()).decode()
    return f"{body}.{site.derive('oidc', body)}"


def _open(site: Site, sealed: str) -> dict[str, Any]:
    body, _, mark = sealed.partition(".")
    if not mark or not hmac.compare_digest(mark, site.derive("oidc", body)):
        raise Refused(400, "登录没有走完", "请重新登录")
    values: dict[str, Any] = json.loads(urlsafe_b64decode(body))
    if values["until"] < time.time():
        raise Refused(400, "登录用时太长", "请重新登录")
    return values


def _back(visit: Visit) -> str:
    """Where the provider sends the browser: the portal's configured address, never what the request calls it."""
    return f"{visit.base}/login/oidc/back"


@route(router, "/login/oidc", PUBLIC)
def leave(visit: Visit) -> Response:
    """Send the browser to the provider."""
    provider = _provider(visit.site)
    kept = {
        "state": secrets.token_urlsafe(24),
        "nonce": secrets.token_urlsafe(24),
        "verifier": secrets.token_urlsafe(48),
        "until": time.time() + _SECONDS,
        "next": inside(visit.request.query_params.get("next", "")),
    }
    asked = {
        "response_type": "code", "client_id": provider["client_id"], "redirect_uri": _back(visit), "scope": "openid profile", "state": kept["state"],
        "nonce": kept["nonce"], "code_challenge": create_s256_code_challenge(kept["verifier"]), "code_challenge_method": "S256",
    }  # fmt: skip
    answer = RedirectResponse(f"{provider['authorization_endpoint']}?{urlencode(asked)}", 303)
    answer.set_cookie(
        _COOKIE,
        _seal(visit.site, kept),
        max_age=_SECONDS,
        httponly=True,
        secure=visit.site.secure,
        samesite="lax",
        path="/login/oidc",
    )
    return answer


@route(router, "/login/oidc/back", PUBLIC)
def back(visit: Visit, code: str = "", state: str = "") -> Response:
    """Take the provider's answer, check who it is about, and let the account in."""
    kept = _open(visit.site, visit.request.cookies.get(_COOKIE, ""))
    if not code or not hmac.compare_digest(state, kept["state"]):
        raise Refused(400, "登录没有走完", "请重新登录")
    try:
        id_token, claims = _claims(_provider(visit.site), code, kept, _back(visit))
    except Refused as error:
        _failed(visit, reason=error.what)
        raise
    with visit.site.database.owner() as connection:
        row = connection.execute(
            "SELECT account_id FROM hub.account WHERE oidc_subject = %s", [str(claims["sub"])]
        ).fetchone()
        account = accounts.by_id(connection, row["account_id"]) if row else None
    if account is None or not account.active:
        _failed(visit, subject=str(claims["sub"])[:200])
        raise Refused(403, "这个身份在门户没有账号，或账号不在用", "请找县系统管理员建账号，并登记你的统一身份标识")
    # The provider vouches for the password; an administrator's one-time code stays ours.
    stage = sessions.stage_of(account)
    answer = enter(visit, account, "full" if stage == "password" else stage, kept["next"], visit.site.seal(id_token))
    answer.delete_cookie(_COOKIE, path="/login/oidc")
    return answer


def _failed(visit: Visit, **why: str) -> None:
    with visit.site.database.owner() as connection:
        audit.write(connection, "?", "sign_in_failed", "oidc", address=visit.address, **why)


def _claims(provider: dict[str, Any], code: str, kept: dict[str, Any], back_to: str) -> tuple[str, dict[str, Any]]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back_to,
        "code_verifier": kept["verifier"],
    }
    try:
        with httpx2.Client(timeout=10, trust_env=False) as client:
            told = (
                client.post(
                    provider["token_endpoint"], data=form, auth=(provider["client_id"], provider["client_secret"])
                )
                .raise_for_status()
                .json()
            )
            keys = KeySet.import_key_set(client.get(provider["jwks_uri"]).raise_for_status().json())
        token = jwt.decode(told["id_token"], keys, algorithms=_ALGORITHMS)
        jwt.JWTClaimsRegistry(
            leeway=60, iss={"essential": True, "value": provider["issuer"]}, aud={"essential": True, "value": provider["client_id"]},
            exp={"essential": True}, sub={"essential": True}, nonce={"essential": True, "value": kept["nonce"]},
        ).validate(token.claims)  # fmt: skip
    except (httpx2.HTTPError, JoseError, ValueError, TypeError, KeyError) as error:
        raise Refused(403, "统一身份认证的答复核对不上", "请重新登录；仍不行请找系统管理员核对配置") from error
    return told["id_token"], dict(token.claims)


@route(router, "/logout", "home", methods=("POST",), stages=("full", "totp", "enrol", "password"))
def logout(visit: Visit) -> Response:
    """End the session, and the provider's of whoever it let in, when it offers that (RP-initiated logout)."""
    assert visit.session is not None
    with visit.site.database.owner() as connection:
        sessions.end(connection, visit.session)
        audit.write(connection, visit.user.name, "sign_out", address=visit.address)
    place, said = _out(visit, visit.session.id_token)
    visit.session = None
    # A form may not lead to another site, so the page goes on by itself.
    answer = visit.page("leaving.html", place=place) if place else visit.go(SIGN_IN, said, well=False)
    answer.delete_cookie(cookie(visit.site), path="/", secure=visit.site.secure, httponly=True, samesite="lax")
    return answer


def _out(visit: Visit, sealed: str | None) -> tuple[str, str]:
    """Where the provider ends its own session, and what to say instead; both empty for whom it did not let in."""
    id_token = visit.site.unseal(sealed)
    if not id_token or visit.site.oidc is None:
        return "", ""
    told = f"已退出门户；{visit.site.oidc['title']}那边可能还登录着，公用的电脑请关掉浏览器"
    try:
        provider = _provider(visit.site)
    except Refused:
        return "", told
    asked = {"id_token_hint": id_token, "client_id": provider["client_id"], "post_logout_redirect_uri": f"{visit.base}{SIGN_IN}"}  # fmt: skip
    end = provider["end_session_endpoint"]
    if not end.startswith(("https://", "http://")):
        return "", told
    return f"{end}{'&' if '?' in end else '?'}{urlencode(asked)}", ""
