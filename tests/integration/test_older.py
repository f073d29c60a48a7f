"""A whole register that is older than what is here: told where it takes a few rows back, held where it takes many."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from connectors.spec import load as load_connector
from pipelines.run import prepare
from tests.integration.drops import uscc
from warehouse import inbox
from warehouse.home import Home
from warehouse.load import load, replay

MANY, FEW = 25, 3


class Register:
    """The market supervision's whole register as files of a folder, a minute after each other."""

    def __init__(self, folder: Path, home: Home, dated: bool) -> None:
        self.folder, self.home, self.count = folder / "register", home, 0
        self.folder.mkdir()
        path = folder / "market_supervision" / "enterprise.yaml"
        path.parent.mkdir()
        fields = "record_no: 序号, uscc: 代码, name: 名称, reg_address: 住所" + (
            ", updated_at: 变更时间" if dated else ""
        )
        path.write_text(
            f"title: 登记\ndataset: enterprise\nsource: {{driver: csv, path: '{self.folder}/*.csv', settle: 0}}\nload: {{mode: file_full}}\nfields: {{{fields}}}\n",
            encoding="utf-8",
        )
        self.connector = load_connector(path)

    def send(
        self, rows: int, place: str, month: int, later: int = 0, first: int = 1
    ) -> tuple[str, list[tuple[bool, str]]]:
        """Firms `first` to `rows` in a place, said in a month, up to `later` in December; what became of it, and what the inbox says."""
        self.count += 1
        lines = [
            f"{n},{uscc(n)},县第{n}商贸有限公司,{place},2026-{12 if n <= later else month:02}-01 09:00:00"
            for n in range(first, rows + 1)
        ]
        file = self.folder / f"{self.count}.csv"
        file.write_text("\n".join(["序号,代码,名称,住所,变更时间", *lines]) + "\n", encoding="utf-8")
        (result,) = load(self.connector, self.home)
        return result.status, [(one.holds, one.message) for one in self.open() if one.delivery == file.name]

    def open(self) -> list[inbox.Item]:
        with psycopg.connect(self.home.database_url, row_factory=dict_row) as connection:
            return inbox.items(connection)

    def places(self) -> set[str]:
        with psycopg.connect(self.home.database_url) as connection:
            return {place for (place,) in connection.execute("SELECT reg_address FROM record.enterprise")}


@pytest.fixture
def register(tmp_path: Path, home: Home, request: pytest.FixtureRequest) -> Register:
    prepare(home)
    return Register(tmp_path, home, getattr(request, "param", True))


@pytest.mark.parametrize("register", [True, False], indirect=True, ids=["dated", "undated"])
def test_an_old_register_sent_again_is_held_and_may_be_let_in(register: Register, home: Home) -> None:
    assert register.send(MANY, "朝阳街1号", 1) == ("committed", [])
    assert register.send(MANY, "朝阳街9号", 2) == ("committed", [])
    status, told = register.send(MANY, "朝阳街1号", 1)
    assert (status, register.places()) == ("held", {"朝阳街9号"})
    assert [(holds, "与第 1 批（1.csv，" in message, f"{MANY} 行" in message) for holds, message in told] == [(True, True, True)]  # fmt: skip
    [held] = register.open()
    with psycopg.connect(home.database_url, row_factory=dict_row) as connection:
        decided = inbox.accept(connection, home, held.drift_id, by="赵六", connector=register.connector, reason="登记系统确已恢复到一月")  # fmt: skip
    replay(register.connector, home, decided.replay)
    assert register.places() == {"朝阳街1号"}
    # From then on the register is what it was taken back to.
    assert register.send(MANY, "朝阳街2号", 3) == ("committed", [])


def test_an_older_register_never_seen_is_held_unless_something_in_it_is_newer(register: Register) -> None:
    register.send(MANY, "朝阳街9号", 2)
    status, told = register.send(MANY, "朝阳街1号", 1)
    assert (status, register.places(), [holds for holds, _ in told]) == ("held", {"朝阳街9号"}, [True])
    assert told[0][1] == f"像是旧的一份：{MANY} 行的源更新时间比已入库的早，没有一行晚"
    assert register.send(MANY, "朝阳街3号", 1, later=1) == ("committed", [])
    assert register.places() == {"朝阳街3号"}


@pytest.mark.parametrize(("first", "again"), [(1, 1), (2, 1)], ids=["put back", "older"])
def test_a_few_rows_taken_back_are_taken_in_and_told(register: Register, first: int, again: int) -> None:
    register.send(FEW, "朝阳街1号", again)
    register.send(FEW, "朝阳街9号", first)
    status, told = register.send(FEW, "朝阳街1号" if first == again else "朝阳街2号", again)
    assert (status, [holds for holds, _ in told], register.places() & {"朝阳街9号"}) == ("committed", [False], set())


def test_a_register_that_only_lost_its_newest_firm_is_no_old_one(register: Register) -> None:
    register.send(MANY, "朝阳街1号", 1, later=1)
    assert register.send(MANY, "朝阳街1号", 1, first=2) == ("committed", [])
