"""The pages, one module a room of them."""

from portal.pages import account, admin, boards, clerk, dagster, front, sources

ROUTERS = (front.router, account.router, boards.router, admin.router, dagster.router, clerk.router, sources.router)
