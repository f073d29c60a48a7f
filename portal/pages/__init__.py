"""The pages, one module a room of them."""

from portal.pages import (
    account,
    admin,
    analyst,
    api,
    boards,
    briefings,
    clerk,
    dagster,
    datasets,
    front,
    grants,
    leaders,
    notices,
    oidc,
    ops,
    queries,
    sources,
    system,
)

ROUTERS = (
    front.router,
    account.router,
    leaders.router,  # before boards: /boards/rectification/units/… is no problem number
    boards.router,
    admin.router,
    dagster.router,
    clerk.router,
    sources.router,
    analyst.router,
    queries.router,
    datasets.router,
    ops.router,
    briefings.router,
    api.router,
    oidc.router,
    notices.router,
    grants.router,
    system.router,
)
