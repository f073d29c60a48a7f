"""The SQL of one delivery's check, built from the contract, the connector's mapping and the landed file's columns.

    raw columns -> trimmed text -> values read from text -> contract values -> rule bits, hash, notes

Each arrow is one SELECT around the last, so that nothing is computed twice and DuckDB has little to plan.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

import pyarrow as pa

from quality import native, rules
from quality.row_rule import AUTOMATIC, WORD, WRITTEN, RowRule
from quality.standardise import IDENTIFIERS, PERSONAL, Reading, Source, Standard, duck_type, reading, standard
from schemas import amounts, scrubs
from schemas.contract import Contract, Field
from schemas.errors import SourceChanged, nearest
from schemas.macros.deadlines import set_calendar
from schemas.macros.sqltext import quoted
from schemas.reference import Lookup, code_sets

COORDINATES = ("_sheet", "_row", "_op", "_seq", "_quarantine_id")
MOST_JOINS = 4  # at once: each carries every column, and odd spellings in forty columns took more than DuckDB's 400 MB

_BOUNDS = (("minimum", "<", "不小于"), ("maximum", ">", "不大于"), ("exclusiveMinimum", "<=", "大于"), ("exclusiveMaximum", ">=", "小于"))  # fmt: skip


@dataclass(frozen=True)
class Mapping:
    """How a connector's columns meet a contract: what the check needs to know of a connector."""

    connector: str
    fields: dict[str, str]
    constants: dict[str, Any]
    units: dict[str, str]
    utc: bool
    kind: str  # cursor | full | file | file_full | exchange
    lookups: dict[str, Lookup]  # code set (or "department") -> spelling -> canonical, by date where it changed
    keys: tuple[bytes, ...]  # the county's HMAC keys, the first one first
    workdays: Sequence[tuple[date, bool]] = ()  # the county's calendar, where a limit counts in it; empty: the nation's


class Plan:
    """The SQL of one delivery's check, built field by field. `schema` is that of the source's rows."""

    def __init__(self, con: Any, contract: Contract, mapping: Mapping, schema: pa.Schema) -> None:
        self.contract, self.mapping, self.schema = contract, mapping, schema
        self.present = self._present()
        self.sources = sorted(set(self.present.values()))
        self.flawed = "_flaw" in schema.names
        self.dated: set[str] = set()
        self.lookups = self._make_lookups(con)
        self.odd: dict[str, str] = {}  # field -> the temp table `(t, value, precision)` of its odd spellings
        self._expect(frozenset())

    def _make_lookups(self, con: Any) -> list[str]:
        """A temp table `lookup_<field>(spelling, code, since, until)` for every field with a list of values."""
        fields = [
            f for f in self.contract.fields.values() if f.name in self.present and f.kind in {"code_set", "department"}
        ]
        for f in fields:
            spellings = self.mapping.lookups[str(f.code_set if f.kind == "code_set" else "department")]
            spans = [
                (spelling, *span)
                for spelling, told in spellings.items()
                for span in (((told, None, None),) if isinstance(told, str) else told)
            ]
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE lookup_{f.name} AS SELECT unnest($1) AS spelling, unnest($2) AS code, "
                "unnest($3::DATE[]) AS since, unnest($4::DATE[]) AS until",
                [list(column) for column in zip(*spans, strict=True)] if spans else [[], [], [], []],
            )
            if len(spans) > len(spellings):
                self.dated.add(f"lookup_{f.name}")
        return [f"lookup_{f.name}" for f in fields]

    @cached_property
    def _texts(self) -> dict[str, Reading]:
        """How the text of each field is read."""
        found = {}
        for name, column in self.present.items():
            kind = self.schema.field(column).type
            how = reading(self.contract.fields[name], kind, self._unit(column), utc=self.mapping.utc)
            if how is not None:
                found[name] = how
        return found

    def _unit(self, column: str) -> str | None:
        """The unit that a column's header says, else the whole sheet: 单位：万元; a sheet in 户 says nothing of its amounts."""
        whole = self.mapping.units.get("*")
        return self.mapping.units.get(column) or (whole if whole in amounts.UNITS else None)

    @cached_property
    def _natives(self) -> dict[str, pa.DataType]:
        """The text columns that may come native, and as what."""
        kinds: dict[str, set[pa.DataType | None]] = {}
        for name, column in self.present.items():
            how = self._texts.get(name)
            kinds.setdefault(column, set()).add(how.native if how else None)
        return {
            column: kind
            for column, (kind, *others) in kinds.items()
            if kind is not None and not others and pa.types.is_string(self.schema.field(column).type)
        }

    def come(self, rows: pa.Table) -> pa.Table:
        """Rows as the SQL from here on wants them: with the columns read that can be read whole."""
        rows, found = native.read(rows, self._natives)
        if found != self._native:
            self._expect(found)
        return rows

    def _expect(self, found: frozenset[str]) -> None:
        self._native = found
        self.readings = {name: how for name, how in self._texts.items() if self.present[name] not in found}
        self.standards: dict[str, Standard] = {
            name: self._standard(self.contract.fields[name]) for name in self.present
        }
        self.rules = self._rules()

    def _type(self, column: str) -> pa.DataType:
        return self._natives[column] if column in self._native else self.schema.field(column).type

    def look_for_odd(self, con: Any, scan: Callable[[], str]) -> None:
        """Make a temp table of the odd spellings of every reading that has some among the rows; it is asked of the columns that do."""
        wanted: dict[Reading, list[str]] = {}
        for name, how in self.readings.items():
            wanted.setdefault(how, []).append(name)
        self.odd, counted = {}, False
        for number, (how, names) in enumerate(wanted.items()):
            texts, columns = [], list(dict.fromkeys(self.present[name] for name in names))
            for column in columns:
                t = f"text_clean({_q(column)}::VARCHAR)"
                texts.append(f"CASE WHEN ({_over(t, how.quick)}) IS NULL THEN {t} END" if how.quick else t)
            if how.counted and not counted:
                set_calendar(con, self.mapping.workdays)
                counted = True
            table = f"odd_{number}"
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT DISTINCT t, place FROM "
                f"(SELECT unnest([{', '.join(texts)}]) AS t, unnest({list(range(len(texts)))}) AS place FROM {scan()}) WHERE t IS NOT NULL"
            )
            found = {columns[place] for (place,) in con.execute(f"SELECT DISTINCT place FROM {table}").fetchall()}
            if not found:
                continue
            precision = "date_precision(t)" if how.precise else "NULL::VARCHAR"
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE read_{number} AS SELECT t, {how.full} AS value, {precision} AS precision "
                f"FROM (SELECT DISTINCT t FROM {table})"
            )
            self.odd.update((name, f"read_{number}") for name in names if self.present[name] in found)

    def _present(self) -> dict[str, str]:
        missing = [c for c in dict.fromkeys(self.mapping.fields.values()) if c not in self.schema.names]
        if missing:
            raise SourceChanged(
                self.mapping.connector, f"本次数据里没有列 '{missing[0]}'", nearest(missing[0], self.schema.names)
            )
        found = {f: c for f, c in self.mapping.fields.items() if f in self.contract.fields}
        # What a field's own text says besides its value needs no mapping of its own.
        for f in self.contract.fields.values():
            if (other := f.options.get("sameColumnAs")) in found:
                found.setdefault(f.name, found[str(other)])
        return found

    def _alias(self, column: str) -> int:
        return self.sources.index(column)

    def _text(self, column: str) -> str:
        i = self._alias(column)
        return f"_t{i}" if _is_text(self._type(column)) else f"_c{i}::VARCHAR"

    def _standard(self, f: Field) -> Standard:
        column = self.present[f.name]
        i = self._alias(column)
        lookup = f"lookup_{f.name}.code" if f"lookup_{f.name}" in self.lookups else None
        return standard(
            f,
            Source(
                raw=f"_c{i}", text=self._text(column), type=self._type(column), utc=self.mapping.utc, lookup=lookup,
                read=f"_read_{f.name}" if f.name in self.readings else "", odd=f"_odd_{f.name}",
                precision=f"_precision_{f.name}", start=self._start(f), keys=tuple(map(_pads, self.mapping.keys)),
            ),
        )  # fmt: skip

    def _start(self, f: Field) -> str:
        """SQL of the day a deadline counts from: the first of the fields named that is there."""
        days = [
            f"CAST({self._standard(self.contract.fields[n]).value} AS DATE)"
            for n in f.options.get("countFrom", ())
            if n in self.present
        ]
        return f"coalesce({', '.join(days)})" if days else "NULL::DATE"

    def _rules(self) -> list[RowRule]:
        found: list[RowRule] = []
        if self.flawed:
            found.append(RowRule("row_shape", None, "整行", AUTOMATIC["row_shape"], "error", "_flaw IS NOT NULL", 0))

        def add(name: str, f: Field | None, condition: str, reason: str = "", severity: str = "error") -> None:
            if (self.mapping.kind == "exchange" and name != "required") or (
                self.mapping.kind == "exchange" and f is not None and not f.key
            ):
                condition = f"_op <> 'D' AND ({condition})"
            found.append(
                RowRule(
                    name,
                    f.name if f else None,
                    f.title if f else "",
                    reason or AUTOMATIC[name],
                    severity,
                    condition,
                    len(found),
                )
            )

        have = {**self.present, **self.mapping.constants}
        for f in self.contract.fields.values():
            if f.name not in have:
                continue
            v = f'"{f.name}"'
            if f.required:
                add("required", f, f"{v} IS NULL")
            if f.name not in self.present:
                continue
            s = self.standards[f.name]
            textual = _is_text(self.schema.field(self.present[f.name]).type)
            # A rule keeps its bit, also where the column comes native and nothing can be wrong with its text.
            native_too = self.present[f.name] in self._natives
            if s.unread or native_too:
                written = WRITTEN.get(f.kind)
                add("unparsed", f, s.unread or "false", f"读不懂，应写成{written}。" if written else "")
            if s.placeholder or native_too:
                add("placeholder", f, s.placeholder or "false", severity="error" if f.key else "warning")
            # An id read out of a numeric cell has lost its last digits: that is the reason, not the check digit.
            numeric = f"regexp_full_match({v}, '[0-9.]+[eE]\\+?[0-9]+')"
            if f.kind in rules.RULES:
                add("numeric_id", f, f"{v} IS NOT NULL AND {numeric}")
                add(f.kind, f, f"{v} IS NOT NULL AND NOT {numeric} AND ({rules.condition({'rule': f.kind, 'field': f.name}, f.name)[1]})",
                    rules.RULES[f.kind][0])  # fmt: skip
            if f.kind == "code" and f.key and f.name in self.readings:
                add("personal_number", f, f"_odd_{f.name} AND contains({v}, '*')")
            if f.kind in {"code_set", "department"}:
                add("code_set", f, f"{v} IS NOT NULL AND NOT (lookup_{f.name}_found)")
            if f.kind == "code_set" and (condition := self._out_of_time(f)):
                add("code_time", f, condition)
            if (
                f.max_length
                and textual
                and f.kind not in {"mask_name", "mask_phone", "mask_id", "hmac", "code_set", "department"}
            ):
                # Bytes cost nothing to count, characters do: most rows are short even in bytes. An id spoilt by a numeric
                # cell is longer than any id, and its reason is already told.
                spoilt = f" AND NOT {numeric}" if f.kind in rules.RULES else ""
                add("too_long", f, f"strlen({v}) > {f.max_length} AND length({v}) > {f.max_length}{spoilt}",
                    f"超过约定的长度（最多 {f.max_length} 个字）。")  # fmt: skip
            if textual and f.kind in {"text", "name", "free_text", "code"}:
                # U+FFFD, and what two of them look like whose bytes were read as GBK.
                add("replacement_char", f, f"contains({v}, '\ufffd') OR contains({v}, '锟斤拷')")
            bounds = [(sign, limit, must) for word, sign, must in _BOUNDS if isinstance(limit := f.options.get(word), (int, float))]  # fmt: skip
            if bounds:
                told = "，".join(f"{must} {limit}" for _, limit, must in bounds)
                add("range", f, " OR ".join(f"{v} {sign} {limit}" for sign, limit, _ in bounds), f"超出允许的范围（{told}）。")  # fmt: skip
            if f.options.get("pattern") and f.kind not in rules.RULES:
                pattern = str(f.options["pattern"]).replace("'", "''")
                add("pattern", f, f"NOT regexp_full_match({v}, '{pattern}')")
        for r in self.contract.rules:
            if (
                r.scope != "row"
                or (r.field and r.field not in have)
                or r.spec.get("field", next(iter(have))) not in have
            ):
                continue
            if r.spec.get("rule") in rules.RULES and r.field and r.spec["rule"] == self.contract.fields[r.field].kind:
                continue  # the kind's own rule already stands
            specs = [(r.spec, r.severity)]
            if r.spec.get("same_day") == "warning":
                specs.append(({**r.spec, "same_day": "only"}, "warning"))
            target = self.contract.fields.get(str(r.spec.get("field")))
            for spec, severity in specs:
                reason, condition = rules.condition(spec, f"{self.contract.dataset}.{r.name}")
                if self.mapping.kind == "exchange":
                    condition = f"_op <> 'D' AND ({condition})"
                name, title = (target.name, target.title) if target else (None, self.contract.title)
                found.append(RowRule(r.name, name, title, r.description or reason, severity, condition, len(found)))
        return found

    def sql(self, relation: str, extracted_at: datetime) -> str:
        """The one pass over a relation of source rows and their `file_row_number`: raw -> text -> values -> bits."""
        contract, mapping = self.contract, self.mapping
        coordinates = [c for c in COORDINATES if c in self.schema.names]
        names = [(c, c.replace('"', '""')) for c in self.sources]
        shape = ["_flaw"] if self.flawed else []
        l0 = ", ".join(
            [*(f'"{q}" AS _c{i}' for i, (_, q) in enumerate(names)), "file_row_number AS _n", *coordinates, *shape]
        )
        texts = [f"text_clean(_c{i}) AS _t{i}" for i, c in enumerate(self.sources) if _is_text(self._type(c))]
        values, joins = [], []
        instant = extracted_at.strftime("%Y-%m-%d %H:%M:%S")
        referenced = {name for r in self.rules for name in re.findall(r"[A-Za-z_]\w*", r.condition)}
        for f in contract.fields.values():
            if f.name in self.present:
                values.append(f'{self.standards[f.name].value} AS "{f.name}"')
            elif f.name in mapping.constants:
                values.append(f"{_constant(mapping.constants[f.name])}::{duck_type(f)} AS {_q(f.name)}")
            elif f.name in referenced:
                values.append(f'NULL AS "{f.name}"')
        for name in self.lookups:
            # Lists are kept in NFKC: 存续（在营、开业、在册） is one spelling in brackets of either width.
            text = f"nfkc_text({self._text(self.present[name.removeprefix('lookup_')])})"
            joins.append(f"LEFT JOIN {name} ON {name}.spelling = {text}{self._in_time(name, instant)}")
            values.append(f"{name}.code IS NOT NULL AS {name}_found")
        have = [f for f in contract.fields if f in self.present or f in mapping.constants]
        # concat() reads NULL as nothing, which no value is once blanks are NULL; instants as numbers print faster.
        canonical = ", chr(31), ".join(_canonical(contract.fields[f]) for f in have)
        fixed = [(f, s.fixed) for f, s in self.standards.items() if s.fixed]
        any_fixed = " OR ".join(f"coalesce({x}, false)" for _, x in fixed) or "false"
        warnings = [r for r in self.rules if r.severity != "error"]
        any_warned = " OR ".join(f"coalesce({r.condition}, false)" for r in warnings) or "false"
        words = self._words()
        return f"""
        SELECT * EXCLUDE (_fixed, _warned), CASE WHEN _fixed THEN 2 WHEN _warned THEN 1 ELSE 0 END::SMALLINT AS _quality FROM (
          SELECT {", ".join(f'"{f}"' for f in have)}, {", ".join(["_n", *coordinates])},
            md5(concat({canonical}))::UUID AS _row_hash, {self._party(have)} AS _party,
            {self._notes(fixed, warnings)} AS _notes, {any_fixed} AS _fixed, {any_warned} AS _warned, {", ".join(words)}
          FROM (SELECT r.*, TIMESTAMP '{instant}' AS _extracted_at, {", ".join(values)}
                FROM ({self._read(f"SELECT {', '.join(['*', *texts])} FROM (SELECT {l0} FROM {relation})")}) AS r {" ".join(joins)})
        )"""

    def _out_of_time(self, f: Field) -> str | None:
        """The condition that a code was not in force on the day of the event; None where list or contract know of no days.

        The day a record was changed says nothing of it: only a contract's own `eventDateField` counts.
        """
        event = self.contract.event_field
        listed = code_sets().get(str(f.code_set))
        if listed is None or event not in self.present or event == self.contract.valid_from:
            return None
        day = f'CAST("{event}" AS DATE)'
        early = [(c.code, f"{day} < DATE '{c.valid_from}'") for c in listed.codes if c.valid_from]
        late = [(c.code, f"{day} >= DATE '{c.valid_to}'") for c in listed.codes if c.valid_to]
        return " OR ".join(f'"{f.name}" = {_constant(code)} AND {wrong}' for code, wrong in early + late) or None

    def _in_time(self, lookup: str, instant: str) -> str:
        """The condition that picks the code of the event's day, where a spelling has passed from one code to another."""
        if lookup not in self.dated:
            return ""
        event = self.contract.event_field
        day = f"CAST({self.standards[event].value} AS DATE)" if event in self.standards else "NULL"
        day = f"coalesce({day}, DATE '{instant[:10]}')"
        return f" AND {day} >= coalesce({lookup}.since, DATE '0001-01-01') AND {day} < coalesce({lookup}.until, DATE '9999-12-31')"

    def _read(self, rows: str) -> str:
        """The rows with the columns `_read_`, `_odd_` and `_precision_` of every field with a reading."""
        kept, stages, columns, joins = rows, list[str](), ["b.*"], list[str]()
        for name, how in self.readings.items():
            t = self._text(self.present[name])
            quick = _over(t, how.plain or how.quick) if how.quick else None
            table = self.odd.get(name)
            if table is None:
                columns += [
                    f"{quick or 'NULL'} AS _read_{name}",
                    f"false AS _odd_{name}",
                    f"NULL::VARCHAR AS _precision_{name}",
                ]
                continue
            if len(joins) == MOST_JOINS:
                stages.append(
                    f"s{len(stages)} AS MATERIALIZED (SELECT {', '.join(columns)} FROM ({kept}) AS b {' '.join(joins)})"
                )
                kept, columns, joins = f"SELECT * FROM s{len(stages) - 1}", ["b.*"], []
            alias = f"r_{name}"
            joins.append(f"LEFT JOIN {table} AS {alias} ON {alias}.t = {t}")
            value = f"CASE WHEN {alias}.t IS NULL THEN {quick} ELSE {alias}.value END" if quick else f"{alias}.value"
            columns += [
                f"{value} AS _read_{name}",
                f"{alias}.t IS NOT NULL AS _odd_{name}",
                f"{alias}.precision AS _precision_{name}",
            ]
        before = f"WITH {', '.join(stages)} " if stages else ""
        return f"{before}SELECT {', '.join(columns)} FROM ({kept}) AS b {' '.join(joins)}"

    def _words(self) -> list[str]:
        words: dict[int, list[str]] = {0: []}
        for r in self.rules:
            words.setdefault(r.bit // WORD, []).append(
                f"CASE WHEN {r.condition} THEN {1 << (r.bit % WORD)} ELSE 0 END::BIGINT"
            )
        sums = {w: " + ".join(bits) or "0::BIGINT" for w, bits in words.items()}
        if self.flawed:  # its cells may stand in other columns: what they would fail is not told
            sums = {
                w: f"CASE WHEN _flaw IS NOT NULL THEN {1 - min(w, 1)}::BIGINT ELSE {s} END" for w, s in sums.items()
            }
        return [f"{s} AS _w{w}" for w, s in sums.items()]

    def _notes(self, fixed: list[tuple[str, str]], warnings: list[RowRule]) -> str:
        """JSON text: {"fields": {field: raw text}, "warnings": [rule…]}; personal raw values are left out."""
        entries = []
        for name, condition in fixed:
            kind = self.contract.fields[name].kind
            if kind not in PERSONAL:
                raw = f"_c{self._alias(self.present[name])}::VARCHAR"
                if kind not in IDENTIFIERS and (kind != "code" or name in self.readings):
                    hidden = f"_odd_{name}" if kind == "code" else f"regexp_matches({raw}, {quoted(scrubs.DIGITS)})"
                    raw = f"CASE WHEN {hidden} THEN '***' ELSE {raw} END"
                entries.append(f"CASE WHEN {condition} THEN '\"{name}\":' || to_json({raw}) END")
        warned = [f"CASE WHEN {r.condition} THEN '\"{r.field or ''}.{r.name}\"' END" for r in warnings]
        parts = []
        if entries:
            parts.append(f"nullif('\"fields\":{{' || concat_ws(',', {', '.join(entries)}) || '}}', '\"fields\":{{}}')")
        if warned:
            parts.append(f"nullif('\"warnings\":[' || concat_ws(',', {', '.join(warned)}) || ']', '\"warnings\":[]')")
        if not parts:
            return "NULL::VARCHAR"
        return f"nullif('{{' || concat_ws(',', {', '.join(parts)}) || '}}', '{{}}')"

    def _party(self, have: list[str]) -> str:
        party = self.contract.party
        if party is None:
            return "NULL::UUID"
        named = [f for f in party.fields.values() if f in have]
        if not named:
            return "NULL::UUID"
        second = [f for f in party.second if f in have]
        parts = ", ".join(f"coalesce({_q(f)}::VARCHAR, '')" for f in [*named, *second])
        return f"CASE WHEN coalesce({', '.join(map(_q, named))}) IS NOT NULL THEN md5(concat_ws(chr(31), {parts}))::UUID END"


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _canonical(f: Field) -> str:
    return f"epoch_us({_q(f.name)})" if f.physical_type == "timestamp" else _q(f.name)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _constant(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else "'" + str(value).replace("'", "''") + "'"


def _pads(key: bytes) -> tuple[str, str]:
    """The inner and outer pad of HMAC-SHA256 for this key, as DuckDB blobs. Source: RFC 2104."""
    block = key.ljust(64, b"\0")[:64]

    def blob(pad: int) -> str:
        return "'" + "".join(f"\\x{b ^ pad:02X}" for b in block) + "'::BLOB"

    return blob(0x36), blob(0x5C)


def _over(t: str, quick: str) -> str:
    """The quick half of a reading over this SQL instead of `t`."""
    return re.sub(r"\bt\b", lambda _: t, quick)
