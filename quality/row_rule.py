"""One check of one row of a delivery, and what the checks that every contract has say."""

from __future__ import annotations

from dataclasses import dataclass

WORD = 60  # rules per bigint

AUTOMATIC = {
    "required": "不能为空。",
    "unparsed": "读不懂，不是约定的格式。",
    "code_set": "不在约定的代码表内。",
    "code_time": "这个代码在事件那天还没有启用，或者已经停用。",
    "too_long": "超过约定的长度。",
    "range": "超出允许的范围。",
    "pattern": "不符合约定的格式。",
    "numeric_id": "是以数字格式保存的长编码，末位已失真，请改为文本格式后重报。",
    "replacement_char": "含有乱码字符，原文已无法恢复，请重新导出。",
    "personal_number": "里写了个人的手机号、身份证号或银行卡号，不能作编号，请只写编号。",
    "placeholder": "填的是占位符，按未填处理。",
    "duplicate_key": "与本批另一行的主键相同。",
    "row_shape": "格数与表头不同，多半是内容里有分隔符、引号或换行而没有加引号。",
}

# How a value of each kind is written, for whoever has to mend one that could not be read; other kinds are always read.
WRITTEN = {
    "date": "日期，如 2026-03-31",
    "timestamp": "日期和时间，如 2026-03-31 14:05",
    "deadline": "日期或时限，如 2026-03-31、12月底前、长期坚持",
    "integer": "整数，如 12",
    "decimal": "数，如 12.5",
    "yuan": "金额，如 1200.50、3.5万元",
    "percent": "百分数，如 85、85%",
    "boolean": "“是”或“否”",
}


@dataclass(frozen=True)
class RowRule:
    """One check of one row; `bit` is its place in the row's words."""

    name: str
    field: str | None
    title: str
    reason: str
    severity: str
    condition: str
    bit: int

    @property
    def flag(self) -> str:
        """SQL that is true where a checked row fails this rule."""
        return f"(_w{self.bit // WORD} & {1 << (self.bit % WORD)}) <> 0"
