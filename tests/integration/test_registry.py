"""Registration in a real database: drafts, two people, versions, standing, contracts that come along."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.spec import Registry
from schemas import contract
from schemas.errors import ConfigError, ConfigErrors
from warehouse import registry
from warehouse.home import Home

DOCUMENT = {
    "title": "热线回访",
    "dataset": "hotline_callback",
    "source": {"driver": "csv", "path": "${HUB_SOURCE_INBOX}/*.csv", "settle": 0},
    "load": {"mode": "file"},
    "fields": {"callback_id": "回访编号", "ticket_no": "工单编号", "round": "轮次", "called_at": "回访时间", "method": "方式"},
}  # fmt: skip
NAME = "hotline_office/callback_sheet"
CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: park_fee
name: 停车收费
version: 1.0.0
status: draft
domain: other
schema:
  - name: park_fee
    businessName: 停车收费
    logicalType: object
    physicalType: table
    properties:
      - {name: fee_no, businessName: 单号, logicalType: string, physicalType: varchar(40), primaryKey: true, primaryKeyPosition: 1, required: true, classification: S1}
"""

Control = "psycopg.Connection[dict[str, Any]]"


@pytest.fixture
def control(home: Home) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    with registry.connect(home) as connection:
        yield connection


def test_a_draft_survives_and_goes_on(control: psycopg.Connection[dict[str, Any]], home: Home) -> None:
    kept = registry.save(control, NAME, {"title": "热线回访"}, by="王芳", seen={"step": "source"})
    with registry.connect(home) as other:
        found = registry.registration(other, kept.registration_id)
        assert (found.state, found.document, found.seen) == ("draft", {"title": "热线回访"}, {"step": "source"})
        more = registry.save(other, NAME, DOCUMENT, by="王芳", seen={"probe": []}, number=kept.registration_id)
    assert more.document == DOCUMENT
    assert more.seen == {"step": "source", "probe": []}
    assert list(more.document["fields"]) == list(DOCUMENT["fields"])


def test_live_only_after_another_person_approved(control: psycopg.Connection[dict[str, Any]], home: Home) -> None:
    number = registry.save(control, NAME, DOCUMENT, by="王芳").registration_id
    assert NAME not in registry.load(home).connectors
    registry.submit(control, number, by="赵敏")
    for same in ("王芳", "赵敏", " 赵敏 ", "王 芳", "王\u3000芳", "王\u200b芳"):
        with pytest.raises(ConfigError, match="另一个人"):
            registry.approve(control, number, by=same)
    assert NAME not in registry.load(home).connectors
    made = registry.approve(control, number, by="李强")
    assert (made.version, made.made_by, made.approved_by, made.effective_on) == (1, "赵敏", "李强", registry.ALWAYS)
    assert registry.load(home).get(NAME).title == "热线回访"
    with pytest.raises(ConfigError, match="待审批"):
        registry.approve(control, number, by="李强")


def test_who_changed_a_draft_does_not_approve_it(control: psycopg.Connection[dict[str, Any]]) -> None:
    number = registry.save(control, NAME, DOCUMENT, by="王芳").registration_id
    registry.save(control, NAME, DOCUMENT | {"title": "回访"}, by="李强", number=number)
    registry.submit(control, number, by="王芳")
    with pytest.raises(ConfigError, match="另一个人"):
        registry.approve(control, number, by="李 强")
    assert registry.approve(control, number, by="赵敏").document["title"] == "回访"


def test_one_person_with_two_accounts_does_not_approve(control: psycopg.Connection[dict[str, Any]]) -> None:
    for name, who in (("wang_f", "王芳"), ("wang_f2", "王 芳"), ("li_q", "李强")):
        control.execute(
            "INSERT INTO hub.account (name, person, role, created_by) VALUES (%s, %s, 'engineer', 'root@console')",
            [name, who],
        )
    number = registry.save(control, NAME, DOCUMENT, by="wang_f").registration_id
    registry.submit(control, number, by="wang_f")
    for same in ("wang_f2", "王芳"):
        with pytest.raises(ConfigError, match="另一个人"):
            registry.approve(control, number, by=same)
    assert registry.approve(control, number, by="li_q").approved_by == "li_q"


def test_the_database_itself_refuses_one_person_for_both(control: psycopg.Connection[dict[str, Any]]) -> None:
    number = registry.save(control, NAME, DOCUMENT, by="Wang").registration_id
    registry.submit(control, number, by="Wang")
    with pytest.raises(psycopg.errors.CheckViolation):
        control.execute(
            "UPDATE hub.registration SET state = 'approved', decided_by = 'wang' WHERE registration_id = %s", [number]
        )
    control.rollback()


def test_a_wrong_draft_is_kept_but_not_submitted(control: psycopg.Connection[dict[str, Any]]) -> None:
    wrong = DOCUMENT | {"fields": {"ticket_no": "工单编号"}, "schedule": "每天"}
    number = registry.save(control, NAME, wrong, by="王芳").registration_id
    with pytest.raises(ConfigErrors) as told:
        registry.submit(control, number, by="王芳")
    assert len(told.value.errors) >= 2
    assert registry.registration(control, number).state == "draft"


def test_rejected_is_taken_up_again(control: psycopg.Connection[dict[str, Any]]) -> None:
    number = registry.save(control, NAME, DOCUMENT, by="王芳").registration_id
    registry.submit(control, number, by="王芳")
    with pytest.raises(ConfigError, match="原因"):
        registry.reject(control, number, by="李强", reason=" ")
    assert registry.reject(control, number, by="李强", reason="列对应错了").state == "rejected"
    registry.save(control, NAME, DOCUMENT, by="王芳", number=number)
    assert registry.submit(control, number, by="王芳").state == "submitted"
    with pytest.raises(ConfigError, match="不能再改"):
        registry.save(control, NAME, DOCUMENT, by="王芳", number=number)
    assert registry.withdraw(control, number, by="王芳").state == "withdrawn"


def test_versions_and_what_people_did_are_kept(control: psycopg.Connection[dict[str, Any]], home: Home) -> None:
    for title in ("热线回访", "热线回访（新）"):
        number = registry.save(control, NAME, DOCUMENT | {"title": title}, by="王芳").registration_id
        registry.submit(control, number, by="王芳")
        registry.approve(control, number, by="李强")
    assert [v.version for v in registry.versions(control, NAME)] == [1, 2]
    live = registry.load(home).get(NAME)
    assert live.title == "热线回访（新）"
    first = registry.as_of(registry.versions(control, NAME), live, date(2020, 1, 1))
    assert first.title == "热线回访"
    registry.stand(control, NAME, "paused", by="王芳", reason="系统升级")
    assert not registry.load(home).get(NAME).enabled
    registry.stand(control, NAME, "active", by="王芳", reason="")
    assert registry.load(home).get(NAME).enabled
    registry.stand(control, NAME, "retired", by="王芳", reason="下线")
    assert NAME not in registry.load(home).connectors
    kinds = [e["kind"] for e in registry.events(control, NAME)]
    assert kinds == ["submitted", "approved"] * 2 + ["paused", "resumed", "retired"]


def test_one_bad_entry_stops_no_other(control: psycopg.Connection[dict[str, Any]], home: Home) -> None:
    number = registry.save(control, NAME, DOCUMENT, by="王芳").registration_id
    registry.submit(control, number, by="王芳")
    registry.approve(control, number, by="李强")
    control.execute(
        "INSERT INTO hub.connector_version (connector, version, document, effective_on, made_by) "
        "VALUES ('tax/broken', 1, '{\"title\": \"x\", \"sourse\": {}}', '2026-01-01', '某人')"
    )
    control.commit()
    found: Registry = registry.load(home)
    assert NAME in found.connectors
    assert "sourse" in str(found.broken["tax/broken"])


def test_a_contract_comes_along(control: psycopg.Connection[dict[str, Any]], home: Home) -> None:
    document = DOCUMENT | {"dataset": "park_fee", "fields": {"fee_no": "单号"}}
    number = registry.save(control, "housing/park_fee", document, by="王芳", contract=CONTRACT).registration_id
    registry.submit(control, number, by="王芳")
    with pytest.raises(ConfigError):
        contract.contract("park_fee")
    registry.approve(control, number, by="李强")
    assert registry.load(home).get("housing/park_fee").fields == {"fee_no": "单号"}
    assert contract.contract("park_fee").title == "停车收费"
    assert "park_fee" in contract.contracts()
    contract.include(None)  # another home is opened and left
    assert not registry.join(registry.files(home), control, home).broken
    Path(home.contracts / "park_fee.odcs.yaml").unlink()
    contract.forget()
    assert registry.load(home).get("housing/park_fee")  # the database keeps it
