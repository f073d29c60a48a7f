"""Identifiers: every valid, invalid and repairable value of the table, and the rules behind the reasons."""

from datetime import date

import pytest

from schemas import identifiers
from schemas.identifiers import KINDS, check

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize("kind", KINDS)
def test_table(kind, vectors):
    table = vectors[kind]
    for code in table["valid"]:
        verdict = check(kind, code, today=TODAY)
        assert (verdict.valid, verdict.value, verdict.repaired, verdict.reason) == (True, code, False, ""), verdict
    for raw, reason in table["invalid"].items():
        verdict = check(kind, raw, today=TODAY)
        assert not verdict.valid
        assert verdict.value is None
        assert not verdict.repaired
        assert reason in verdict.reason, verdict
    for raw, value in table["repairable"].items():
        verdict = check(kind, raw, today=TODAY)
        assert (verdict.valid, verdict.value, verdict.repaired, verdict.raw) == (True, value, True, raw), verdict
        assert verdict.reason


def test_every_single_wrong_symbol_of_a_uscc_is_noticed():
    code = "91510999MA7TE5T00T"
    for place in range(18):
        for symbol in identifiers.USCC_ALPHABET:
            changed = code[:place] + symbol + code[place + 1 :]
            assert identifiers.uscc_valid(changed) is (changed == code)


def test_swapped_neighbours_of_a_uscc_are_noticed():
    code = "91510999MA7TE5T02"
    code += next(symbol for symbol in identifiers.USCC_ALPHABET if identifiers.uscc_valid(code + symbol))
    for place in range(17):
        swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        assert identifiers.uscc_valid(swapped) is (swapped == code)


@pytest.mark.parametrize("authority", "123456789ANY")
def test_every_registering_department_counts(authority):
    body = f"{authority}1510999MB0000019"
    assert sum(bool(identifiers.uscc_valid(body + symbol)) for symbol in identifiers.USCC_ALPHABET) == 1


def test_letters_are_never_corrected_to_digits():
    for raw in ("9I510999MA7TE5T00T", "91510999MA7TE5TO0T", "91510999MA7TE5TOOT"):
        verdict = check("uscc", raw)
        assert not verdict.valid
        assert "不自动更正" in verdict.reason


def test_the_holder_is_read_from_the_first_two_symbols(vectors):
    holders = {code[:2]: identifiers.uscc_holder(code) for code in vectors["uscc"]["valid"]}
    assert holders["91"] == "企业"
    assert holders["93"] == "农民专业合作社"
    assert holders["N2"] == "村级农村集体经济组织"


def test_birth_dates_are_judged_on_the_given_day():
    newborn = "51000020260301"
    code = next(
        c
        for c in (f"{newborn}001{d}" for d in identifiers.RESIDENT_ID_CHECKS)
        if identifiers.resident_id_valid(c, TODAY)
    )
    assert check("resident_id", code, today=date(2026, 3, 1)).valid
    assert "晚于今天" in check("resident_id", code, today=date(2026, 2, 28)).reason


def test_enterprise_codes_and_taxpayer_numbers_name_what_they_are():
    kinds = {
        "91510999MA7TE5T00T": "uscc",
        "510999000000010": "reg_no",
        "MA7TE5T00": "org_code",
        "510999MA7TE5T00": "old_tax",
    }
    assert {code: check("enterprise_code", code).kind for code in kinds} == kinds
    assert check("taxpayer_id", "510000199003070014", today=TODAY).kind == "resident_id"
    assert check("taxpayer_id", "510999MA7TE5T00").kind == "old_tax"
    assert check("enterprise_code", "12345").kind == "enterprise_code"


def test_an_organisation_code_with_an_e_is_not_a_number_of_a_spreadsheet():
    assert not identifiers.id_is_numeric("1234567E-8")
    assert not identifiers.id_is_numeric("91510999000000E123")
    assert identifiers.id_is_numeric("9.15E+17")


def test_none_and_unknown_kinds():
    assert check("uscc", None).reason == "空值"
    assert identifiers.uscc_valid(None) is None
    with pytest.raises(ValueError, match="unknown identifier kind 'ussc'"):
        check("ussc", "1")
