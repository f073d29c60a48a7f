"""The client itself: one HTTP connection, answers as Arrow underneath."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

import httpx2

from hub_client.errors import HubClientError, NotAllowed, NotFound, SqlError, Truncated, Unavailable

if TYPE_CHECKING:
    import pyarrow as pa

_ARROW = "application/vnd.apache.arrow.stream"
_ERRORS = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    422: SqlError,
    429: Unavailable,
    502: Unavailable,
    503: Unavailable,
}
Kind = Literal["pandas", "arrow", "polars"]


class Hub:
    """One hub and one token; use it in a with-statement or keep it."""

    def __init__(self, url: str | None = None, *, token: str | None = None, timeout: float = 90) -> None:
        address, secret = url or os.environ.get("HUB_URL"), token or os.environ.get("HUB_TOKEN")
        if not address or not secret:
            raise HubClientError(
                "没有给地址或令牌", "写 Hub(地址, token=…)，或设 HUB_URL 和 HUB_TOKEN；令牌在门户的“连接与令牌”页新建"
            )
        self._http = httpx2.Client(
            base_url=address, headers={"Authorization": f"Bearer {secret}"}, timeout=timeout, trust_env=False
        )

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def query(self, sql: str, *, as_: Kind = "pandas", limit: int | None = None, **parameters: object) -> Any:
        """The rows of one SELECT; `parameters` fill the :names in it.

        Raises:
            SqlError: wrong, not allowed, or too slow.
            Truncated: more rows than one query gives, and no `limit` was given.
        """
        asked = {"sql": sql, "parameters": {k: str(v) for k, v in parameters.items()}} | (
            {"limit": limit} if limit else {}
        )
        answer = self._ask("POST", "/api/v1/query", json=asked, headers={"Accept": _ARROW})
        if limit is None and answer.headers.get("x-truncated") == "true":
            raise Truncated("结果太多，一次取不完", "请缩小范围，或写 limit=…，或用 PostgreSQL 连接")
        return _as(_table(answer.content), as_)

    def search(self, words: str = "") -> list[dict[str, Any]]:
        """Datasets and views whose names or fields hold these words."""
        return list(self._ask("GET", "/api/v1/datasets", params={"q": words}).json()["datasets"])

    def dataset(self, name: str) -> Dataset:
        """One dataset or view.

        Raises:
            NotFound: there is none of that name.
        """
        return Dataset(self, self._ask("GET", f"/api/v1/datasets/{name}").json())

    def me(self) -> dict[str, Any]:
        """Whose token this is."""
        return dict(self._ask("GET", "/api/v1/me").json())

    def _ask(self, method: str, path: str, **given: Any) -> httpx2.Response:
        try:
            answer = self._http.request(method, path, **given)
        except httpx2.TransportError as error:
            raise Unavailable(f"连接不上 {self._http.base_url}", "请核对地址，或稍后再试") from error
        if answer.status_code == 200:
            return answer
        try:
            told = answer.json()["error"]
        except (ValueError, KeyError):
            told = {"message": f"HTTP {answer.status_code}", "hint": ""}
        raise _ERRORS.get(answer.status_code, HubClientError)(told["message"], told.get("hint", ""))


class Dataset:
    """One dataset: its fields in words, and its rows."""

    def __init__(self, hub: Hub, told: dict[str, Any]) -> None:
        self._hub, self.told, self.name, self.title = hub, told, told["name"], told["title"]

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, {self.title!r})"

    def schema(self) -> Any:
        """The fields as a pandas DataFrame: name, title, type, classification, masked, description."""
        import pandas as pd

        return pd.DataFrame(self.told["columns"])

    def read(
        self,
        columns: list[str] | None = None,
        *,
        where: str = "true",
        limit: int | None = None,
        as_: Kind = "pandas",
        **parameters: object,
    ) -> Any:
        """Its rows; `where` is an SQL condition with :names."""
        listed = ", ".join('"' + c.replace('"', '""') + '"' for c in columns) if columns else "*"
        return self._hub.query(
            f"SELECT {listed} FROM {self.told['relation']} WHERE {where}", as_=as_, limit=limit, **parameters
        )


def _table(content: bytes) -> pa.Table:
    import pyarrow as pa

    with pa.ipc.open_stream(content) as stream:
        return stream.read_all()


def _as(table: pa.Table, kind: Kind) -> Any:
    if kind == "arrow":
        return table
    if kind == "polars":
        import polars as pl

        return pl.from_arrow(table)
    return table.to_pandas()
