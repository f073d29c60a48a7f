"""Each SQL macro says what its pure twin says: on the tables, on mutations of them, and on invented text."""

import random
from collections.abc import Callable
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import addresses, amounts, dates, identifiers, macros, names, privacy, text

REFERENCE, TODAY = date(2020, 5, 6), date(2026, 11, 22)

Twin = Callable[[str | None], Any]
TWINS: dict[str, Twin] = {
    "id_is_placeholder(s)": identifiers.id_is_placeholder,
    "id_is_numeric(s)": identifiers.id_is_numeric,
    "id_clean(s)": identifiers.id_clean,
    "uscc_clean(s)": identifiers.uscc_clean,
    "uscc_valid(s)": identifiers.uscc_valid,
    "org_code_clean(s)": identifiers.org_code_clean,
    "org_code_valid(s)": identifiers.org_code_valid,
    "reg_no_clean(s)": identifiers.reg_no_clean,
    "reg_no_valid(s)": identifiers.reg_no_valid,
    "resident_id_clean(s)": identifiers.resident_id_clean,
    "resident_id_valid(s)": identifiers.resident_id_valid,
    "resident_id_valid(s, today := DATE '2026-11-22')": lambda s: identifiers.resident_id_valid(s, TODAY),
    "phone_clean(s)": identifiers.phone_clean,
    "phone_valid(s)": identifiers.phone_valid,
    "unit_no_clean(s)": identifiers.unit_no_clean,
    "unit_no_valid(s)": identifiers.unit_no_valid,
    "project_code_clean(s)": identifiers.project_code_clean,
    "project_code_valid(s)": identifiers.project_code_valid,
    "old_tax_valid(s)": identifiers.old_tax_valid,
    "taxpayer_id_clean(s)": identifiers.taxpayer_id_clean,
    "taxpayer_id_kind(s)": identifiers.taxpayer_id_kind,
    "taxpayer_id_valid(s)": identifiers.taxpayer_id_valid,
    "enterprise_code_clean(s)": identifiers.enterprise_code_clean,
    "enterprise_code_kind(s)": identifiers.enterprise_code_kind,
    "enterprise_code_valid(s)": identifiers.enterprise_code_valid,
    "date_value(s)": dates.date_value,
    "date_precision(s)": dates.date_precision,
    "date_value(s, DATE '2020-05-06', true, 'dmy')": lambda s: dates.date_value(s, REFERENCE, True, "dmy"),
    "date_precision(s, DATE '2020-05-06', true, 'mdy')": lambda s: dates.date_precision(s, REFERENCE, True, "mdy"),
    "timestamp_value(s)": dates.timestamp_value,
    "timestamp_value(s, 0, true, 'mdy')": lambda s: dates.timestamp_value(s, 0, True, "mdy"),
    "amount_yuan(s)": amounts.amount_yuan,
    "amount_yuan(s, '（万元）')": lambda s: amounts.amount_yuan(s, "（万元）"),
    "amount_yuan(s, '万美元')": lambda s: amounts.amount_yuan(s, "万美元"),
    "amount_is_approximate(s)": amounts.amount_is_approximate,
    "number_value(s)": amounts.number_value,
    "integer_value(s)": amounts.integer_value,
    "percent_value(s)": amounts.percent_value,
    "percent_value(s, 'ratio')": lambda s: amounts.percent_value(s, "ratio"),
    "boolean_value(s)": amounts.boolean_value,
    "name_strict_key(s)": names.name_strict_key,
    "address_key(s)": addresses.address_key,
    "address_town(s)": addresses.address_town,
    "address_village(s)": addresses.address_village,
    "address_numbers(s)": addresses.address_numbers,
    "address_today(s)": addresses.address_today,
    "name_loose_key(s)": names.name_loose_key,
    "name_is_branch(s)": names.name_is_branch,
    "mask_name(s)": privacy.mask_name,
    "mask_phone(s)": privacy.mask_phone,
    "mask_id(s)": privacy.mask_id,
    "mask_card(s)": privacy.mask_card,
    "scrub(s)": privacy.scrub,
    "nfkc(s)": text.nfkc,
    "text_clean(s)": text.text_clean,
    "free_text_clean(s)": text.free_text_clean,
    "code_clean(s)": text.code_clean,
    "is_blank_word(s)": text.is_blank_word,
    "has_replacement(s)": text.has_replacement,
    "has_lost_character(s)": text.has_lost_character,
}
# Characters that decide something somewhere: digits, signs, units, numerals, spaces seen and unseen, look-alikes.
ALPHABET = "0123456789-/.,:;+()年月日时分万亿元千百十零一二○OoIlXxTZEePM （）％%ＡＢ１２　\u200b\ufeff\u00a0'’—·|￥约底前季度张欧阳公司县店\t\nß䶮𬭎?〓\ufffd①Ⅱ"


def strings(value: Any) -> list[str]:
    """Every string in the tables, keys included."""
    if isinstance(value, str):
        return [value]
    parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [found for part in parts for found in strings(part)]


def mutated(chooser: random.Random, word: str) -> str:
    symbols = list(word)
    for _ in range(chooser.randint(1, 3)):
        place = chooser.randint(0, len(symbols))
        symbols[place : place + chooser.randint(0, 1)] = chooser.choice(ALPHABET) if chooser.random() < 0.7 else ""
    return "".join(symbols)


def disagreements(con: duckdb.DuckDBPyConnection, values: list[str | None]) -> list[str]:
    """Where a macro and its twin differ on these values."""
    con.register("cells", pa.table({"s": pa.array(values, pa.string())}))
    columns = ", ".join(f"{call} AS c{place}" for place, call in enumerate(TWINS))
    rows = con.execute(f"SELECT s, {columns} FROM cells").fetchall()
    return [
        f"{call} of {row[0]!r}: {row[place]!r} in SQL, {twin(row[0])!r} in Python"
        for row in rows
        for place, (call, twin) in enumerate(TWINS.items(), 1)
        if row[place] != twin(row[0])
    ]


def test_macros_agree_on_the_tables(con, vectors):
    assert not disagreements(con, [None, "", *strings(vectors)])


def test_macros_agree_on_mutations_of_the_tables(con, vectors):
    chooser = random.Random(20260301)
    words = strings(vectors)
    assert not disagreements(con, [mutated(chooser, chooser.choice(words)) for _ in range(2000)])


@settings(max_examples=3, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(st.text(ALPHABET, max_size=24), st.text(max_size=12)), min_size=60, max_size=120))
def test_macros_agree_on_invented_text(con, values):
    assert not disagreements(con, values)


def test_installing_again_changes_nothing(con):
    functions = "SELECT count(*) FROM duckdb_functions()"
    before = con.execute(functions).fetchone()
    macros.install(con)
    assert con.execute(functions).fetchone() == before


def test_the_loose_key_takes_the_sites_regions():
    site = duckdb.connect()
    macros.install(site, regions=("射山县", "射山"))
    key = "SELECT name_loose_key('射山鑫源商贸有限公司'), name_loose_key('示例鑫源商贸有限公司')"
    assert site.execute(key).fetchone() == ("鑫源商贸有限公司", "示例鑫源商贸有限公司")


def test_a_scale_nobody_declared_is_refused(con):
    with pytest.raises(duckdb.Error, match="scale must be"):
        con.execute("SELECT percent_value('95%', 'guess')").fetchall()


def test_a_column_of_serials_has_one_right_check_digit_in_ten(con):
    con.execute(
        "CREATE OR REPLACE TEMP TABLE codes AS SELECT lpad(i::VARCHAR, 15, '0') AS code FROM range(200000) t(i)"
    )
    assert con.execute("SELECT count(*) FROM codes WHERE reg_no_valid(code)").fetchone() == (20000,)
