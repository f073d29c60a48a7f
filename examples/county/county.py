"""The whole county: every source table with its planted defects, made from a seed and nothing else.

The same seed, scale and date give the same tables, byte for byte; nothing looks at the clock.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from examples.county import (
    enterprises,
    filings,
    hotline,
    indicators,
    layout,
    ledgers,
    planting,
    planting_files,
    registers,
    service,
)
from examples.county.defects import REPAIRED, WARNED, Source
from examples.county.enterprises import Enterprises
from examples.county.frames import texts

AS_OF = "2026-09-30"


@dataclass(frozen=True)
class County:
    """Everything a source system will be filled with, by connector."""

    seed: int
    scale: float
    as_of: np.datetime64
    enterprises: Enterprises
    sources: dict[str, Source]
    hot: list[dict[str, object]]

    def tables(self, *connectors: str) -> list[pl.DataFrame]:
        """The tables of these connectors, as they are now."""
        return [self.sources[connector].table for connector in connectors]


def random(seed: int, name: str) -> np.random.Generator:
    """A stream of its own for each purpose, so that adding one changes no other."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def sizes(scale: float) -> dict[str, int]:
    """How many of what at this scale; 1 is a real county of half a million people."""
    full = {
        "enterprises": 20_000, "cases": 60_000, "tickets": 40_000, "permits": 800, "filings": 1_500, "refunds": 300,
        "registrations": 8_000, "loans": 3_000, "water": 2_200, "power": 1_800, "inspections": 2_500, "survey": 2_000,
    }  # fmt: skip
    least = {
        "enterprises": 600,
        "tickets": 800,
        "cases": 600,
        "permits": 120,
        "loans": 150,
        "water": 150,
        "power": 150,
        "registrations": 200,
        "filings": 60,
    }
    return {name: max(least.get(name, 40), round(count * scale)) for name, count in full.items()}


def build(seed: int = 7, scale: float = 1.0, as_of: str = AS_OF) -> County:
    """Make the county.

    Args:
        seed: tells one county from another.
        scale: 1 gives about 20,000 enterprises, 60,000 cases and 40,000 tickets.
        as_of: the day on which the county is looked at.
    """
    day = np.datetime64(as_of, "D")
    n = sizes(scale)
    e = enterprises.make(random(seed, "enterprises"), n["enterprises"], day)
    sources: dict[str, Source] = {}

    def add(
        connector: str,
        dataset: str,
        table: pl.DataFrame,
        key: tuple[str, ...],
        party: tuple[str, str] | None = None,
        second: str | None = None,
    ) -> Source:
        sources[connector] = Source(connector, dataset, table, key, random(seed, "defects/" + connector), party, second)
        return sources[connector]

    make: Callable[[str], np.random.Generator] = lambda name: random(seed, name)  # noqa: E731
    add(
        "market_supervision/enterprise",
        "enterprise",
        registers.subjects(make("subjects"), e, day),
        ("zt_id",),
        ("tyshxydm", "名称"),
        "法定代表人",
    )
    add(
        "market_supervision/enterprise_person",
        "enterprise_person",
        registers.persons(make("persons"), e),
        ("ry_id",),
        ("tyshxydm", "名称"),
    )
    add(
        "market_supervision/enterprise_name_history",
        "enterprise_name_history",
        registers.former_names(make("former names"), e),
        ("tyshxydm", "曾用名"),
        ("tyshxydm", "现名称"),
    )
    add(
        "market_supervision/inspection_record",
        "inspection_record",
        registers.inspections(make("inspections"), e, n["inspections"], day),
        ("rwbh",),
        ("tyshxydm", "被查对象"),
    )
    cases, steps = service.make(make("service"), e, n["cases"], day)
    add("service_center/service_case", "service_case", cases, ("sblsh",), ("qydm", "qymc"))
    add("service_center/service_case_event", "service_case_event", steps, ("sblsh", "hjxh"))
    line = hotline.make(make("hotline"), e, n["tickets"], day, n["tickets"] / 40_000)
    add(
        "hotline_office/hotline_ticket",
        "hotline_ticket",
        line.tickets,
        ("ticketNo",),
        ("enterpriseCode", "enterpriseName"),
    )
    add("hotline_office/hotline_ticket_event", "hotline_ticket_event", line.events, ("eventId",))
    add("hotline_office/hotline_assignment", "hotline_assignment", line.assignments, ("ticketNo", "dept", "role"))
    add("hotline_office/hotline_callback", "hotline_callback", line.callbacks, ("callbackId",))
    add(
        "tax/tax_filing",
        "tax_filing",
        _tax(make("tax"), e, n["filings"], day),
        ("申报流水号",),
        ("纳税人识别号", "纳税人名称"),
    )
    add(
        "tax/tax_refund",
        "tax_refund",
        registers.refunds(make("refunds"), e, n["refunds"], day),
        ("退税流水号",),
        ("纳税人识别号", "纳税人名称"),
    )
    add(
        "real_estate/property_registration",
        "property_registration",
        filings.property_log(make("property"), e, n["registrations"], day),
        ("slbh",),
        ("qlrzjh", "qymc"),
    )
    add(
        "housing/construction_permit",
        "service_case",
        _quarters(service.permits(make("permits"), e, n["permits"], day), "申请日期", "施工许可", "csv"),
        ("许可编号",),
        ("统一社会信用代码/组织机构代码", "建设单位"),
    )
    add(
        "water/utility_connection",
        "utility_connection",
        _quarters(filings.connections(make("water"), e, n["water"], day, power=False), "申请时间", "用水报装", "csv"),
        ("报装编号",),
        ("信用代码", "用户名称"),
        "联系电话",
    )
    add(
        "power/utility_connection",
        "utility_connection",
        _halves(filings.connections(make("power"), e, n["power"], day, power=True)),
        ("报装编号",),
        ("信用代码", "用户名称"),
        "联系电话",
    )
    add(
        "finance_office/credit_loan",
        "credit_loan",
        filings.loans(make("loans"), e, n["loans"], day),
        ("贷款编号",),
        ("统一社会信用代码", "企业名称"),
        "法定代表人",
    )
    add(
        "investment/survey_response",
        "survey_response",
        registers.survey(make("survey"), e, n["survey"], day),
        ("调查期", "问卷编号", "题号"),
        ("统一社会信用代码", "企业名称"),
        "联系电话",
    )
    books = ledgers.make(make("rectification"), day)
    add("business_env/rectification_problem", "rectification_problem", books.problems, ("问题编号",))
    add("business_env/rectification_measure", "rectification_measure", books.measures, ("措施编号",))
    add("business_env/rectification_progress", "rectification_progress", books.progress, ("进展编号",))
    add("business_env/rectification_review", "rectification_review", books.reviews, ("审核编号",))
    add("evaluation/indicator_scheme", "indicator_scheme", indicators.scheme(), ("方案代码",))
    add("evaluation/indicator_definition", "indicator_definition", indicators.definitions(), ("方案代码", "指标代码"))
    add("evaluation/indicator_score", "indicator_score", indicators.scores(), ("方案代码", "指标代码"))
    add(
        "evaluation/indicator_benchmark",
        "indicator_benchmark",
        indicators.benchmarks(),
        ("方案代码", "指标代码", "对标类型"),
    )
    add(
        "evaluation/indicator_evidence",
        "indicator_evidence",
        indicators.evidence(),
        ("方案代码", "指标代码", "材料名称"),
    )
    _plant(sources, e)
    for connector in layout.FORMS:
        layout.place(sources[connector])
    return County(seed, scale, day, e, sources, line.hot)


def _tax(rng: np.random.Generator, e: Enterprises, count: int, day: np.datetime64) -> pl.DataFrame:
    parts = []
    for place, month in enumerate(filings.months(day)):
        parts.append(
            filings.tax_month(rng, e, count, month, place * count + 1).with_columns(
                pl.lit(f"纳税申报_{str(month).replace('-', '')}.xls").alias("~file")
            )
        )
    return pl.concat(parts)


def _quarters(table: pl.DataFrame, column: str, title: str, suffix: str) -> pl.DataFrame:
    day = table[column].str.slice(0, 10).str.to_date()
    return table.with_columns(
        pl.format("{}_{}Q{}.{}", pl.lit(title), day.dt.year(), day.dt.quarter(), pl.lit(suffix)).alias("~file")
    )


def _halves(table: pl.DataFrame) -> pl.DataFrame:
    day = table["申请时间"].str.slice(0, 10).str.to_date()
    half = pl.Series("h", np.where(day.dt.month().to_numpy() <= 6, 1, 2))
    return table.with_columns(pl.format("用电报装_{}H{}.xlsx", day.dt.year(), half).alias("~file"))


def _plant(sources: dict[str, Source], e: Enterprises) -> None:
    """Spoil the register first: what the others may still link to depends on it."""
    named = np.zeros(len(e), dtype=bool)
    for source in sources.values():
        if source.party and source.dataset not in ("enterprise", "enterprise_person"):
            named[source.truth[source.truth >= 0]] = True
    sound = planting.register(sources["market_supervision/enterprise"], e, named)
    _without_code(sources["market_supervision/enterprise"], sources["market_supervision/enterprise_person"])
    planting.service_cases(sources["service_center/service_case"], e, sound)
    planting.case_steps(sources["service_center/service_case_event"])
    planting.tickets(sources["hotline_office/hotline_ticket"], e, sound)
    planting.ticket_events(sources["hotline_office/hotline_ticket_event"])
    planting.property_log(sources["real_estate/property_registration"], e, sound)
    planting_files.tax_filings(sources["tax/tax_filing"], e, sound, len(e))
    planting_files.refunds(sources["tax/tax_refund"], e, sound)
    planting_files.permits(sources["housing/construction_permit"], e, sound, len(e))
    planting_files.connections(sources["water/utility_connection"], e, sound, power=False)
    planting_files.connections(sources["power/utility_connection"], e, sound, power=True)
    planting_files.loans(sources["finance_office/credit_loan"], e, sound, len(e))
    planting_files.survey(sources["investment/survey_response"], e, sound)
    problems = sources["business_env/rectification_problem"]
    limits = np.array(texts(problems.table, "整改/整改时限"))
    every = np.arange(len(problems))
    written = np.flatnonzero([not limit.startswith("20") or not limit.replace("-", "").isdigit() for limit in limits])
    problems.mark("代码", "status", REPAIRED, None, np.setdiff1d(every, written), "状态写中文名称")
    problems.mark("D24", "due_on", REPAIRED, None, written, "时限写成月底前、季度、立行立改、长期坚持；状态写中文名称")
    scores = sources["evaluation/indicator_score"]
    scores.mark("缺项", "score", WARNED, "said_something", np.flatnonzero(scores.table["得分"].is_null().to_numpy()))


def _without_code(register: Source, persons: Source) -> None:
    """People of enterprises that the register shows without a code have none to show either: they are left out."""
    lost = np.concatenate(
        [d.rows for d in register.defects if d.number in ("D14", "D16")] or [np.empty(0, dtype=np.int64)]
    )
    persons.keep_only(~np.isin(persons.truth, lost))
