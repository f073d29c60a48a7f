"""What can go wrong, told apart by what to do next."""

from __future__ import annotations


class HubClientError(Exception):
    """The hub refused or could not be reached; `hint` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(f"{message}。{hint}" if hint else message)


class NotAllowed(HubClientError):
    """The token is not valid any more, or its owner may not do this."""


class NotFound(HubClientError):
    """There is no such dataset."""


class SqlError(HubClientError):
    """The query is wrong or not allowed; `line` and `column` count from 1, 0 where the hub does not know."""

    def __init__(self, message: str, hint: str = "", line: int = 0, column: int = 0) -> None:
        self.line, self.column = line, column
        super().__init__(message, hint)


class QueryTimeout(HubClientError):
    """The query took longer than the hub allows; ask for less."""


class Refused(HubClientError):
    """The request is not filled in as the hub wants it."""


class Truncated(HubClientError):
    """The answer has more rows than one query gives; nothing is handed out cut in silence."""


class Unavailable(HubClientError):
    """The hub does not answer now; try again later."""
