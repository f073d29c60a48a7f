"""Who is who over time: merges and partings that can be undone, and what only a person may decide."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import NAMESPACE_OID, uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import ConfigError
from warehouse import identity, identity_cases, merging
from warehouse.engines.adbc import Connection

A, B = "91510999MA7TE5T00T", "91510999000000860Q"
REG = "510999000000010"


@pytest.fixture
def warehouse(database: str) -> Iterator[Connection]:
    with Connection(database) as connection:
        connection.execute(
            "INSERT INTO hub.source (connector, dataset, department, title) VALUES "
            "('market_supervision/enterprise', 'enterprise', 'market_supervision', '登记'), ('tax/filing', 'tax_filing', 'tax', '申报'), "
            "('hotline_office/ticket', 'hotline_ticket', 'hotline_office', '热线')"
        )
        connection.execute(
            "INSERT INTO hub.batch (source_id, dataset, delivery, kind, status, contract_version, extracted_at, extracted, passed, quarantined, "
            "repaired, warned, new_rows, changed_rows, unchanged_rows, superseded_rows, closed_rows) "
            "SELECT source_id, dataset, 'd', 'full', 'committed', '1', now(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM hub.source"
        )
        yield connection


def named(warehouse: Connection, source: str, name: str, *, uscc: str | None = None, reg_no: str | None = None) -> str:
    """A source names an enterprise; returns the party."""
    party = str(uuid5(NAMESPACE_OID, f"{source}|{name}|{uscc}|{reg_no}"))
    core = name.replace("有限责任公司", "有限公司")
    warehouse.execute(
        "INSERT INTO hub.party (party, source_id, first_batch_id, uscc, reg_no, name, strict_key, loose_key, is_branch) "
        "SELECT $1::uuid, s.source_id, b.batch_id, $2, $3, $4, $4, $5, $6 FROM hub.source s JOIN hub.batch b USING (source_id) WHERE s.connector LIKE $7 || '/%'",
        party, uscc, reg_no, name, core, "分公司" in name, source,
    )  # fmt: skip
    return party


def ids(warehouse: Connection) -> dict[str, str | None]:
    return {
        r["party"]: r["id"]
        for r in warehouse.rows("SELECT party::text AS party, enterprise_id::text AS id FROM hub.party")
    }


def cases(warehouse: Connection) -> list[tuple[str, str]]:
    return [(c["kind"], c["subject"]) for c in identity_cases.listed(warehouse)]


def test_a_number_and_a_code_become_one_and_the_elder_id_stays(warehouse: Connection) -> None:
    old = named(warehouse, "tax", "鑫源商贸有限公司", reg_no=REG)
    identity.resolve(warehouse)
    elder = ids(warehouse)[old]
    coded = named(warehouse, "hotline_office", "鑫源商贸有限公司", uscc=A)
    identity.resolve(warehouse)
    younger = ids(warehouse)[coded]
    assert younger not in (None, elder)
    both = named(warehouse, "market_supervision", "鑫源商贸有限责任公司", uscc=A, reg_no=REG)
    identity.resolve(warehouse)
    assert set(ids(warehouse).values()) == {elder}
    assert merging.current(warehouse, str(younger)) == elder

    # A person parts them: both have their own back, and the register row joins them no more.
    merging.unmerge(warehouse, str(younger), by="王芳", reason="查档，两家")
    parted = ids(warehouse)
    assert (parted[old], parted[coded], parted[both]) == (elder, younger, younger)
    for _ in range(2):
        identity.resolve(warehouse)
        assert ids(warehouse) == parted
    assert ("merge_refused", REG) in cases(warehouse)

    # A later record of either goes to its own, and a person may join them again.
    later = named(warehouse, "hotline_office", "鑫源商贸", uscc=A)
    identity.resolve(warehouse)
    assert ids(warehouse)[later] == younger
    merging.merge(warehouse, str(younger), str(elder), by="王芳", reason="补充材料")
    assert set(ids(warehouse).values()) == {elder}
    steps = merging.history(warehouse, str(younger))
    assert [(s["rule"], s["undone_by"]) for s in steps] == [("register_row", "王芳"), ("person", None)]


def test_a_rerun_and_an_added_source_change_no_id(warehouse: Connection) -> None:
    first = [named(warehouse, "tax", f"第{n}商贸有限公司", uscc=code) for n, code in enumerate((A, B))]
    identity.resolve(warehouse)
    before = ids(warehouse)
    identity.resolve(warehouse)
    named(warehouse, "market_supervision", "第0商贸有限公司", uscc=A, reg_no=REG)
    named(warehouse, "hotline_office", "第1商贸有限公司", uscc=B)
    identity.resolve(warehouse)
    after = ids(warehouse)
    assert {party: after[party] for party in first} == before
    assert len(set(after.values())) == 2


def test_same_code_with_another_name_waits_for_a_person(warehouse: Connection) -> None:
    register = named(warehouse, "market_supervision", "示例县鑫源商贸有限公司", uscc=A)
    longer = named(warehouse, "tax", "示例县鑫源商贸有限责任公司", uscc=A)
    strange = named(warehouse, "hotline_office", "城南幼儿园", uscc=A)
    identity.resolve(warehouse)
    found = ids(warehouse)
    assert found[longer] == found[register]
    assert found[strange] is None
    assert cases(warehouse) == [("same_code_other_name", A)]
    case = identity_cases.listed(warehouse)[0]["case_id"]
    identity_cases.decide(warehouse, case, "same", by="王芳", reason="曾用名")
    identity.resolve(warehouse)
    assert ids(warehouse)[strange] == found[register]
    assert cases(warehouse) == []
    identity_cases.decide(warehouse, case, "different", by="李明", reason="代码抄错")
    identity.resolve(warehouse)
    assert ids(warehouse)[strange] is None


def test_same_name_with_two_codes_is_never_one_by_rule(warehouse: Connection) -> None:
    one = named(warehouse, "market_supervision", "示例县鑫源商贸有限公司", uscc=A)
    two = named(warehouse, "tax", "示例县鑫源商贸有限公司", uscc=B)
    identity.resolve(warehouse)
    found = ids(warehouse)
    assert found[one] != found[two]
    assert cases(warehouse) == [("same_name_other_code", "示例县鑫源商贸有限公司")]
    identity_cases.decide(
        warehouse, identity_cases.listed(warehouse)[0]["case_id"], "different", by="王芳", reason="重名"
    )
    identity.resolve(warehouse)
    assert ids(warehouse) == found
    assert cases(warehouse) == []


def test_a_branch_never_joins_its_parent(warehouse: Connection) -> None:
    parent = named(warehouse, "market_supervision", "示例县鑫源商贸有限公司", uscc=A)
    branch = named(warehouse, "market_supervision", "示例县鑫源商贸有限公司城东分公司", uscc=B)
    astray = named(warehouse, "tax", "示例县鑫源商贸有限公司城西分公司", uscc=A)
    identity.resolve(warehouse)
    found = ids(warehouse)
    assert found[astray] is None
    assert cases(warehouse) == [("branch_under_code", A)]
    with pytest.raises(ConfigError, match="分支机构"):
        merging.merge(warehouse, str(found[parent]), str(found[branch]), by="王芳", reason="想合并")
    with pytest.raises(ConfigError, match="分支机构"):
        identity_cases.decide(warehouse, identity_cases.listed(warehouse)[0]["case_id"], "same", by="王芳", reason="x")


def test_a_branch_named_first_leaves_the_code_to_its_parent(warehouse: Connection) -> None:
    branch = named(warehouse, "tax", "示例县鑫源商贸有限公司城东分公司", uscc=A)
    identity.resolve(warehouse)
    founded = ids(warehouse)[branch]
    parent = named(warehouse, "hotline_office", "示例县鑫源商贸有限公司", uscc=A)
    identity.resolve(warehouse)
    assert ids(warehouse) == {branch: None, parent: founded}
    assert cases(warehouse) == [("branch_under_code", A)]


def test_whoever_lists_enterprises_too_is_not_the_register(warehouse: Connection) -> None:
    """The names' owner tells what a code is called; a list of another department is heard like any other source."""
    warehouse.execute(
        "INSERT INTO hub.source (connector, dataset, department, title) VALUES ('water/customer', 'enterprise', 'water', '用户')"
    )
    warehouse.execute(
        "INSERT INTO hub.batch (source_id, dataset, delivery, kind, status, contract_version, extracted_at, extracted, passed, quarantined, "
        "repaired, warned, new_rows, changed_rows, unchanged_rows, superseded_rows, closed_rows) "
        "SELECT source_id, dataset, 'd', 'full', 'committed', '1', now(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM hub.source WHERE department = 'water'"
    )
    register = named(warehouse, "market_supervision", "示例县鑫源商贸有限公司", uscc=A)
    strange = named(warehouse, "water", "城南幼儿园", uscc=A)
    identity.resolve(warehouse)
    assert ids(warehouse)[strange] is None
    assert ids(warehouse)[register] is not None
    assert cases(warehouse) == [("same_code_other_name", A)]


def test_a_shop_that_changed_hands_is_another_and_a_company_is_not(warehouse: Connection) -> None:
    def at(source: str, name: str, person: str, uscc: str | None = None) -> str:
        party = named(warehouse, source, name, uscc=uscc)
        second = f"ARRAY['legal_rep_hash={person}', 'reg_address=南门街2']"
        warehouse.execute(f"UPDATE hub.party SET second = {second} WHERE party = '{party}'")
        return party

    shop, firm = at("market_supervision", "老王面馆", "赵", A), at("market_supervision", "鑫源商贸有限公司", "赵", B)
    before, moved = at("tax", "老王面馆", "王"), at("tax", "鑫源商贸有限公司", "王")
    again = at("hotline_office", "老王面馆", "赵")
    identity.resolve(warehouse)
    found = ids(warehouse)
    assert (found[before], found[again], found[moved]) == (None, found[shop], found[firm])


def test_a_verdict_is_about_the_names_and_enterprises_it_was_given_on(warehouse: Connection) -> None:
    def decide(verdict: str) -> None:
        [case] = identity_cases.listed(warehouse)
        identity_cases.decide(warehouse, case["case_id"], verdict, by="王芳", reason="查档")
        identity.resolve(warehouse)
        assert cases(warehouse) == []

    register = named(warehouse, "market_supervision", "示例县鑫源商贸有限公司", uscc=A)
    former = named(warehouse, "tax", "城南幼儿园", uscc=A)
    identity.resolve(warehouse)
    decide("same")
    again = named(warehouse, "hotline_office", "城南幼儿园", uscc=A)
    stranger = named(warehouse, "hotline_office", "老王面馆", uscc=A)
    identity.resolve(warehouse)
    found = ids(warehouse)
    assert found[former] == found[again] == found[register]
    assert found[stranger] is None
    assert [case["names"] for case in identity_cases.listed(warehouse)] == ["老王面馆"]
    decide("different")
    assert ids(warehouse) == found

    # The same of one name: two are one, a third that comes later is asked about again.
    other = named(warehouse, "tax", "示例县鑫源商贸有限公司", uscc=B)
    identity.resolve(warehouse)
    decide("same")
    third = named(warehouse, "tax", "示例县鑫源商贸有限公司", uscc="91510999000000877N")
    identity.resolve(warehouse)
    assert cases(warehouse) == [("same_name_other_code", "示例县鑫源商贸有限公司")]
    decide("different")
    found = ids(warehouse)
    assert found[other] == found[register] != found[third]
    fourth = named(warehouse, "tax", "示例县鑫源商贸有限公司", uscc="91510999000000885X")
    identity.resolve(warehouse)
    with pytest.raises(ConfigError, match="定过不是同一主体"):
        decide("same")
    merging.merge(warehouse, str(found[third]), str(ids(warehouse)[fourth]), by="王芳", reason="查档")
    assert ids(warehouse)[fourth] == found[third]


def test_nobody_decides_without_a_name_and_a_reason(warehouse: Connection) -> None:
    one, two = named(warehouse, "tax", "甲商贸有限公司", uscc=A), named(warehouse, "tax", "乙商贸有限公司", uscc=B)
    identity.resolve(warehouse)
    found = ids(warehouse)
    for by, reason in ((" ", "合"), ("王芳", "　")):
        with pytest.raises(ConfigError, match="没有写"):
            merging.merge(warehouse, str(found[one]), str(found[two]), by=by, reason=reason)
        with pytest.raises(ConfigError, match="没有写"):
            merging.unmerge(warehouse, str(found[one]), by=by, reason=reason)
        with pytest.raises(ConfigError, match="没有写"):
            identity_cases.decide(warehouse, 1, "same", by=by, reason=reason)
    merging.merge(warehouse, str(found[one]), str(found[two]), by="王芳", reason="电询 13908255417")
    assert [step["reason"] for step in merging.history(warehouse, str(found[one]))] == ["电询 139****5417"]


def test_what_was_merged_into_the_middle_of_a_chain_goes_with_it(warehouse: Connection) -> None:
    own = []
    for n in range(3):
        party = named(warehouse, "tax", f"第{n}商行", reg_no=f"{n:015d}")
        identity.resolve(warehouse)
        own.append(str(ids(warehouse)[party]))
    merging.merge(warehouse, own[1], own[2], by="王芳", reason="合")
    merging.merge(warehouse, own[0], own[1], by="王芳", reason="合")
    assert merging.unmerge(warehouse, own[1], by="王芳", reason="拆") == (own[0], own[1])
    assert merging.along(warehouse, own[1]) == [own[2]]
    assert merging.along(warehouse, own[0]) == []


def test_what_was_never_merged_cannot_be_parted(warehouse: Connection) -> None:
    named(warehouse, "tax", "甲商贸有限公司", uscc=A)
    identity.resolve(warehouse)
    only = next(iter(ids(warehouse).values()))
    with pytest.raises(ConfigError, match="没有并入别的主体"):
        merging.unmerge(warehouse, str(only), by="王芳", reason="x")
    with pytest.raises(ConfigError, match="没有这个编号"):
        merging.current(warehouse, "00000000-0000-0000-0000-000000000000")


def test_a_person_names_an_enterprise_by_code_number_or_name(warehouse: Connection) -> None:
    named(warehouse, "tax", "甲商贸有限公司", uscc=A)
    named(warehouse, "hotline_office", "甲商贸公司", uscc=A)
    named(warehouse, "tax", "乙商贸有限公司", reg_no=REG)
    named(warehouse, "hotline_office", "甲商贸有限公司", uscc=B)
    identity.resolve(warehouse)
    one = merging.find(warehouse, A.lower())
    assert merging.find(warehouse, one.upper()) == merging.find(warehouse, "甲商贸公司") == one
    assert merging.find(warehouse, REG) == merging.find(warehouse, "乙商贸有限公司") != one
    with pytest.raises(ConfigError, match="不止一个主体"):
        merging.find(warehouse, "甲商贸有限公司")
    with pytest.raises(ConfigError, match="没有这个编号、信用代码"):
        merging.find(warehouse, "丙商贸有限公司")


_STEP = st.tuples(st.sampled_from(["merge", "unmerge", "run"]), st.integers(0, 6), st.integers(0, 6))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_STEP, max_size=14))
def test_any_chain_of_merges_and_partings(warehouse: Connection, steps: list[tuple[str, int, int]]) -> None:
    """The shown id is the eldest of those joined; undoing everything gives every party its own id back."""
    warehouse.execute("SAVEPOINT example")
    try:
        own = []
        for n in range(7):
            key = f"{n:015d}"
            party = named(warehouse, "tax", f"第{n}商行", reg_no=key)
            identity.resolve(warehouse)
            own.append((party, str(ids(warehouse)[party])))
        up: dict[int, int] = {}  # the forest as it should be: younger -> elder

        def root(n: int) -> int:
            while n in up:
                n = up[n]
            return n

        for step, x, y in steps:
            if step == "run":
                identity.resolve(warehouse)
            elif step == "merge" and root(x) != root(y):
                elder, younger = sorted((root(x), root(y)))
                assert merging.merge(warehouse, own[x][1], own[y][1], by="王芳", reason="合") == (
                    own[elder][1],
                    own[younger][1],
                )
                up[younger] = elder
            elif step == "unmerge" and x in up:
                assert merging.unmerge(warehouse, own[x][1], by="王芳", reason="拆") == (own[up[x]][1], own[x][1])
                del up[x]
            shown = ids(warehouse)
            assert [shown[party] for party, _ in own] == [own[root(n)][1] for n in range(7)]
            for n in {root(n) for n in range(7)}:
                assert merging.along(warehouse, own[n][1]) == sorted(own[m][1] for m in range(7) if root(m) == n != m)
        for n in list(up):
            merging.unmerge(warehouse, own[n][1], by="王芳", reason="全拆")
        identity.resolve(warehouse)
        assert [ids(warehouse)[party] for party, _ in own] == [mine for _, mine in own]
    finally:
        warehouse.execute("ROLLBACK TO SAVEPOINT example")
