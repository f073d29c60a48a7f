"""SQLAlchemy tables of the shared warehouse, for analysts' own programs and for generated documentation.

    from sqlalchemy import create_engine, select
    from warehouse.metadata import shared
    ticket = shared().tables["shared.hotline_ticket"]

Columns follow the contracts; comments carry the Chinese titles.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
)
from sqlalchemy import types as kinds
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, UUID

from schemas.contract import Contract, Field, contracts

_PLAIN: dict[str, type[kinds.TypeEngine[Any]]] = {
    "text": Text, "smallint": SmallInteger, "integer": Integer, "bigint": BigInteger, "boolean": Boolean, "date": Date,
    "timestamp": TIMESTAMP, "jsonb": JSONB, "bytea": LargeBinary,
}  # fmt: skip


def _type(physical: str) -> kinds.TypeEngine[Any]:
    if match := re.fullmatch(r"varchar\((\d+)\)", physical):
        return String(int(match.group(1)))
    if match := re.fullmatch(r"numeric\((\d+),(\d+)\)", physical):
        return Numeric(int(match.group(1)), int(match.group(2)))
    return _PLAIN[physical]()


def _column(field: Field) -> Column[Any]:
    return Column(
        field.name,
        _type(field.physical_type),
        primary_key=bool(field.key),
        nullable=not field.required,
        comment=field.title,
    )


def _provenance() -> list[Column[Any]]:
    return [
        Column("source_system", String(80), nullable=False, comment="来源系统"),
        Column("source_pk", Text, nullable=False, comment="源主键"),
        Column("provider_dept_code", String(18), comment="提供部门"),
        Column("batch_id", Integer, nullable=False, comment="批次"),
        Column("extracted_at", TIMESTAMP(timezone=True), nullable=False, comment="抽取时间"),
        Column("valid_from", TIMESTAMP, comment="生效时间，数据没有说时为空"),
        Column("valid_to", TIMESTAMP, comment="失效时间"),
        Column("is_current", Boolean, nullable=False, comment="是否当前"),
        Column("row_hash", UUID, nullable=False, comment="行指纹"),
        Column("quality_status", Text, nullable=False, comment="质量状态：passed、warned、repaired"),
        Column("quality_notes", JSONB, comment="质量说明：修正前的原值、提示"),
        Column("source_sheet", Text, comment="来源工作表"),
        Column("source_row", Integer, comment="来源行号"),
    ]


@cache
def shared() -> MetaData:
    """The tables of schema `shared` as the contracts describe them."""
    metadata = MetaData(schema="shared")
    for contract in contracts().values():
        if contract.fields:
            _table(metadata, contract)
    return metadata


def _table(metadata: MetaData, contract: Contract) -> Table:
    name = "enterprise_record" if contract.dataset == "enterprise" else contract.dataset
    columns = [_column(f) for f in contract.fields.values()]
    if contract.party:
        columns.append(Column("enterprise_id", String(36), comment="主体ID"))
    return Table(
        name, metadata, *columns, *(c for c in _provenance() if c.name not in contract.fields), comment=contract.title
    )
