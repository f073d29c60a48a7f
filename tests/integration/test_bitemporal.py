"""What was valid when, by what was known when: late words take their place, corrections change no past answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from connectors.spec import load as load_connector
from hub.cli import main
from pipelines.run import prepare, run
from schemas.contract import contract
from warehouse import survivorship
from warehouse.engines.adbc import Connection
from warehouse.home import Home

A, B = "91510999MA7TE5T00T", "91510999000000860Q"


@pytest.fixture
def put(tmp_path: Path, home: Home) -> Callable[..., datetime]:
    """A department hands in one more file of changes; returns an instant after it was taken in."""
    prepare(home)

    def go(department: str, *rows: str) -> datetime:
        folder = tmp_path / department
        folder.mkdir(exist_ok=True)
        path = tmp_path / "connectors" / department / "changes.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"title: {department}\ndataset: enterprise\nsource: {{driver: csv, path: '{folder}/*.csv', settle: 0}}\nload: {{mode: file}}\n"
            "fields: {record_no: 序号, uscc: 代码, name: 名称, updated_at: 变更时间}\n",
            encoding="utf-8",
        )
        (folder / f"{len(list(folder.iterdir()))}.csv").write_text(
            "\n".join(["序号,代码,名称,变更时间", *rows]) + "\n", encoding="utf-8"
        )
        report = run([load_connector(path)], home)
        assert not report.failures, report.failures
        with psycopg.connect(home.database_url) as connection:
            found = connection.execute("SELECT clock_timestamp()").fetchone()
        assert found is not None
        return found[0]

    return go


def told(capfd: pytest.CaptureFixture[str], sql: str, *options: object) -> str:
    capfd.readouterr()
    assert main(["query", sql, "-o", "csv", *map(str, options)]) == 0
    return capfd.readouterr().out


NAMES = "SELECT name FROM enterprise ORDER BY name"


def test_late_words_and_corrections(put: Callable[..., datetime], capfd: pytest.CaptureFixture[str]) -> None:
    put(
        "market_supervision",
        f"1,{A},县甲商贸有限公司,2026-01-05 09:00:00",
        f"2,{B},县丁建材有限公司,2026-02-20 09:00:00",
    )
    before = put("market_supervision", f"1,{A},县甲乙商贸有限公司,2026-03-09 09:00:00")
    kept = told(capfd, "SELECT * FROM enterprise", "--as-of", before)
    kept_then = told(capfd, NAMES, "--as-of", before, "--valid-on", "2026-02-15")
    assert kept_then.split()[1:] == ["县甲商贸有限公司"]  # B's row was not valid yet
    # A change of February arrives after that of March: it takes its place, and the record of today stays.
    after = put("market_supervision", f"1,{A},县甲丙商贸有限公司,2026-02-01 09:00:00")
    assert told(capfd, NAMES).split()[1:] == ["县丁建材有限公司", "县甲乙商贸有限公司"]
    assert told(capfd, NAMES, "--valid-on", "2026-02-15").split()[1:] == ["县甲丙商贸有限公司"]
    assert told(capfd, NAMES, "--valid-on", "2026-01-31", "--as-of", after).split()[1:] == ["县甲商贸有限公司"]
    assert told(capfd, "SELECT count(*) FROM enterprise_record", "--valid-on", "2026-01-01").split()[1:] == ["0"]
    spans = "SELECT name, valid_from::date, valid_to::date, known_to IS NULL AS stands FROM enterprise_record_version WHERE uscc = '91510999MA7TE5T00T' ORDER BY valid_from"
    late = told(capfd, spans)
    assert late.split()[1:] == [
        "县甲商贸有限公司,2026-01-05,2026-02-01,false", "县甲丙商贸有限公司,2026-02-01,2026-03-09,false", "县甲乙商贸有限公司,2026-03-09,,true",
    ]  # fmt: skip
    # The name valid since March was wrong: corrected, it was never valid, and no past answer changes.
    put("market_supervision", f"1,{A},县甲戊商贸有限公司,2026-03-09 09:00:00")
    assert "县甲乙商贸有限公司,2026-03-09,2026-03-09,false" in told(capfd, spans)
    assert told(capfd, NAMES, "--valid-on", "2026-03-10").split()[1:] == ["县丁建材有限公司", "县甲戊商贸有限公司"]
    assert told(capfd, spans, "--as-of", after) == late
    assert told(capfd, "SELECT * FROM enterprise", "--as-of", before) == kept
    assert told(capfd, NAMES, "--as-of", before, "--valid-on", "2026-02-15") == kept_then
    versions = told(capfd, f"SELECT name FROM enterprise_version WHERE uscc = '{A}' ORDER BY known_from")
    assert versions.split()[1:] == ["县甲商贸有限公司", "县甲乙商贸有限公司", "县甲戊商贸有限公司"]


def test_what_is_made_anew_piece_by_piece_is_what_is_made_whole(put: Callable[..., datetime], home: Home) -> None:
    put("market_supervision", f"1,{A},县甲商贸有限公司,2026-01-05 09:00:00")
    put("tax", f"7,{A},县甲商贸有限公司城东分公司,2026-01-06 09:00:00", f"8,{B},县丁建材有限公司,2026-01-07 09:00:00")
    put("market_supervision", f"2,{B},县丁建材股份有限公司,2026-01-08 09:00:00")
    put(
        "tax", f"8,{B},县丁建材股份有限公司,2026-01-09 09:00:00", ",,县丁建材股份有限公司第一分公司,2026-01-09 09:00:00"
    )
    with Connection(home.database_url) as warehouse:
        assert survivorship.refresh(warehouse, contract("enterprise"), whole=True) == 0


def test_a_version_ends_the_moment_the_next_begins(put: Callable[..., datetime], database: str) -> None:
    for name in ("县甲商贸有限公司", "县甲乙商贸有限公司", "县甲丙商贸有限公司"):
        put("market_supervision", f"1,{A},{name},2026-01-05 09:00:00", f"2,{B},{name}二店,2026-01-05 09:00:00")
    with psycopg.connect(database) as connection:
        gaps = "SELECT known_to IS NULL AS stands, lead(known_from) OVER w = known_to FROM shared.enterprise_version WINDOW w AS (PARTITION BY enterprise_id ORDER BY known_from) ORDER BY 1, 2"
        assert connection.execute(gaps).fetchall() == [(False, True)] * 4 + [(True, None)] * 2


def test_a_correction_of_the_past_that_is_taken_back(put: Callable[..., datetime], capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    put("market_supervision", f"1,{A},县甲商贸有限公司,2024-02-29 00:00:00")
    put("market_supervision", f"1,{A},县甲乙商贸有限公司,2025-01-01 00:00:00")
    names = "SELECT name FROM enterprise_record WHERE record_no = '1'"
    said = []
    for number, name in enumerate(("丙商贸有限公司", "丁商贸有限公司", "丙商贸有限公司", "丙商贸有限公司")):
        # Another row beside it, or the file would be one that has been seen.
        other = f"{number + 2},{B},县丁建材有限公司,2025-01-01 00:00:00"
        said.append(put("market_supervision", f"1,{A},县甲{name},2024-06-01 00:00:00", other))
    assert [told(capfd, names, "--valid-on", "2024-07-01", "--as-of", at).split()[1] for at in said] == [
        "县甲丙商贸有限公司", "县甲丁商贸有限公司", "县甲丙商贸有限公司", "县甲丙商贸有限公司",
    ]  # fmt: skip
    assert [told(capfd, names, "--valid-on", day).split()[1:] for day in ("2024-02-28", "2024-02-29", "2024-12-31", "2025-01-01")] == [
        [], ["县甲商贸有限公司"], ["县甲丙商贸有限公司"], ["县甲乙商贸有限公司"],
    ]  # fmt: skip
    versions = "SELECT count(*) FROM enterprise_record_version WHERE record_no = '1'"
    assert told(capfd, versions).split()[1:] == ["5"]  # the last one said nothing new
