"""What one running portal stands on: its home, its warehouse, its settings, and the work other rooms do for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from connectors.spec import Registry
from portal import audit
from portal.database import Database
from warehouse import registry
from warehouse.home import Home
from warehouse.store import county_key

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

_SEALED = "sealed:"


def _nothing(changed: set[str]) -> object:
    return None


@dataclass
class Site:
    """One portal. `settle` publishes what a change of datasets touches; `collect` starts a run of connectors."""

    home: Home
    dagster_port: int | None = None
    settle: Callable[[set[str]], object] = _nothing
    collect: Callable[[Collection[str]], object] | None = None
    reload: Callable[[], object] = lambda: None  # has the scheduler read the registry again
    replay: Callable[[str, Collection[int]], object] | None = None  # reads landed batches of a connector again
    secure: bool = field(default_factory=lambda: os.environ.get("HUB_PORTAL_HTTPS", "") == "1")
    name: str = field(default_factory=lambda: os.environ.get("HUB_PORTAL_NAME", "示例县政务数据共享枢纽"))
    address: str = field(default_factory=lambda: os.environ.get("HUB_PORTAL_URL", "").rstrip("/"))  # as people reach it

    running: dict[tuple[int, str], Any] = field(default_factory=dict)  # (account, run) -> connection, to cancel it
    _people: tuple[float, dict[str, str]] = field(default=(-1.0, {}))  # until when it holds

    @cached_property
    def database(self) -> Database:
        """The warehouse."""
        return Database(self.home.database_url, self.key, self.home.path / audit.SEALS)

    @cached_property
    def key(self) -> bytes:
        """The portal's own secret, a file of the home made at first use (mode 0600)."""
        file = self.home.path / "portal.key"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_hex(32))
        return bytes.fromhex(file.read_text().strip())

    def renew_key(self) -> None:
        """Put a new key in the old one's place; what was made from the old one no longer fits."""
        file = self.home.path / "portal.key"
        part = file.with_suffix(".new")
        part.touch(mode=0o600)
        part.write_text(secrets.token_hex(32))
        part.replace(file)
        self.__dict__.pop("key", None)
        self.database.key = self.key

    def derive(self, *words: str) -> str:
        """A secret for one purpose, the same as long as the key is."""
        return hmac.new(self.key, "\x1f".join(words).encode(), hashlib.sha256).hexdigest()

    def seal(self, text: str) -> str:
        """A secret as the database may hold it: sealed (AES-128-CBC and HMAC) with a key made from the county's."""
        return _SEALED + self._sealer.encrypt(text.encode()).decode()

    def unseal(self, text: str | None) -> str | None:
        """What was sealed; None when the county's key is another one now. A secret kept before there were seals is itself."""
        from cryptography.fernet import InvalidToken

        if text is None or not text.startswith(_SEALED):
            return text
        try:
            return self._sealer.decrypt(text.removeprefix(_SEALED)).decode()
        except InvalidToken:
            return None

    @cached_property
    def _sealer(self) -> Fernet:
        from cryptography.fernet import Fernet

        key = hmac.new(county_key(self.home), b"portal secrets at rest", hashlib.sha256).digest()
        return Fernet(base64.urlsafe_b64encode(key))

    def registry(self) -> Registry:
        """The connectors, read now, over a connection that is kept: a new one takes longer than a page may."""
        found = registry.files(self.home)
        with self.database.control() as connection:
            return registry.join(found, connection, self.home)

    @property
    def people(self) -> dict[str, str]:
        """The person of each account, looked up once a minute."""
        if time.monotonic() > self._people[0]:
            with self.database.owner() as connection:
                found = connection.execute("SELECT name, person FROM hub.account").fetchall()
            self._people = time.monotonic() + 60, {row["name"]: row["person"] for row in found}
        return self._people[1]

    @property
    def oidc(self) -> dict[str, Any] | None:
        """The site's identity provider; None when it has none."""
        issuer = os.environ.get("HUB_OIDC_ISSUER")
        if not issuer:
            return None
        return {
            "issuer": issuer.rstrip("/"),
            "client_id": os.environ.get("HUB_OIDC_CLIENT_ID", "tongqu"),
            "client_secret": os.environ.get("HUB_SECRET_OIDC", ""),
            "title": os.environ.get("HUB_OIDC_TITLE", "统一身份认证"),
        }
