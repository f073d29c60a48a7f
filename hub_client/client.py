"""The client itself: one HTTP connection, answers as Arrow underneath."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import httpx2

from hub_client.errors import (
    HubClientError,
    NotAllowed,
    NotFound,
    QueryTimeout,
    Refused,
    SqlError,
    Truncated,
    Unavailable,
)

if TYPE_CHECKING:
    import pyarrow as pa

_ARROW = "application/vnd.apache.arrow.stream"
_ERRORS = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    422: Refused,
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

    def query(
        self,
        sql: str,
        *,
        as_: Kind = "pandas",
        limit: int | None = None,
        as_of: date | str | None = None,
        **parameters: Any,
    ) -> Any:
        """The rows of one SELECT; `parameters` fill the :names in it, `as_of` asks what was known at the end of a day.

        Raises:
            SqlError: wrong or not allowed, with line and column.
            QueryTimeout: too slow.
            Truncated: more rows than one query gives, and no `limit` was given.
        """
        asked: dict[str, Any] = {"sql": sql, "parameters": {k: str(v) for k, v in parameters.items()}}
        if limit is not None:
            asked["limit"] = limit
        if as_of is not None:
            asked["as_of"] = str(as_of)
        pieces = list(self._stream(asked))
        table, scales = _pieces([batch for batch, _ in pieces]), _most([told for _, told in pieces])
        return _as(_narrow(table, scales), as_)

    def query_iter(self, sql: str, *, batch: int = 50_000, as_: Kind = "pandas", **parameters: Any) -> Iterator[Any]:
        """The rows in pieces of at most `batch`, each as it comes over the line: no more than a piece is held here.

        As Arrow all pieces have one schema, in which a computed number has room for twenty decimals.

        Raises:
            SqlError, QueryTimeout, Truncated: as `query`; Truncated when all there is of the answer has been given.
        """
        rows: Any = None
        scales: dict[str, int] = {}

        def given(some: Any) -> Any:
            return some if as_ == "arrow" else _as(_narrow(some, scales), as_)

        for piece, told in self._stream({"sql": sql, "parameters": {k: str(v) for k, v in parameters.items()}}):
            rows = _pieces([piece] if rows is None else [*rows.to_batches(), piece])
            scales = _most([scales, told])
            while len(rows) >= batch:
                yield given(rows.slice(0, batch))
                rows = rows.slice(batch)
            if not len(rows):
                scales = {}
        if rows is not None and len(rows):
            yield given(rows)

    def _stream(self, asked: dict[str, Any]) -> Iterator[tuple[Any, dict[str, int]]]:
        """Arrow batches as they come over the line, at least one, each with the decimals its computed numbers have.

        An answer that does not say how it ended is no answer.
        """
        import pyarrow as pa

        try:
            with self._http.stream("POST", "/api/v1/query", json=asked, headers={"Accept": _ARROW}) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _refused(answer, "/api/v1/query")
                # Buffered: Arrow takes a short read for the end.
                stream, end = pa.ipc.open_stream(io.BufferedReader(_Line(answer.iter_bytes()))), None
                while end is None:
                    piece, told = stream.read_next_batch_with_custom_metadata()
                    if told is not None and b"hub" in told:
                        end = json.loads(told[b"hub"])
                    if end is None or "error" not in end:
                        yield piece, json.loads(told[b"scale"]) if told is not None and b"scale" in told else {}
        except httpx2.ConnectError as error:
            raise Unavailable(f"连接不上 {self._http.base_url}", "请核对地址，或稍后再试") from error
        except (httpx2.TransportError, OSError, StopIteration, pa.ArrowInvalid) as error:
            raise Unavailable("连接中途断了，答复没有收全", "请稍后再试") from error
        if "error" in end:
            raise _wrong(end["error"])
        if end["truncated"] and "limit" not in asked:
            raise Truncated("结果太多，一次取不完", "请缩小范围，或写 limit=…，或用 PostgreSQL 连接")

    def export(self, sql: str, path: str | Path, **parameters: Any) -> Path:
        """The rows of one SELECT as a file: .csv (opens in Excel), .xlsx with codes as text, .parquet.

        Raises:
            ValueError: another kind of file.
        """
        target = Path(path)
        write = {".csv": _csv, ".xlsx": _xlsx, ".parquet": _parquet}.get(target.suffix.lower())
        if write is None:
            raise ValueError(f"cannot write {target.suffix!r}: use .csv, .xlsx or .parquet")
        write(self.query(sql, as_="arrow", **parameters), target)
        return target

    def request_access(self, dataset: str, *, purpose: str, until: date | str, unmask: bool = False) -> int:
        """Ask for a dataset of another department, or for its unmasked columns; the request's number.

        Raises:
            Refused: not filled in, or longer than a year.
        """
        asked = {"dataset": dataset, "purpose": purpose, "until": str(until), "unmask": unmask}
        return int(self._ask("POST", "/api/v1/requests", json=asked).json()["request_id"])

    def engine(self, *, password: str | None = None, **options: Any) -> Any:
        """A SQLAlchemy engine on the PostgreSQL underneath, as one's own role: the same rows and masks.

        The password is the one the page 连接与令牌 shows (or HUB_DB_PASSWORD); a token does not open the database.
        """
        import sqlalchemy

        secret = password or os.environ.get("HUB_DB_PASSWORD")
        if not secret:
            raise NotAllowed(
                "没有给数据库口令", "在门户的“连接与令牌”页换取，写 engine(password=…) 或设 HUB_DB_PASSWORD"
            )
        place = self._ask("GET", "/api/v1/connection").json()
        address = sqlalchemy.URL.create(
            "postgresql+psycopg", place["user"], secret, place["host"], place["port"], place["database"]
        )
        return sqlalchemy.create_engine(address, **options)

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
        if answer.is_success:
            return answer
        raise _refused(answer, path)


def _refused(answer: httpx2.Response, path: str) -> HubClientError:
    """What an answer that is no success says, as an error of its kind."""
    try:
        told = answer.json()["error"]
    except (ValueError, KeyError):
        told = {"message": f"HTTP {answer.status_code}", "hint": ""}
    if answer.status_code == 422 and path == "/api/v1/query":
        return _wrong(told)
    return _ERRORS.get(answer.status_code, HubClientError)(told["message"], told.get("hint", ""))


def _wrong(told: dict[str, Any]) -> HubClientError:
    """What the hub says of a query that did not work, as an error of its kind."""
    message, hint = told["message"], told.get("hint", "")
    match told.get("kind"):
        case "timeout":
            return QueryTimeout(message, hint)
        case "denied":
            return NotAllowed(message, hint)
    return SqlError(message, hint, int(told.get("line", 0)), int(told.get("column", 0)))


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

    def quality(self) -> Any:
        """What its rows were refused for, as a pandas DataFrame: field, reason, rows, waiting."""
        import pandas as pd

        found = self._hub._ask("GET", f"/api/v1/datasets/{self.name}/quality").json()["problems"]
        return pd.DataFrame(found, columns=["field", "reason", "rows", "waiting"])

    def lineage(self, column: str = "") -> Any:
        """Where its fields (or one) come from and go to, as a pandas DataFrame: column, direction, place, field, rule."""
        import pandas as pd

        found = self._hub._ask("GET", f"/api/v1/datasets/{self.name}/lineage", params={"column": column}).json()[
            "edges"
        ]
        return pd.DataFrame(found, columns=["dataset", "column", "title", "direction", "place", "field", "rule"])

    def read(
        self,
        columns: list[str] | None = None,
        *,
        where: str = "true",
        limit: int | None = None,
        as_: Kind = "pandas",
        **parameters: Any,
    ) -> Any:
        """Its rows; `where` is an SQL condition with :names."""
        listed = ", ".join('"' + c.replace('"', '""') + '"' for c in columns) if columns else "*"
        return self._hub.query(
            f"SELECT {listed} FROM {self.told['relation']} WHERE {where}", as_=as_, limit=limit, **parameters
        )


class _Line(io.RawIOBase):
    """An answer's bytes as a file that is read as they come."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, target: Any) -> int:
        """Some bytes into the buffer; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        some = self._rest[: len(target)]
        target[: len(some)] = some
        self._rest = self._rest[len(some) :]
        return len(some)


def _pieces(pieces: list[Any]) -> pa.Table:
    """Arrow batches as one table."""
    import pyarrow as pa

    return pa.Table.from_batches(pieces)


def _most(told: list[dict[str, int]]) -> dict[str, int]:
    """For each column the most decimals that any piece has."""
    return {name: max(each.get(name, 0) for each in told) for name in {n for each in told for n in each}}


def _narrow(table: pa.Table, scales: dict[str, int]) -> pa.Table:
    """Computed numbers with the decimals they have, not those there was room for."""
    import pyarrow as pa

    kinds = [f.with_type(pa.decimal128(38, scales[f.name])) if f.name in scales else f for f in table.schema]
    return table.cast(pa.schema(kinds)) if scales else table


def _csv(table: pa.Table, target: Path) -> None:
    frame = table.to_pandas()
    frame.to_csv(target, index=False, encoding="utf-8-sig")


def _parquet(table: pa.Table, target: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, target, compression="zstd")


def _xlsx(table: pa.Table, target: Path) -> None:
    """One sheet; texts are text cells and never formulas, so that codes keep their digits."""
    import pandas as pd

    plain = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    with pd.ExcelWriter(target, engine="xlsxwriter", engine_kwargs={"options": plain}) as book:
        table.to_pandas().to_excel(book, sheet_name="数据", index=False)


def _as(table: pa.Table, kind: Kind) -> Any:
    if kind == "arrow":
        return table
    if kind == "polars":
        import polars as pl

        return pl.from_arrow(table)
    return table.to_pandas()
