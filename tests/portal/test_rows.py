"""What the database itself lets each user's role read: departments, masks, approved requests, nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from portal import accounts, past, sessions, workbench
from portal.accounts import Account
from portal.site import Site
from schemas.errors import HubError
from tests.portal.conftest import PEOPLE
from warehouse import access


def _user(site: Site, key: str) -> Account:
    with site.database.owner() as connection:
        account = accounts.find(connection, PEOPLE[key][0])
        assert account is not None
        sessions.ready_role(site.database, connection, account)
        found = accounts.find(connection, PEOPLE[key][0])
    assert found is not None
    return found


def _ask(site: Site, user: Account, query: str) -> list[Any]:
    with site.database.login(user) as connection:
        return [tuple(row.values()) for row in connection.execute(query)]  # type: ignore[arg-type]


def test_department_sees_its_own_rows_and_the_county_sees_all(site: Site) -> None:
    county, own = _user(site, "analyst"), _user(site, "taxclerk")
    query = "SELECT lead_dept_code, count(*) FROM rectification_ledger GROUP BY 1"
    assert len(_ask(site, county, query)) == 3
    assert _ask(site, own, query) == [(own.dept_code, 4)]
    assert _ask(site, own, "SELECT count(*) FROM hotline_ticket") == [(0,)]
    # Whoever keeps a board's records sees all of its rows, and no other board's.
    units = "SELECT count(DISTINCT main_dept_code) FROM hotline_on_time_by_department"
    assert [_ask(site, _user(site, key), units)[0][0] for key in ("clerk", "taxclerk")] == [3, 1]
    assert _ask(site, _user(site, "clerk"), query) == []
    with site.database.seen_by(own) as connection:  # the portal's own pages pass the same rule
        assert len(connection.execute("SELECT DISTINCT lead_dept_code FROM rectification_ledger").fetchall()) == 1


def test_personal_data_is_masked_and_what_somebody_said_is_hidden(site: Site) -> None:
    shown = "SELECT DISTINCT content, event_address, caller_name_masked FROM hotline_ticket"
    assert _ask(site, _user(site, "analyst"), shown) == [(None, "示例*********5号", "陈**")]
    assert _ask(site, _user(site, "clerk"), shown) == [(None, "示例*********5号", "陈**")]


def test_share_level_of_the_contract_opens_and_closes_rows(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, other, own = _user(site, "analyst"), _user(site, "clerk"), _user(site, "taxclerk")
    query = "SELECT count(*) FROM rectification_problem"
    before = [_ask(site, user, query) for user in (whole, other)]
    known = access.contracts()
    agreed = known["rectification_problem"]
    for level, seen in (("unconditional", [before[0], before[0]]), ("none", [[(0,)], [(0,)]]), ("", before)):
        monkeypatch.setattr(
            access, "contracts", lambda level=level: known | {agreed.dataset: replace(agreed, sharing=level)}
        )
        with psycopg.connect(site.home.database_url) as connection:
            access.secure(connection)
        assert [_ask(site, user, query) for user in (whole, other)] == seen, level
    assert _ask(site, own, query) == [(0,)]  # the office that keeps the ledger provides it, not the tax bureau


def test_approved_request_opens_and_its_end_closes(site: Site) -> None:
    user, second = _user(site, "taxclerk"), _user(site, "analyst")
    insert = (
        "INSERT INTO hub.access_request (account_id, dataset, unmask, purpose, until, decided_by, decided_at, approved) "
        "VALUES (%s, %s, true, '核对', %s, %s, now(), true)"
    )
    query = "SELECT count(*) AS n, count(content) AS told FROM hotline_ticket"
    try:
        with site.database.owner() as connection:
            connection.execute(
                insert, [user.account_id, "hotline_ticket", date.today() + timedelta(days=2), second.account_id]
            )
        # Rows open; who complained stays closed to a unit that may be the one complained of: no trace, not even masked.
        assert _ask(site, user, query) == [(60, 0)]
        traces = "caller_name_masked, caller_phone_masked, caller_hash, event_address, lon, lat, enterprise_name, enterprise_code, content"
        assert _ask(site, user, f"SELECT DISTINCT {traces} FROM hotline_ticket") == [(None,) * 9]
        assert _ask(site, user, "SELECT count(*) FROM hotline_ticket WHERE caller_name_masked = '陈**'") == [(0,)]
        assert "陈**" not in str(_ask(site, user, "SELECT * FROM hotline_ticket"))
        with site.database.owner() as connection:
            connection.execute("UPDATE hub.access_request SET until = %s", [date.today() - timedelta(days=2)])
        assert _ask(site, user, query) == [(0, 0)]
        with pytest.raises(psycopg.errors.CheckViolation), site.database.owner() as connection:
            connection.execute(insert, [user.account_id, "hotline_ticket", date.today(), user.account_id])
    finally:
        with site.database.owner() as connection:
            connection.execute("DELETE FROM hub.access_request")


def test_board_that_names_who_complained_is_the_hotline_offices_alone(site: Site) -> None:
    with site.database.owner() as connection:
        connection.execute(
            "INSERT INTO board.hotline_enterprise_tickets (ticket_no, enterprise, main_dept_code) SELECT 'N1', '甲公司', dept_code "
            "FROM hub.account WHERE name = %s", [PEOPLE["taxclerk"][0]],
        )  # fmt: skip
    query = "SELECT count(*) FROM hotline_enterprise_tickets WHERE enterprise = '甲公司'"
    try:
        told = [_ask(site, _user(site, key), query)[0][0] for key in ("taxclerk", "clerk", "leader")]
    finally:
        with site.database.owner() as connection:
            connection.execute("DELETE FROM board.hotline_enterprise_tickets WHERE ticket_no = 'N1'")
    assert told == [0, 1, 1]
    day = date.today()
    with past.as_known(site, _user(site, "taxclerk"), query, day) as schema, site.database.owner() as connection:
        shown = f"{schema}.hotline_enterprise_tickets"
        told_of = connection.execute("SELECT pg_get_viewdef(%s::regclass) AS d", [shown]).fetchone()
    assert told_of is not None
    assert "sees_callers" in told_of["d"]  # the past is for the same people


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM shared.hotline_ticket",
        "SELECT * FROM record.hotline_ticket",
        "SELECT * FROM hub.account",
        "SELECT hub.whole_county()",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT query_to_xml('SELECT * FROM hub.account', true, true, '')",
        "SELECT set_config('role', 'tongqu', false)",
        "SET ROLE tongqu",
        "SET SESSION AUTHORIZATION tongqu",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "CREATE TABLE x (a int)",
        "CREATE TEMP TABLE x (a int)",
        "DELETE FROM rectification_ledger",
        "ALTER TABLE board.rectification_ledger DISABLE ROW LEVEL SECURITY",
    ],
)
def test_user_role_reaches_nothing_else(site: Site, query: str) -> None:
    user = _user(site, "analyst")
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
        _ask(site, user, query)


def test_other_users_role_cannot_be_taken_and_a_closed_account_cannot_enter(site: Site) -> None:
    analyst, leader = _user(site, "analyst"), _user(site, "leader")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        _ask(site, analyst, f"SET ROLE {leader.db_role}")
    # Acting as the group is allowed, and shows nothing: the group is nobody.
    with site.database.login(analyst) as connection:
        connection.execute("SET ROLE portal_reader")
        assert connection.execute("SELECT count(*) AS n FROM board.rectification_ledger").fetchone() == {"n": 0}
    with site.database.owner() as connection:
        accounts.add(
            connection, name="li_kai", person="离开", role="analyst", department=None, by="root@console", approved=True
        )
        account = accounts.find(connection, "li_kai")
        assert account
        sessions.ready_role(site.database, connection, account)
        account = accounts.find(connection, "li_kai")
        assert account
    assert _ask(site, account, "SELECT 1") == [(1,)]
    with site.database.owner() as connection:
        accounts.disable(connection, "li_kai")
    from schemas.errors import WarehouseUnavailable

    with pytest.raises(WarehouseUnavailable):
        _ask(site, account, "SELECT 1")


def test_a_user_cannot_stop_the_others_nor_lift_their_own_limits(site: Site) -> None:
    user = _user(site, "analyst")
    for query in (
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_xact_lock(1, 2)",
        "SELECT lo_create(0)",
        "SELECT pg_logical_emit_message(false, '', '')",
    ):
        with site.database.login(user) as connection:
            connection.execute("SET TRANSACTION READ WRITE")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(query)  # type: ignore[arg-type]
    with site.database.login(user) as connection:
        connection.execute("SET TRANSACTION READ WRITE")
        connection.execute("ALTER ROLE CURRENT_USER SET statement_timeout = 0")  # PostgreSQL lets everybody
        connection.execute("ALTER ROLE CURRENT_USER SET search_path = hub")
    with workbench._running(site, user, "SELECT current_setting('statement_timeout') AS t, count(*) FROM hotline_ticket", {}, 9, "", None) as answer:  # fmt: skip
        assert answer.piece(9)[0]["t"] == "1min"
    access_to = "SELECT datname FROM pg_database WHERE has_database_privilege('public', oid, 'CONNECT') AND datname IN ('dagster', current_database())"
    assert _ask(site, user, access_to) == []
    _user(site, "analyst")  # signing in puts the role's defaults back
    assert _ask(site, user, "SHOW statement_timeout") == [("1min",)]


def test_what_a_query_writes_aside_is_bounded_and_told(site: Site) -> None:
    """A source of a hundred million rows in FROM is written to disk before the first is given."""
    user = _user(site, "analyst")
    assert _ask(site, user, "SHOW temp_file_limit") == [(access.TEMP_FILES,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege), site.database.login(user) as connection:
        connection.execute("SET temp_file_limit = -1")
    with site.database.owner() as connection:
        connection.execute(f"ALTER ROLE {user.db_role} SET temp_file_limit = '1MB'")  # type: ignore[arg-type]
    try:
        with (
            pytest.raises(HubError, match="中间结果太大"),
            workbench._running(site, user, "SELECT * FROM generate_series(1, 10000000) n ORDER BY random()", {}, 9, "", None) as answer,
        ):  # fmt: skip
            answer.piece(9)
    finally:
        _user(site, "analyst")
    assert _ask(site, user, "SHOW temp_file_limit") == [(access.TEMP_FILES,)]
