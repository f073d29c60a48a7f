"""The verdict on a delivery as a whole, given by Great Expectations; the only module that knows it.

`judge` reads the checked Parquet file of one delivery through DuckDB and asks what `quality.suite` derives from the
contract. `judge_shared` asks the contract's cross-dataset rules of the shared library in PostgreSQL. Both keep the
suite, the result and an HTML page under the folder they are given:

    expectations/<dataset>.json     the suite, as last asked
    validations/…                   one result per delivery
    data_docs/index.html            the way in

No value of any row reaches them: results hold counts, shares and limits only, since a kept value may be personal.

Importing Great Expectations costs 8 s of CPU and 230 MB, so it happens on the first call and once per process. It
knows no DuckDB: `_teach_duckdb` adds the two names it lacks, and a test fails should a new release move them.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from quality import data_docs
from quality.suite import BatchFacts, Spec, shared_suite, suite
from schemas.contract import Contract
from schemas.errors import SourceChanged

__all__ = ["BatchFacts", "ExpectationResult", "Verdict", "judge", "judge_shared"]

KEEP = 60  # results kept per connector; at one delivery in ten minutes the last ten hours

_MEMORY = "256MB"
_COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}
_TELLABLE = frozenset(
    [
        "observed_value",
        "element_count",
        "missing_count",
        "missing_percent",
        "unexpected_count",
        "unexpected_percent",
        "unexpected_percent_total",
        "unexpected_percent_nonmissing",
    ]
)
_one_at_a_time = threading.Lock()
_kept_suites: dict[
    tuple[Path, str], int
] = {}  # folder, dataset -> what the suite asked when last saved by this process


@dataclass(frozen=True)
class ExpectationResult:
    """One expectation's outcome. `observed` is a percentage of bad rows, a row count or an instant; never a row's value."""

    name: str
    field: str | None
    expectation: str
    success: bool
    severity: str  # error | warning
    observed: float | str | None
    message_zh: str


@dataclass(frozen=True)
class Verdict:
    """What was found of one delivery; `blocked` when an `error` expectation failed."""

    passed: bool
    blocked: bool
    results: list[ExpectationResult] = field(default_factory=list)
    docs_path: str | None = None

    @property
    def reasons(self) -> list[str]:
        """Why the delivery is held, in words; empty when it is not."""
        return [r.message_zh for r in self.results if not r.success and r.severity == "error"]

    @property
    def warnings(self) -> list[str]:
        """What is amiss without holding the delivery."""
        return [r.message_zh for r in self.results if not r.success and r.severity != "error"]


def judge(contract: Contract, parquet: Path, facts: Any, docs_dir: Path) -> Verdict:
    """The verdict on one checked delivery: `parquet` is its file, or the pattern of its files; `facts` has the shape of BatchFacts.

    Raises:
        ConfigError: a batch rule of the contract cannot be judged.
        SourceChanged: the checked file has no columns of the contract.
    """
    import pyarrow.parquet as pq

    footers = [pq.read_metadata(part) for part in sorted(parquet.parent.glob(parquet.name))]
    columns, rows = footers[0].schema.names, sum(footer.num_rows for footer in footers)
    if not set(columns) & set(contract.fields):
        raise SourceChanged(facts.connector, "质检后的数据里没有契约的任何字段", "请检查连接器的 fields")
    asked = suite(contract, facts, columns, rows, _code_sets(contract))
    names = [f for f in contract.fields if f in columns]
    computed = {column: sql for spec in asked for column, sql in spec.computed.items()}
    chosen = ", ".join([*(f'"{n}"' for n in names), *(f'({sql}) AS "{column}"' for column, sql in computed.items())])
    living = " WHERE _op <> 'D'" if "_op" in columns else ""
    query = f"SELECT {chosen} FROM read_parquet('{str(parquet).replace(chr(39), chr(39) * 2)}'){living}"
    with _great_expectations(docs_dir) as gx:
        _teach_duckdb()
        with tempfile.TemporaryDirectory(dir=parquet.parent) as spill:
            config = {"memory_limit": _MEMORY, "temp_directory": spill, "threads": os.cpu_count() or 2}
            source = gx.context.data_sources.add_sql(
                "delivery", connection_string="duckdb:///:memory:", kwargs={"connect_args": {"config": config}}
            )
            return gx.validate(source, contract, contract.dataset, asked, query, facts.connector)


def judge_shared(contract: Contract, database_url: str, docs_dir: Path) -> Verdict:
    """The contract's cross-dataset rules, asked of the shared library as it stands; passed when it has none.

    Raises:
        ConfigError: a rule has no comparison.
    """
    asked = shared_suite(contract)
    if not asked:
        return Verdict(True, False)
    query = "SELECT " + ", ".join(f'({sql}) AS "{column}"' for spec in asked for column, sql in spec.computed.items())
    url = re.sub(r"^postgresql(\+\w+)?://", "postgresql+psycopg://", database_url)
    with _great_expectations(docs_dir) as gx:
        arguments = {"options": "-c search_path=shared -c default_transaction_read_only=on"}
        source = gx.context.data_sources.add_postgres(
            "shared", connection_string=url, kwargs={"connect_args": arguments}
        )
        return gx.validate(source, contract, f"{contract.dataset}_shared", asked, query, "共享库")


def _code_sets(contract: Contract) -> dict[str, list[str]]:
    from schemas.reference import code_sets

    known = code_sets()
    used = {f.code_set for f in contract.fields.values() if f.code_set in known}
    return {str(name): [code.code for code in known[str(name)].codes] for name in used}


@cache
def _imported() -> tuple[Any, Any]:
    """The package, with its telemetry and progress bars off before it reads its settings."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 1.24 imports sre_parse and sre_constants
        import great_expectations as gx
        import great_expectations.expectations as kinds

    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)  # its errors quote SQL and values
    return gx, kinds


class _DuckDB(str):
    """A dialect name that compares as text and, as Great Expectations wants it, has a `.value`."""

    @property
    def value(self) -> str:
        return str(self)


@cache
def _teach_duckdb() -> None:
    """Tell Great Expectations how DuckDB quotes names, and that a result lives only as long as its connection."""
    from great_expectations.execution_engine import sqlalchemy_dialect as dialects
    from great_expectations.execution_engine import sqlalchemy_execution_engine as engine

    dialects.DIALECT_IDENTIFIER_QUOTE_STRINGS[dialects.GXSqlDialect.OTHER] = ('"', '"')
    engine._PERSISTED_CONNECTION_DIALECTS = (*engine._PERSISTED_CONNECTION_DIALECTS, _DuckDB("duckdb"))


@contextmanager
def _great_expectations(docs_dir: Path) -> Iterator[_Project]:
    """The project in `docs_dir`; one judge at a time, as the site's files are shared between runs."""
    docs_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _one_at_a_time, (docs_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        project = _Project(docs_dir)
        try:
            yield project
        finally:
            project.close()


class _Project:
    """A context whose stores are files and whose data sources are not kept."""

    def __init__(self, folder: Path) -> None:
        self.gx, self.kinds = _imported()
        self.folder = folder
        from great_expectations.data_context.types.base import DataContextConfig, ProgressBarsConfig

        def files(name: str) -> dict[str, Any]:
            return {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(folder / name),
                "suppress_store_backend_id": True,
            }

        unkept = {"class_name": "InMemoryStoreBackend"}
        self.context = self.gx.get_context(
            mode="ephemeral",
            project_config=DataContextConfig(
                expectations_store_name="suites",
                validation_results_store_name="results",
                checkpoint_store_name="checkpoints",
                stores={
                    "suites": {"class_name": "ExpectationsStore", "store_backend": files("expectations")},
                    "results": {"class_name": "ValidationResultsStore", "store_backend": files("validations")},
                    "checkpoints": {"class_name": "CheckpointStore", "store_backend": unkept},
                    "validation_definition_store": {"class_name": "ValidationDefinitionStore", "store_backend": unkept},
                },
                data_docs_sites={
                    "site": {
                        "class_name": "SiteBuilder", "show_how_to_buttons": False, "store_backend": files("data_docs"),
                        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
                    }
                },
                analytics_enabled=False,
                progress_bars=ProgressBarsConfig(globally=False),
            ),
        )  # fmt: skip

    def close(self) -> None:
        """Let go of the data sources' connections."""
        for source in self.context.data_sources.all().values():
            source.get_execution_engine().close()
            source.get_engine().dispose()

    def validate(
        self, source: Any, contract: Contract, name: str, asked: list[Spec], query: str, origin: str
    ) -> Verdict:
        """Ask the suite `name` of the rows of `query`, keep what may be kept, and tell."""
        batch = source.add_query_asset(name, query=query).add_batch_definition_whole_table("all").get_batch()
        expectations = [
            getattr(self.kinds, spec.kind)(
                **spec.arguments, severity="critical" if spec.severity == "error" else "warning",
                description=f"{spec.title}：{spec.description}", meta={"name": spec.name},
            )
            for spec in asked
        ]  # fmt: skip
        wanted = self.gx.ExpectationSuite(name=name, expectations=expectations)
        found = batch.validate(wanted, result_format=_COUNTS_ONLY)
        by_name = {result.expectation_config.meta["name"]: result for result in found.results}
        results = [_outcome(spec, by_name[spec.name]) for spec in asked]
        for result in found.results:
            _forget_values(result)
        passed = all(r.success for r in results)
        blocked = any(not r.success and r.severity == "error" for r in results)
        page = self._keep(wanted, found, contract, origin, "held" if blocked else "passed" if passed else "warned")
        return Verdict(passed, blocked, results, str(page))

    def _keep(self, wanted: Any, found: Any, contract: Contract, origin: str, verdict: str) -> Path:
        from great_expectations.core.run_identifier import RunIdentifier
        from great_expectations.data_context.types.resource_identifiers import (
            ExpectationSuiteIdentifier,
            ValidationResultIdentifier,
        )

        run = RunIdentifier(run_name=origin.replace("/", "-"), run_time=datetime.now(UTC))
        suite_key = ExpectationSuiteIdentifier(name=wanted.name)
        result_key = ValidationResultIdentifier(suite_key, run, batch_identifier="delivery")
        found.meta["run_id"], found.meta["validation_time"] = run, run.run_time
        found.meta.pop("batch_spec", None)  # holds the query, with a path that is gone by the time someone reads it
        self.context.stores["results"].set(result_key, found)
        pages = [result_key]
        shape = hash(tuple((e.meta["name"], type(e).__name__, e.severity, e.description) for e in wanted.expectations))
        saved = (self.folder / "expectations" / f"{wanted.name}.json").exists()
        if not saved or _kept_suites.get((self.folder, wanted.name)) != shape:  # it costs as much as the result
            self.context.suites.add_or_update(wanted)
            _kept_suites[self.folder, wanted.name] = shape
            pages.append(suite_key)
        self.context.build_data_docs(resource_identifiers=pages, build_index=False)
        page = Path("validations", *result_key.to_tuple()).with_suffix(".html")
        failed = int(found.statistics["unsuccessful_expectations"])
        at = run.run_time.strftime("%Y-%m-%d %H:%M:%S")
        kept = data_docs.Kept(page.as_posix(), wanted.name, contract.title, origin, at, verdict, failed)
        titles = {f.name: f.title for f in contract.fields.values()}
        data_docs.publish(self.folder, kept, titles, keep=KEEP)
        return self.folder / "data_docs" / page


def _outcome(spec: Spec, result: Any) -> ExpectationResult:
    told = result.result or {}
    raised = _raised(result)
    observed: float | str | None = told.get("unexpected_percent", told.get("observed_value"))
    if isinstance(observed, datetime):
        observed = observed.isoformat(sep=" ", timespec="seconds")
    if isinstance(observed, float):
        observed = round(observed, 4)
    message = f"{spec.title}：{spec.description}"
    if raised:
        observed, message = None, f"{message}这一项没有算成，按未通过处理。"
    elif not result.success and "unexpected_percent" in told:
        message += f"实际 {observed or 0:g}%（{told.get('unexpected_count') or 0:,} 行）。"
    elif not result.success:
        message += f"实际 {observed if observed is not None else '没有值'}。"
    return ExpectationResult(spec.name, spec.field, spec.kind, bool(result.success), spec.severity, observed, message)


def _raised(result: Any) -> bool:
    info = result.exception_info or {}
    return any(entry.get("raised_exception") for entry in (info, *info.values()) if isinstance(entry, dict))


def _forget_values(result: Any) -> None:
    """Strip a result to counts; an exception's text quotes SQL and values, so only that there was one stays."""
    result.result = {key: value for key, value in (result.result or {}).items() if key in _TELLABLE}
    raised = _raised(result)
    result.exception_info = {
        "raised_exception": raised,
        "exception_message": "这一项没有算成" if raised else None,
        "exception_traceback": None,
    }
