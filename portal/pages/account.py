"""One's own account: password, sessions."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter
from fastapi.responses import Response

from portal import accounts, audit
from portal.pages.front import enter
from portal.web import Visit, route

router = APIRouter()


@route(router, "/account/password", "account.self", stages=("full", "password"))
def password_page(visit: Visit) -> Response:
    """The form for a new password."""
    return visit.page("password.html", wrong="", forced=visit.user.must_change)


@route(router, "/account/password", "account.self", methods=("POST",), stages=("full", "password"))
def password(visit: Visit) -> Response:
    """Change it; every other session of the account ends."""
    old, new, again = (str(visit.form.get(name, "")) for name in ("old", "new", "again"))
    wrong = ""
    with visit.site.database.owner() as connection:
        if accounts.check(connection, visit.user.name, old) is None:
            wrong = "现在的口令不对"
        elif new != again:
            wrong = "两次填的新口令不一样"
        elif new == old:
            wrong = "新口令与现在的一样"
        else:
            wrong = accounts.weak(new, visit.user.name)
        if not wrong:
            accounts.set_password(connection, visit.user.name, new, own=True)
            audit.write(connection, visit.user.name, "password", address=visit.address)
    if wrong:
        return visit.page("password.html", 422, wrong=wrong, forced=visit.user.must_change)
    user, visit.session = visit.user, None  # all sessions have ended with the old password
    return enter(visit, replace(user, must_change=False), "full")
