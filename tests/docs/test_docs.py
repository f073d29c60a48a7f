"""Everything a user can name is documented, and everything documented can be used."""

from __future__ import annotations

import inspect
import re
import subprocess
from pathlib import Path

import pytest
import sqlglot
import typer
from sqlglot import exp

from connectors.drivers import NAMES, driver_class
from hub.cli import app
from quality.check import AUTOMATIC
from quality.rules import RULES
from schemas import errors, identifiers
from schemas.contract import KINDS, contracts
from tests.docs import reading
from tests.docs.reading import ROOT
from views.catalog import load_catalog
from views.inputs import REFERENCE
from views.lineage import schemas

RULE_PAGE = reading.text("guide-zh", "规则一览.md")
SOURCE_PAGE = reading.text("guide-zh", "接入一个来源.md")
HUB = typer.main.get_command(app)
# What hub query sees besides contracts, reference tables and views.
EXTRA_TABLES = {
    "published_view",
    "enterprise_record",
    "enterprise_record_version",
    "enterprise_version",
    "record_history.hotline_ticket",
    "information_schema.columns",
}


def _verbs(command: object = HUB, words: tuple[str, ...] = ()) -> dict[str, object]:
    """Every command by its words: "connector list" -> the command."""
    children = getattr(command, "commands", None)
    if not children:
        return {" ".join(words): command}
    return {verb: found for name, child in children.items() for verb, found in _verbs(child, (*words, name)).items()}


VERBS = _verbs()


# ---------------------------------------------------------------------------------------- code -> documents
def test_every_error_class_has_its_line() -> None:
    classes = {name for name, found in vars(errors).items() if inspect.isclass(found) and issubclass(found, Exception)}
    assert classes == {row[0].strip("`") for row in reading.rows(reading.text("errors.md")) if row[0].endswith("`")}


def test_retries_are_as_said() -> None:
    told = {row[0].strip("`"): row[2] for row in reading.rows(reading.text("errors.md")) if len(row) == 4}
    for name, retry in told.items():
        if name != "类":
            assert getattr(errors, name).retryable == (retry == "是"), name


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_is_documented(verb: str) -> None:
    shown = {" ".join(words) for _, words in reading.commands("hub")}
    assert any(f"{call} ".startswith(f"{verb} ") for call in shown) or any(
        f"{call} ".startswith(f"{verb} ") for call in reading.inline("hub")
    )


@pytest.mark.parametrize("rule", AUTOMATIC)
def test_every_automatic_rule_has_its_line(rule: str) -> None:
    line = next(row for row in reading.rows(RULE_PAGE) if row[0] == f"`{rule}`")
    assert line[1] == AUTOMATIC[rule]
    assert line[-1]


@pytest.mark.parametrize("rule", RULES)
def test_every_row_rule_has_its_line(rule: str) -> None:
    line = next(row for row in reading.rows(RULE_PAGE) if row[0] == f"`{rule}`")
    assert line[1] == RULES[rule][0]
    assert line[-1]


@pytest.mark.parametrize("kind", identifiers.KINDS)
def test_identifier_examples_are_judged_as_said(kind: str) -> None:
    line = next(row for row in reading.rows(RULE_PAGE) if row[0] == f"`{kind}`")
    good, bad = line[2].strip("`"), line[3].strip("`")
    assert identifiers.check(kind, good).valid
    assert not identifiers.check(kind, bad).valid


def test_every_batch_metric_is_told() -> None:
    used = {
        r.spec["metric"] for c in contracts().values() for r in c.rules if r.scope == "batch" and "metric" in r.spec
    }
    assert not {metric for metric in used if f"| `{metric}`" not in RULE_PAGE}


def test_every_view_is_told_with_its_own_words() -> None:
    page = reading.text("guide-zh", "分析员.md")
    told = {row[0].strip("`"): row[1:] for row in reading.rows(page)}
    for view in load_catalog().views.values():
        assert told.get(view.name) == [view.title, view.question], view.name


def test_every_dataset_is_told_with_its_own_words() -> None:
    page = reading.text("guide-zh", "分析员.md")
    told = {row[0].strip("`"): row[1:] for row in reading.rows(page)}
    for agreed in contracts().values():
        assert told.get(agreed.dataset) == [agreed.title, agreed.grain], agreed.dataset


@pytest.mark.parametrize("name", NAMES)
def test_every_driver_option_is_told(name: str) -> None:
    section = re.search(rf"^## `{name}`.*?(?=^## |\Z)", SOURCE_PAGE, re.MULTILINE | re.DOTALL)
    assert section, f"no section for driver {name}"
    told = {row[0].strip("`"): row for row in reading.rows(section.group())}
    driver = driver_class(name)
    assert set(driver.options) == told.keys() - {"选项"}
    for key, option in driver.options.items():
        if option.required:
            assert told[key][1] == "必填", key
        elif option.default is not None and not isinstance(option.default, (list, tuple, dict)):
            assert told[key][1] == f"`{_yaml(option.default)}`", key
        for choice in option.choices:
            assert f"`{choice}`" in told[key][2], (key, choice)
    for mode in driver.modes:
        assert f"`{mode}`" in section.group(), mode


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_every_connector_key_is_told() -> None:
    from connectors import spec

    told = {row[0].strip("`") for row in reading.rows(SOURCE_PAGE)}
    assert set(spec._KEYS) <= told
    assert {f"load.{key}" for key in spec._LOAD_KEYS} <= told


def test_every_standardise_kind_is_told() -> None:
    page = reading.text("guide-zh", "数据工程师.md")
    assert not {kind for kind in KINDS if not re.search(rf"\b{kind}\b", page)}


def test_every_setting_is_told() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in _tracked("*.py") if path.parts[-2] != "docs")
    names = set(re.findall(r"environ(?:\.get\(|\[|\.setdefault\(|\.pop\()\s*\"(HUB_[A-Z_]+)\"", code))
    names |= set(re.findall(r"\"(HUB_[A-Z_]+)\" (?:not )?in os\.environ", code))
    page = reading.text("guide-zh", "数据工程师.md")
    shipped = {n for n in names if not n.startswith("HUB_SOURCE_")}
    assert not {name for name in shipped if f"`{name}`" not in page}


# ---------------------------------------------------------------------------------------- documents -> code
def test_commands_shown_exist_with_their_options() -> None:
    for document, words in reading.commands("hub"):
        if words == ["--help"]:
            continue
        verb = next((v for v in (" ".join(words[:2]), words[0]) if v in VERBS), None)
        assert verb, f"{document.name}: hub {' '.join(words)}"
        command = VERBS[verb]
        context = command.make_context(verb, words[len(verb.split()) :], resilient_parsing=False)  # type: ignore[attr-defined]
        context.close()


def test_commands_in_sentences_exist() -> None:
    for call in reading.inline("hub"):
        words = call.split()
        assert words[0] in HUB.commands, f"hub {call}"  # type: ignore[attr-defined]


def test_connectors_named_in_commands_exist_or_are_shown() -> None:
    shown = {block.path for block in reading.blocks()}
    for document, words in reading.commands("hub"):
        for word in words:
            if re.fullmatch(r"[a-z][a-z_]*/[a-z_]+", word):
                path = f"connectors/departments/{word}.yaml"
                assert (ROOT / path).exists() or path in shown, f"{document.name}: {word}"


def test_make_targets_shown_exist() -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = {words[0] for _, words in reading.commands("make")} | {call.split()[0] for call in reading.inline("make")}
    assert shown
    assert shown <= targets


def test_queries_shown_name_real_tables_and_columns() -> None:
    from sqlglot.optimizer.qualify import qualify

    known = schemas(load_catalog())
    for document, words in reading.commands("hub"):
        if words[:1] == ["query"] and words[1] != "-":
            tree = sqlglot.parse_one(words[1], dialect="postgres")
            tables = {table.sql("postgres").partition(" AS ")[0] for table in tree.find_all(exp.Table)}
            assert tables <= known.keys() | REFERENCE.keys() | EXTRA_TABLES, f"{document.name}: {words[1]}"
            if tables <= known.keys():
                qualify(tree, schema=known, dialect="postgres", quote_identifiers=False)


def test_links_lead_somewhere() -> None:
    dead = []
    for document, target in reading.links():
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        if not path.exists() or (anchor and anchor not in reading.anchors(path)):
            dead.append(f"{document.relative_to(ROOT)} -> {target}")
    assert not dead


def test_files_named_in_code_marks_exist() -> None:
    rooms = "schemas|connectors|quality|warehouse|views|pipelines|hub|tests|deploy|docs|examples|benchmarks"
    named = set(re.findall(rf"`((?:{rooms})/[\w./-]*)`", reading.text()))
    examples = {block.path for block in reading.blocks()}
    assert not {name for name in named if not (ROOT / name).exists() and name not in examples}


def test_decisions_are_numbered_once_and_complete() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [page.name[:4] for page in pages]
    assert len(numbers) == len(set(numbers))
    for page in pages:
        body = page.read_text(encoding="utf-8")
        assert body.startswith(f"# {page.name[:4]} "), page.name
        for part in ("**背景**", "**决定**", "**依据**", "**后果**"):
            assert part in body, f"{page.name} {part}"


# ------------------------------------------------------------------------------------------ the whole tree
def _tracked(pattern: str = "*") -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", pattern],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


# Put together here, so that this file does not hold what it looks for.
_FOREIGN = re.compile(
    "|".join(
        [
            r"(?<![\w.])/" + "work" + r"/\w",
            r"(?<![\w.$}~])/" + "root" + r"/",
            r"(?<![\w.])/" + "home" + r"/\w+/",
            r"(?<![\w.])/" + "Users" + r"/\w+/",
            r"https?://[\w.-]*(?:"
            + "|".join(["pypi", "npm" + "js", "mirror", "registry", "artifactory", "nexus"])
            + r")[\w.-]*",
        ]
    )
)


def test_no_registry_host_and_no_path_of_a_development_machine() -> None:
    found = []
    for path in _tracked():
        try:
            content = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if path.name == "uv.lock":
            # The lock file names the public index; any other host would be a machine's own mirror.
            hosts = set(re.findall(r"https?://([\w.-]+)", content))
            assert hosts <= {"pypi" + ".org", "files.pythonhosted.org"}
            continue
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in _FOREIGN.finditer(content)]
    assert not found
