"""The county's next day: what changes in each system, the same for the same seed and step.

tickets, cases     some percent move on, new ones come in, each with its events
register           phones change; two people in a thousand leave the full-load table, some join
exchange table     new inserts, updates and deletes with rising numbers
files              a new tax file, a corrected water file under its old name, a new loan and rectification ledger
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from examples.county import codes, databases, filings, hotline, registers, service, workbook
from examples.county.calendar import iso
from examples.county.county import County, build, random
from examples.county.defects import Source
from examples.county.frames import frame, public, put, texts
from examples.county.layout import FORMS, place
from examples.county.sources import Place

_SHARE = 0.01


def advance(home: Path) -> dict[str, Any]:
    """Let one day pass; returns and writes (`expected_advance_<step>.json`) the rows added, changed and removed.

    Raises:
        RuntimeError: the county was never started.
    """
    at = Place(home)
    state = at.read_state()
    if not state:
        raise RuntimeError("the county was never started: python -m examples.county start")
    step = int(state["step"]) + 1
    county = build(state["seed"], state["scale"], state["as_of"])
    rng = random(county.seed, f"advance/{step}")
    day = county.as_of + step
    report: dict[str, dict[str, int]] = {}
    _tickets(at, county, rng, day, step, report)
    _cases(at, county, rng, day, step, report)
    _register(at, county, rng, day, step, report)
    _estate(at, county, rng, day, step, report)
    _files(at, county, rng, day, step, report)
    result = {"step": step, "day": str(day), "connectors": report}
    (at.root / f"expected_advance_{step}.json").write_text(
        json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8"
    )
    at.write_state({**state, "step": step})
    at.tell_day(day)
    return result


def _note(
    report: dict[str, dict[str, int]], connector: str, added: int = 0, changed: int = 0, removed: int = 0
) -> None:
    report[connector] = {"added": added, "changed": changed, "removed": removed}


def _sound(source: Source, where: pl.Expr | None = None) -> NDArray[Any]:
    """Places of rows without a planted defect, in an order of their own; each is used by one step only."""
    mask = np.ones(len(source), dtype=bool)
    for defect in source.defects:
        mask[defect.rows] = False
    if where is not None:
        mask &= source.table.select(where.alias("w"))["w"].fill_null(False).to_numpy()
    return random(0, "advance/" + source.connector).permutation(np.flatnonzero(mask))


def _slice(places: NDArray[Any], step: int, count: int) -> NDArray[Any]:
    return np.sort(places[(step - 1) * count : step * count])


def _moments(day: np.datetime64, count: int, hour: int) -> list[str]:
    """Moments of a day from that hour on, five seconds apart."""
    moment = day.astype("datetime64[s]") + (hour * 3600 + np.arange(count) * 5 % 7200).astype("timedelta64[s]")
    return list(iso(moment))


def _tickets(
    at: Place,
    county: County,
    rng: np.random.Generator,
    day: np.datetime64,
    step: int,
    report: dict[str, dict[str, int]],
) -> None:
    tickets = county.sources["hotline_office/hotline_ticket"]
    count = max(2, round(len(tickets) * _SHARE))
    handling = pl.col("dispatchedAt").is_not_null() & pl.col("repliedAt").is_null()
    closing = _slice(_sound(tickets, handling), step, count // 2)
    others = _slice(_sound(tickets, pl.col("archivedAt").is_not_null()), step, count - len(closing))
    changed = tickets.table
    replied, closed = _moments(day, len(closing), 9), _moments(day, len(closing), 13)
    contacted = [
        old or new
        for old, new in zip(changed["firstContactAt"].gather(closing.tolist()).to_list(), replied, strict=True)
    ]
    for column, values in (
        ("firstContactAt", contacted),
        ("repliedAt", replied),
        ("closedAt", closed),
        ("updatedAt", closed),
    ):
        changed = put(changed, column, closing, values)
    for column, value in (("status", "closed"), ("solved", "已解决"), ("demandTrue", "是")):
        changed = put(changed, column, closing, value)
    changed = put(changed, "superviseLevel", others, 2)
    changed = put(changed, "updatedAt", others, _moments(day, len(others), 11))
    touched = np.sort(np.concatenate([closing, others]))
    events = county.sources["hotline_office/hotline_ticket_event"].table
    last = dict(events.group_by("ticketNo").agg(pl.col("seq").max()).iter_rows())
    number = texts(changed[closing.tolist()], "ticketNo")
    steps = pl.concat([_event(changed[closing.tolist()], [last.get(n, 0) + k for n in number], what, before, after, moments)
                       for k, (what, before, after, moments) in enumerate((("答复", "handling", "replied", replied), ("结案", "called_back", "closed", closed)), 1)])  # fmt: skip
    new = hotline.make(rng, county.enterprises, max(3, round(len(tickets) * 0.003)), day, 1.0, days=1)
    store = sqlite3.connect(at.hotline / "store.sqlite")
    with store:
        databases.replace_documents(store, "tickets", databases.documents(changed[touched.tolist()], "ticketNo"))
        for connector, fresh in zip(
            databases.HOTLINE,
            (new.tickets, pl.concat([public(new.events), steps]), new.assignments, new.callbacks),
            strict=True,
        ):
            collection, key = databases.HOTLINE[connector]
            rows = databases.documents(fresh, key)
            store.executemany(f"DELETE FROM {collection} WHERE id = ?", [(i,) for i in rows["id"].to_list()])
            databases.add_documents(store, collection, rows)
            _note(report, connector, added=len(fresh))
    store.close()
    report["hotline_office/hotline_ticket"]["changed"] = len(touched)


def _event(
    tickets: pl.DataFrame, seq: list[int], step: str, before: str, after: str, moments: list[str]
) -> pl.DataFrame:
    number = texts(tickets, "ticketNo")
    event_id = np.array([f"{n}-{s:02d}" for n, s in zip(number, seq, strict=True)], dtype=object)
    count = len(number)
    word = lambda text: np.full(count, text, dtype=object)  # noqa: E731
    return frame(
        {
            "eventId": event_id, "ticketNo": number, "seq": np.array(seq, dtype=np.int64), "step": word(step), "fromStatus": word(before), "toStatus": word(after),
            "at": np.array(moments, dtype=object), "dept": texts(tickets, "mainDept"), "operator": word("王建国"), "reasonCode": word(None), "note": word(None),
            "sourceEventId": "YX" + event_id, "updatedAt": np.array(moments, dtype=object),
        }
    )  # fmt: skip


def _cases(
    at: Place,
    county: County,
    rng: np.random.Generator,
    day: np.datetime64,
    step: int,
    report: dict[str, dict[str, int]],
) -> None:
    source = county.sources["service_center/service_case"]
    rows = _slice(
        _sound(source, pl.col("bjsj").is_not_null() & pl.col("hpdj").is_null()),
        step,
        max(2, round(len(source) * _SHARE)),
    )
    rated = [
        (moment, number)
        for moment, number in zip(
            _moments(day, len(rows), 10), texts(source.table[rows.tolist()], "sblsh"), strict=True
        )
    ]
    cases, steps = service.make(rng, county.enterprises, max(3, round(len(source) * 0.003)), day, days=1)
    cases, steps = public(cases), public(steps)
    server = at.service_centre()
    if server:
        with server.connect() as connection:
            with connection.cursor() as cursor:
                cursor.executemany("UPDATE affair_case SET hpdj = 5, gxsj = %s WHERE sblsh = %s", rated)
                for table in ("affair_case", "affair_case_step"):
                    cursor.execute(f"DELETE FROM {table} WHERE sblsh LIKE %s", [f"ZW{str(day).replace('-', '')}%"])
            databases.load_rows(connection, "affair_case", cases, at.root)
            databases.load_rows(connection, "affair_case_step", steps, at.root)
            connection.commit()
    else:
        with sqlite3.connect(at.cases) as file:
            file.executemany("UPDATE affair_case SET hpdj = 5, gxsj = ? WHERE sblsh = ?", rated)
            for table, new in (("affair_case", cases), ("affair_case_step", steps)):
                file.execute(f"DELETE FROM {table} WHERE sblsh LIKE ?", [f"ZW{str(day).replace('-', '')}%"])
                databases.insert_rows(file, table, new)
        file.close()
    _note(report, "service_center/service_case", added=len(cases), changed=len(rated))
    _note(report, "service_center/service_case_event", added=len(steps))


def _register(
    at: Place,
    county: County,
    rng: np.random.Generator,
    day: np.datetime64,
    step: int,
    report: dict[str, dict[str, int]],
) -> None:
    subjects, persons = (
        county.sources["market_supervision/enterprise"],
        county.sources["market_supervision/enterprise_person"],
    )
    moved = _slice(_sound(subjects), step, max(2, round(len(subjects) * _SHARE)))
    phones = codes.mobiles(9_000_000 + 100_000 * step + np.arange(len(moved))).tolist()
    contacts = _sound(persons, pl.col("职务") == "联络员")
    gone = _slice(contacts, step, max(1, round(len(persons) * 0.002)))
    joined = public(persons.table[_slice(contacts[::-1], step, max(1, round(len(persons) * 0.001))).tolist()])
    joined = joined.with_columns(
        pl.format("{}N{}", pl.col("ry_id"), pl.lit(step)).alias("ry_id"), pl.lit("经办人").alias("职务")
    )
    checks = public(registers.inspections(rng, county.enterprises, 20, day)).with_columns(pl.format("XZ{}{}", pl.lit(step), pl.col("rwbh")).alias("rwbh"), pl.lit(day.item()).alias("jhrq"), pl.lit(None, pl.Date).alias("jcrq"), pl.lit(None, pl.String).alias("检查结果"), pl.lit(None, pl.Date).alias("gsrq"), pl.lit(day.astype("datetime64[ms]").item()).alias("gxsj"))  # fmt: skip
    with psycopg.connect(at.databases().url("scjg")) as connection:
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE t_market_subject SET lxdh = %s, gxsj = %s WHERE zt_id = %s",
                list(
                    zip(
                        phones,
                        _moments(day, len(moved), 15),
                        texts(subjects.table[moved.tolist()], "zt_id").tolist(),
                        strict=True,
                    )
                ),
            )
            cursor.executemany(
                "DELETE FROM t_subject_person WHERE ry_id = %s",
                [(i,) for i in texts(persons.table[gone.tolist()], "ry_id")],
            )
            cursor.executemany(
                "DELETE FROM t_subject_person WHERE ry_id = %s", [(i,) for i in joined["ry_id"].to_list()]
            )
            cursor.execute("DELETE FROM t_ssj_inspection WHERE rwbh LIKE %s", [f"XZ{step}SSJ%"])
        databases.copy_rows(connection, "t_subject_person", joined)
        databases.copy_rows(connection, "t_ssj_inspection", checks)
    _note(report, "market_supervision/enterprise", changed=len(moved))
    _note(report, "market_supervision/enterprise_person", added=len(joined), removed=len(gone))
    _note(report, "market_supervision/inspection_record", added=len(checks))


def _estate(
    at: Place,
    county: County,
    rng: np.random.Generator,
    day: np.datetime64,
    step: int,
    report: dict[str, dict[str, int]],
) -> None:
    source = county.sources["real_estate/property_registration"]
    count = max(3, round(len(source) * 0.004))
    new = public(filings.property_log(rng, county.enterprises, count, day)).filter(pl.col("cd_operation") == "I")
    stamp = str(day).replace("-", "")
    new = new.with_columns(pl.Series("slbh", [f"{stamp}{900_000 + i}" for i in range(len(new))]))
    free = _sound(source, (pl.col("cd_operation") == "I") & ~pl.col("slbh").is_duplicated())
    again = public(source.table[_slice(free, step, count // 2).tolist()]).with_columns(
        pl.col("mj") + 0.5, pl.lit("U").alias("cd_operation")
    )
    gone = public(source.table[_slice(free[::-1], step, max(1, count // 8)).tolist()]).with_columns(
        pl.lit("D").alias("cd_operation")
    )
    log = pl.concat([new, again, gone])
    at_noon = (day.astype("datetime64[ms]") + np.timedelta64(12, "h")).item()
    first = len(source) + 100_000 * step
    log = log.with_columns(
        pl.int_range(first, first + len(log)).alias("cd_id"),
        pl.lit(at_noon).dt.cast_time_unit("ms").alias("cd_time"),
        pl.lit(f"PC{stamp}").alias("cd_batch"),
    )
    with psycopg.connect(at.databases().url("bdc")) as connection:
        connection.execute(
            sql.SQL("DELETE FROM qzj_bdc_djxx WHERE cd_id BETWEEN {} AND {}").format(first, first + 99_999)
        )
        databases.copy_rows(connection, "qzj_bdc_djxx", log)
    _note(report, "real_estate/property_registration", added=len(new), changed=len(again), removed=len(gone))


def _rewrite(at: Place, source: Source, table: pl.DataFrame, day: np.datetime64, *, file: str | None = None) -> None:
    """Write the file (or the one named) of a source again from these rows."""
    source.table = table.drop("~row", strict=False)
    place(source)
    form = FORMS[source.connector]
    rows = source.table.with_row_index("~n")
    rows = rows if file is None else rows.filter(pl.col("~file") == file)
    name = file or str(form.file)
    workbook.write_file(at.files / form.folder / name, [(str(rows["~sheet"][0]), source, rows)], day)


def _files(
    at: Place,
    county: County,
    rng: np.random.Generator,
    day: np.datetime64,
    step: int,
    report: dict[str, dict[str, int]],
) -> None:
    month = county.as_of.astype("datetime64[M]")
    stamp = str(month).replace("-", "")
    tax = county.sources["tax/tax_filing"]
    count = max(10, len(tax) // 40)
    name = f"纳税申报_{stamp}.xls" if step == 1 else f"纳税申报_{stamp}_补报{step}.xls"
    fresh = filings.tax_month(rng, county.enterprises, count, month, 500_000 + step * count).with_columns(
        pl.lit(name).alias("~file")
    )
    _rewrite(at, Source(tax.connector, tax.dataset, fresh, tax.key, rng), fresh, day, file=name)
    _note(report, tax.connector, added=count)

    water = county.sources["water/utility_connection"]
    newest = max(water.table["~file"].unique().to_list())
    rows = _slice(_sound(water, pl.col("~file") == newest), 1, 3)
    _rewrite(
        at,
        water,
        put(water.table, "费用", rows, [str(500 + 10 * step + i) for i in range(len(rows))]),
        day,
        file=newest,
    )
    _note(report, water.connector, changed=len(rows))

    loans = county.sources["finance_office/credit_loan"]
    # The last rows of the ledger move up two places a day: numbers noted for numeric cells must not shift.
    spoiled = {row for defect in loans.defects for row in defect.rows.tolist()}
    last = [row for row in range(len(loans) - 1, -1, -1) if row not in spoiled][: 2 * step]
    more = filings.loans(rng, county.enterprises, 5, day).with_columns(
        pl.Series("贷款编号", [f"DK9{step:02d}{i:03d}" for i in range(5)])
    )
    kept = loans.table.with_row_index("~k").filter(~pl.col("~k").is_in(last)).drop("~k")
    order = np.setdiff1d(np.arange(len(loans)), last)
    loans.numeric_cells = {column: np.searchsorted(order, cells) for column, cells in loans.numeric_cells.items()}
    _rewrite(at, loans, pl.concat([kept.drop("~file", "~sheet", "~row"), more]), day)
    _note(report, loans.connector, added=5, removed=2 if step == 1 else 7)

    problems = county.sources["business_env/rectification_problem"]
    late = np.flatnonzero((problems.table["~case"] == "overdue").to_numpy())[:step]
    done = problems.table
    for column, value in (
        ("整改/当前状态", "已销号"),
        ("整改/完成进度（%）", "100"),
        ("销号/申请日期", str(county.as_of)),
        ("销号/销号日期", str(county.as_of + 1)),
    ):
        done = put(done, column, late, value)
    done = put(done, "销号/销号人", late, done["责任/复核人"].gather(late.tolist()).to_list())
    _rewrite(at, problems, done, day)
    _note(report, problems.connector, changed=int(step <= 3))
