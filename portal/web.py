"""The front door every page goes through: who asks, may they, is the request their own, how fast do they come.

A page is a function with `@route(router, "/path", "action")`. It gets a `Visit` and gives back a Response. Nothing
is reachable that does not declare its action.
"""

from __future__ import annotations

import functools
import inspect
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from portal import audit, sessions
from portal.accounts import Account
from portal.limits import Limiter
from portal.roles import PUBLIC, can
from portal.sessions import Session
from portal.site import Site

SAFE = frozenset({"GET", "HEAD"})
SIGN_IN = "/login"
_STAGES = {"totp": "/login/code", "enrol": "/login/enrol", "password": "/account/password"}
_PER_MINUTE = 1200
_MOST_FIELDS, _MOST_UPLOAD = 2000, 50 * 1024 * 1024


class Refused(Exception):
    """The request ends here with a page that says why: what happened, what to do."""

    def __init__(self, status: int, what: str, cure: str = "") -> None:
        self.status, self.what, self.cure = status, what, cure
        super().__init__(what)


class Missing(Refused):
    """What was asked for is not there, or not the asker's; which of the two is not told. `place` is where to look for it."""

    def __init__(self, what: str, place: str) -> None:
        super().__init__(404, f"没有{what}，或不归你看", f"请从{place}进入")


T = TypeVar("T")


def there(thing: T | None, what: str, place: str) -> T:
    """The thing.

    Raises:
        Missing: it is None.
    """
    if thing is None:
        raise Missing(what, place)
    return thing


class Elsewhere(Exception):
    """The visitor belongs on another page first."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(place)


@dataclass
class Visit:
    """One request: the site, the session if there is one, the form if one was sent."""

    site: Site
    request: Request
    session: Session | None
    form: FormData
    nonce: str
    action: str
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def user(self) -> Account:
        """Who asks; only on pages behind the door."""
        if self.session is None:
            raise Elsewhere(SIGN_IN)
        return self.session.account

    @property
    def address(self) -> str:
        """Where the request comes from."""
        return self.request.client.host if self.request.client else ""

    @property
    def base(self) -> str:
        """The portal's address as pages print it: the site's, else where this server listens; never what the request claims."""
        host, port = self.request.scope["server"]
        return self.site.address or f"{self.request.url.scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def text(self, name: str, default: str = "") -> str:
        """A field of the form, without blanks around it."""
        value = self.form.get(name, default)
        return value.strip() if isinstance(value, str) else default

    def require(self, action: str, thing: Any) -> None:
        """Stop unless the user may do this to this thing.

        Raises:
            Refused: 404, as for a thing that is not there: whose it is, is not told.
        """
        if thing is None or not can(self.user, action, thing):
            raise Refused(404, "没有这一项，或不属于你的部门", "请从列表进入；需要别的部门的数据，可以提交共享申请")

    def note(self, action: str, thing: str = "", **detail: Any) -> None:
        """Write an audit entry of its own."""
        with self.site.database.owner() as connection:
            audit.write(connection, self.user.name, action, thing, address=self.address, **detail)

    def page(self, template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
        """A page of the portal."""
        from portal.render import render

        return HTMLResponse(render(self, template, values), status)

    def go(self, place: str, said: str = "", *, well: bool = True) -> RedirectResponse:
        """Go on to another page of the portal, which shows `said` once; `well` tells whether what was asked for is done."""
        answer = RedirectResponse(place, 303)
        if said:
            answer.set_cookie(
                "hub_said",
                f"{'good' if well else 'bad'}.{said.encode().hex()}",
                max_age=60,
                httponly=True,
                samesite="lax",
                secure=self.site.secure,
                path="/",
            )
        return answer


Handler = Callable[..., Any]


def cookie(site: Site) -> str:
    """The session cookie's name; the __Host- prefix only where there is TLS."""
    return "__Host-hub" if site.secure else "hub_session"


def route(router: APIRouter, path: str, action: str, *, methods: Sequence[str] = ("GET",), stages: Sequence[str] = ("full",), api: bool = False) -> Callable[[Handler], Handler]:  # fmt: skip
    """Register a page under the action it stands for; the handler's first argument is the Visit."""

    def register(handler: Handler) -> Handler:
        async def enter(request: Request) -> AsyncIterator[Visit]:
            visit = await door(request, action, stages, api)
            try:
                if request.method not in SAFE and not api:
                    visit.form = await _form(request)
                    _own_form(visit)
                yield visit
            finally:
                await visit.form.close()

        signature = inspect.signature(handler, eval_str=True)
        parameters = list(signature.parameters.values())
        parameters[0] = parameters[0].replace(
            default=Depends(enter), annotation=Visit, kind=inspect.Parameter.KEYWORD_ONLY
        )
        rest = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters[1:]]
        first = parameters[0].name

        if inspect.iscoroutinefunction(handler):

            async def waiting(**given: Any) -> Any:
                return await handler(given.pop(first), **given)

            endpoint: Handler = waiting
        else:

            def plain(**given: Any) -> Any:
                return handler(given.pop(first), **given)

            endpoint = plain
        functools.update_wrapper(endpoint, handler)
        endpoint.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[parameters[0], *rest], return_annotation=inspect.Signature.empty
        )
        endpoint.__annotations__ = {}
        endpoint.action, endpoint.stages = action, tuple(stages)  # type: ignore[attr-defined]
        router.add_api_route(
            path, endpoint, methods=list(methods), include_in_schema=api, response_model=None, name=handler.__name__,
            description=handler.__doc__,
        )  # fmt: skip
        return handler

    return register


def _own_form(visit: Visit) -> None:
    session = visit.session
    if session is not None and not secrets.compare_digest(str(visit.form.get("_csrf", "")), session.csrf):
        raise Refused(403, "这张表单已经过期", "请返回上一页，刷新后重新提交")


async def door(request: Request, action: str, stages: Sequence[str] = ("full",), api: bool = False) -> Visit:
    """Who asks and whether they may, without reading a form.

    Raises:
        Elsewhere: sign in first, or finish signing in.
        Refused: not for this role, from another site's page, or too fast.
    """
    from starlette.concurrency import run_in_threadpool

    site: Site = request.app.state.site
    limiter: Limiter = request.app.state.limiter
    client = request.client.host if request.client else ""
    if request.method not in SAFE and "authorization" not in request.headers:
        _same_site(request)
    session = await run_in_threadpool(_session, site, request, api)
    # Whoever is known is counted by name: a whole office may come from one address.
    who = f"user {session.account.name}" if session else f"from {client}"
    if not limiter.allows(who, _PER_MINUTE, 60):
        raise Refused(429, "请求太频繁", "请稍等一分钟再试")
    request.state.user = session.account.name if session else None
    visit = Visit(site, request, session, FormData(), request.state.nonce, action)
    if action != PUBLIC:
        _door(visit, stages, api)
        if not can(visit.user, action):
            await run_in_threadpool(visit.note, "refused", request.url.path, wanted=action)
            raise Refused(403, "你的角色不能打开这一页", "需要的话请找安全管理员调整角色或授权")
    return visit


def _door(visit: Visit, stages: Sequence[str], api: bool) -> None:
    session, request = visit.session, visit.request
    if session is None:
        if api:
            raise Refused(401, "没有登录，或令牌无效、已过期", "请在 /connect 页新建个人令牌")
        after = request.url.path if request.method == "GET" and request.url.path != "/" else ""
        raise Elsewhere(f"{SIGN_IN}?next={after}" if after else SIGN_IN)
    if session.stage not in stages:
        if session.stage in _STAGES:
            raise Elsewhere(_STAGES[session.stage])
        raise Elsewhere("/")


def _session(site: Site, request: Request, api: bool) -> Session | None:
    """Who asks, by the token or the cookie that came along; whoever brings neither is not looked for."""
    token = request.cookies.get(cookie(site))
    bearer = request.headers.get("authorization", "") if api else ""
    if bearer.lower().startswith("bearer "):
        from portal import tokens

        with site.database.owner() as connection:
            account = tokens.find(connection, bearer[7:].strip())
        return Session(account, "", "full", b"") if account else None
    if not token:
        return None
    with site.database.owner() as connection:
        return sessions.find(connection, token)


def _same_site(request: Request) -> None:
    """Refuse what another site's page has sent. Browsers without Sec-Fetch-Site send Origin with every form."""
    told = request.headers.get("sec-fetch-site")
    if told is not None:
        if told not in {"same-origin", "none"}:
            raise Refused(403, "请求不是从本站页面发出的", "请从本站页面重新操作")
        return
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refused(403, "请求不是从本站页面发出的", "请从本站页面重新操作")


async def _form(request: Request) -> FormData:
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > _MOST_UPLOAD:
        raise Refused(413, "文件太大，一次最多 50 MB", "请拆成几份再送")
    try:
        return await request.form(max_files=5, max_fields=_MOST_FIELDS, max_part_size=4 * 1024 * 1024)
    except Exception as error:
        raise Refused(400, "表单没有收全", "请返回重新提交") from error
