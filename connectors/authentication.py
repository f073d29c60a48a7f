r"""How a request proves who asks: token, user and password, OAuth 2 client credentials, or a signature.

Gateways sign in their own ways, so the signed text and where the signature goes are templates in the connector:

    auth: signature
    sign_text: "{method}\n{path}\n{sorted_query}\n{timestamp}\n{nonce}\n{body_sha256}"
    sign_headers: {x-app-id: "{key}", x-time: "{timestamp}", x-nonce: "{nonce}", x-signature: "{signature}"}

Source: RFC 7617 (Basic), RFC 6749 section 4.4 (client credentials), RFC 2104 (HMAC), GB/T 32905 (SM3).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote
from zoneinfo import ZoneInfo

import httpx

from connectors.answers import ABSENT, at
from schemas.errors import ConfigError, HubError, SourceUnavailable

if TYPE_CHECKING:
    from connectors.drivers.http import HTTP

WAYS = ("none", "token", "basic", "oauth2", "signature")
DIGESTS = ("hmac-sha256", "hmac-sha1", "hmac-md5", "hmac-sm3", "sha256", "sha1", "md5", "sm3")
ENCODINGS = ("hex", "HEX", "base64")
TIMES = ("seconds", "milliseconds", "iso", "compact", "http")
PLACES = frozenset(
    {"key", "secret", "timestamp", "nonce", "method", "path", "query", "sorted_query", "body", "body_sha256", "body_md5", "signature"}
)  # fmt: skip
NEEDED = {
    "token": ("token",),
    "basic": ("user", "password"),
    "oauth2": ("token_url", "client_id", "client_secret"),
    "signature": ("sign_secret", "sign_text"),
}
_PLACE = re.compile(r"\{(\w+)\}")
_EARLY = 60.0  # seconds before its end that a token is renewed


class Authenticator:
    """Adds the proof to each request of one connector."""

    def __init__(self, driver: HTTP) -> None:
        self._driver, self._option = driver, driver.option
        self.way = str(self._option("auth") or ("token" if self._option("token") else "none"))
        self._token, self._until = "", 0.0
        for name in ("token", "password", "client_secret", "sign_secret"):
            if value := self._option(name):
                driver.secrets.add(str(value))

    def add(self, request: httpx.Request, ask: Callable[[httpx.Request], httpx.Response]) -> None:
        """Put the proof on a request; `ask` sends one to the token's address when a token is needed.

        Raises:
            ConfigError: client id, secret or a template is wrong.
            SourceUnavailable: the token's address does not answer.
        """
        match self.way:
            case "token":
                self._put_token(request, str(self._option("token")))
            case "basic":
                request.headers["Authorization"] = self._basic(self._option("user"), self._option("password"))
            case "oauth2":
                self._put_token(request, self._fetched(ask))
            case "signature":
                self._sign(request)

    def refused(self) -> bool:
        """Forget a fetched token that was refused; true when a new one may be tried."""
        had, self._token = bool(self._token), ""
        return had

    def _put_token(self, request: httpx.Request, token: str) -> None:
        if name := self._option("token_param"):
            request.url = request.url.copy_merge_params({str(name): token})
            return
        prefix = str(self._option("token_prefix") or "")
        request.headers[str(self._option("token_header"))] = f"{prefix} {token}".strip()

    def _basic(self, user: Any, password: Any) -> str:
        proof = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._driver.secrets.add(proof)
        return f"Basic {proof}"

    def _fetched(self, ask: Callable[[httpx.Request], httpx.Response]) -> str:
        if self._token and time.monotonic() < self._until:
            return self._token
        where = f"{self._driver.where}：source.token_url"
        form = {"grant_type": "client_credentials"}
        if self._option("scope"):
            form["scope"] = str(self._option("scope"))
        form |= {str(k): str(v) for k, v in (self._option("token_params") or {}).items()}
        user, password = str(self._option("client_id")), str(self._option("client_secret"))
        headers = {"Accept": "application/json"}
        if self._option("client_auth") == "basic":
            # RFC 6749 2.3.1: both halves are form-encoded before they are joined.
            headers["Authorization"] = self._basic(quote(user, safe=""), quote(password, safe=""))
        else:
            form |= {"client_id": user, "client_secret": password}
        response = ask(httpx.Request("POST", str(self._option("token_url")), data=form, headers=headers))
        self._token, lifetime = self._read(response, where)
        self._until = time.monotonic() + max(lifetime - _EARLY, lifetime / 2)
        self._driver.secrets.add(self._token)
        return self._token

    def _read(self, response: httpx.Response, where: str) -> tuple[str, float]:
        code = response.status_code
        if code >= 500 or code in (408, 429):
            raise SourceUnavailable(where, f"发令牌的地址出错（HTTP {code}）", "稍后会自动重试")
        try:
            body = response.json()
        except ValueError:
            body = {}
        if code >= 400:
            told = body.get("error_description") or body.get("error") if isinstance(body, dict) else None
            what = f"领不到令牌（HTTP {code}{f'：{str(told)[:100]}' if told else ''}）"
            raise ConfigError(where, self._driver.secrets.hide(what), "请核对 client_id、client_secret 和 scope")
        token = at(body, str(self._option("token_place")))
        if token is ABSENT or not isinstance(token, str) or not token:
            raise _no_token(where, body)
        lifetime = at(body, "expires_in")
        return token, float(lifetime) if isinstance(lifetime, (int, float)) and lifetime > 0 else 300.0

    def _sign(self, request: httpx.Request) -> None:
        body = request.content
        query = request.url.query.decode()
        pairs = sorted(parse_qsl(query, keep_blank_values=True))
        facts = {
            "key": str(self._option("sign_key") or ""),
            "secret": str(self._option("sign_secret")),
            "timestamp": self._time(),
            "nonce": secrets.token_hex(16),
            "method": request.method,
            "path": request.url.raw_path.decode().partition("?")[0],
            "query": query,
            "sorted_query": "&".join(f"{name}={value}" for name, value in pairs),
            "body": body.decode("utf-8", errors="replace"),
            "body_sha256": hashlib.sha256(body).hexdigest(),
            "body_md5": hashlib.md5(body).hexdigest(),
        }
        facts["signature"] = self._signature(_filled(str(self._option("sign_text")), facts), facts["secret"])
        for name, template in (self._option("sign_headers") or {}).items():
            request.headers[str(name)] = _filled(str(template), facts)
        extra = {str(name): _filled(str(t), facts) for name, t in (self._option("sign_params") or {}).items()}
        if extra:
            request.url = request.url.copy_merge_params(extra)

    def _signature(self, text: str, secret: str) -> str:
        way = str(self._option("sign_method"))
        name = way.removeprefix("hmac-")
        made = hmac.new(secret.encode(), text.encode(), name) if way != name else hashlib.new(name, text.encode())
        match self._option("sign_encoding"):
            case "base64":
                return base64.b64encode(made.digest()).decode()
            case "HEX":
                return made.hexdigest().upper()
        return made.hexdigest()

    def _time(self) -> str:
        match self._option("sign_time"):
            case "milliseconds":
                return str(time.time_ns() // 1_000_000)
            case "iso":
                return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            case "compact":
                return datetime.now(ZoneInfo(self._driver.connector.timezone)).strftime("%Y%m%d%H%M%S")
            case "http":
                return format_datetime(datetime.now(UTC), usegmt=True)
        return str(int(time.time()))


def problem(source: dict[str, Any]) -> str | None:
    """What is wrong with the way a connector authenticates, None when it fits."""
    way = str(source.get("auth") or ("token" if source.get("token") else "none"))
    missing = [name for name in NEEDED.get(way, ()) if source.get(name) in (None, "")]
    if missing:
        return f"auth: {way} 还须写 {'、'.join(missing)}"
    templates = {"sign_text": source.get("sign_text")}
    for option in ("sign_headers", "sign_params"):
        given = source.get(option)
        templates |= {f"{option}.{k}": v for k, v in given.items()} if isinstance(given, dict) else {}
    for name, template in templates.items():
        known = PLACES - {"signature"} if name == "sign_text" else PLACES
        strange = sorted(set(_PLACE.findall(re.sub(r"\$\{[^}]*\}", "", str(template or "")))) - known)
        if strange:
            return f"{name} 里没有 {{{strange[0]}}} 这个代入项，可用的有 {'、'.join(sorted(known))}"
    if way == "signature" and "{signature}" not in str(templates):
        return "auth: signature 须在 sign_headers 或 sign_params 里写明 {signature} 放在哪里"
    return None


def _filled(template: str, facts: dict[str, str]) -> str:
    return _PLACE.sub(lambda match: facts.get(match.group(1), match.group(0)), template.replace("\\n", "\n"))


def _no_token(where: str, body: Any) -> HubError:
    keys = "、".join(list(body)[:12]) if isinstance(body, dict) else "别的内容"
    return ConfigError(where, "返回里找不到令牌", f"返回的内容有：{keys}。请在 source.token_place 写明令牌的位置")
