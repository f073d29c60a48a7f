"""The pages, one module a room of them."""

from portal.pages import account, admin, boards, dagster, front

ROUTERS = (front.router, account.router, boards.router, admin.router, dagster.router)
