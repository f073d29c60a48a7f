"""The pages, one module a room of them."""

from portal.pages import account, admin, analyst, api, boards, briefings, clerk, dagster, front, oidc, ops, sources

ROUTERS = (
    front.router,
    account.router,
    boards.router,
    admin.router,
    dagster.router,
    clerk.router,
    sources.router,
    analyst.router,
    ops.router,
    briefings.router,
    api.router,
    oidc.router,
)
