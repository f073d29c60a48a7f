"""Real servers the drivers are tried on, one of each kind a session."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest

from examples.county import mariadb


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mariadb.Server]:
    """A private MariaDB."""
    passwords = {"administrator": "guanli-mima", "reader": "duzhe-mima"}
    server = mariadb.Server(tmp_path_factory.mktemp("mariadb"), passwords)
    with warnings.catch_warnings():
        # pymysql leaves its socket to the garbage collector when the server is not up yet.
        warnings.simplefilter("ignore", ResourceWarning)
        server.start()
        gc.collect()
    try:
        yield server
    finally:
        server.stop()
