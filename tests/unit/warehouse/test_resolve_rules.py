"""What hub resolve compares and how sure it must be: names, places, slips, thresholds, one rule at a time."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from schemas import macros
from tests.unit.warehouse.lists import write
from warehouse.linkage import candidates, config, counterparts, features, judging, reading, resolve
from warehouse.linkage.comparisons import comparison
from warehouse.linkage.reading import Field


def test_values_in_the_wrong_column_one_script_and_towns_before_names(tmp_path: Path) -> None:
    """What is compared: 王芳 as telephone is the person, 龍 is 龙, of two numbers the first, 永兴 before a name is the town."""
    rows = [
        ("永興鎮悅萃火鍋店（个体工商户）", "永興鎮育才街160號", "13811112222/13911112222", "王芳"),
        ("永兴悦萃火锅店", "永兴镇育才街160号1栋", "王芳", "13811112222"),
        ("悦萃火锅店", "13811112222", "", "永兴镇育才街160号"),
    ]
    path = tmp_path / "lists.yaml"
    write(tmp_path / "a.csv", [dict(zip(("店名", "所在地", "联系方式", "联系人"), row, strict=True)) for row in rows])
    path.write_text("sources: [a.csv]", encoding="utf-8")
    asked = config.load(path)
    con = resolve.connect(asked)
    fields, *_ = reading.read(con, asked)
    assert [f.role for f in fields] == ["organisation", "address", "phone", "person"]
    features.build(con, fields)
    found = con.execute("SELECT f1_bare, f1_town, f2, f3, f4 FROM feature ORDER BY rid").fetchall()
    assert found == [
        ("悦萃火锅店", "永兴", "永兴镇育才街160", "13811112222", "王芳"),
        ("悦萃火锅店", "永兴", "永兴镇育才街160号1栋", "13811112222", "王芳"),
        ("悦萃火锅店", None, "永兴镇育才街160", "13811112222", None),
    ]


def test_own_county_streets_of_shops_and_latin_names(tmp_path: Path) -> None:
    """What is compared: of 射洪市明英安医药有限公司 and 射洪明英安公司 明英安; of 明英安大药房（育才街店） the street; Ming Ying An is 明英安."""
    rows = [
        ("射洪市明英安医药有限公司", "四川省遂宁市射洪市人民路12号"),
        ("射洪明英安公司", "射洪市人民路12号"),
        ("悦萃老火锅育才街店", "射洪市育才街3号"),
        ("明英安大药房（育才街店）", ""),
        ("MING YING AN", "射洪市育才街9号"),
    ]
    path = tmp_path / "lists.yaml"
    write(tmp_path / "a.csv", [dict(zip(("店名", "所在地"), row, strict=True)) for row in rows])
    path.write_text("sources: [a.csv]", encoding="utf-8")
    asked = config.load(path)
    con = resolve.connect(asked)
    resolve.resolve(asked, con=con)
    assert con.execute("SELECT f1_stem, f1_shop, f2 FROM feature ORDER BY rid").fetchall() == [
        ("明英安", None, "人民路12"),
        ("明英安", None, "人民路12"),
        ("悦萃", "育才街", "育才街3"),
        ("明英安", "育才街", "育才街"),
        ("明英安", None, "育才街9"),
    ]


@pytest.mark.parametrize(
    ("one", "other", "slip"),
    [("鑫源恒商贸", "鑫恒源商贸", True), ("鑫源恒商贸", "鑫源源恒商贸", True), ("鑫源恒商贸", "鑫源桓商贸", False), ("鑫源商贸", "鑫源一商贸", False), ("鑫源恒商贸", "鑫商源贸恒", False)],
)  # fmt: skip
def test_a_slip_in_a_legal_name_is_letters_turned_or_doubled(one: str, other: str, slip: bool) -> None:
    con = duckdb.connect()
    macros.install(con)
    features.install(con, ())
    assert con.execute("SELECT slip_of_pen($1, $2)", [one, other]).fetchone() == (slip,)


@pytest.mark.parametrize(
    ("one", "other", "off"),
    [("鑫源恒商贸", "鑫源桓商贸", True), ("鑫源恒商贸", "鑫恒商贸", True), ("鑫源商贸", "鑫源一商贸", True), ("鑫源商贸", "鑫源商贸", False), ("鑫源恒商贸", "鑫源桓商茂", False), ("鑫源恒商贸", "源恒贸", False)],
)  # fmt: skip
def test_a_letter_changed_or_left_out(one: str, other: str, off: bool) -> None:
    con = duckdb.connect()
    macros.install(con)
    features.install(con, ())
    assert con.execute("SELECT letter_off($1, $2)", [one, other]).fetchone() == (off,)


@pytest.mark.parametrize(("one", "other", "slip"), [("13811112222", "13811112223", True), ("13811112222", "13811121222", True), ("1381111222", "13811112222", True),
    ("13811112222", "13811113333", False), ("号12345", "号12346", True)])  # fmt: skip
def test_one_slip_of_a_number(one: str, other: str, slip: bool) -> None:
    conditions = [level["sql_condition"] for level in comparison(Field("n", "n", "identifier"), [])["comparison_levels"] if "slip" in level["label_for_charts"]]  # fmt: skip
    con = duckdb.connect()
    assert con.execute(f"SELECT {conditions[0]} FROM (SELECT $1 AS n_l, $2 AS n_r)", [one, other]).fetchone() == (slip,)


@pytest.mark.parametrize(
    ("blocking", "compared"), [(None, "forename surname"), ("[full_name]", "forename surname person")]
)
def test_a_full_name_beside_its_parts_is_not_compared_as_well(
    tmp_path: Path, blocking: str | None, compared: str
) -> None:
    """It would say once more what they say; the owner of the house is another person."""
    rows = [{"id": i, "full_name": f"{a} of {b}", "first_and_surname": f"{a} {b}", "first_name": a, "surname": b, "owner": "Ann Roe"}
            for i, (a, b) in enumerate([("Thomas", "Koch"), ("Tom", "Koch"), ("Freya", "Hall")])]  # fmt: skip
    write(tmp_path / "a.csv", rows)
    path = tmp_path / "lists.yaml"
    path.write_text("{sources: [a.csv], id: id" + (f", blocking: {blocking}" if blocking else "") + "}", encoding="utf-8")  # fmt: skip
    asked = config.load(path)
    fields, notes = reading.read(resolve.connect(asked), asked)
    assert sorted(f.role for f in fields) == sorted([*compared.split(), "person"])
    assert len(notes) == (1 if blocking else 2)


@pytest.mark.parametrize(("role", "one", "other", "level"), [("date", "2022-03-31", "2022-04-01", "a day apart"), ("date", "2022-03-28", "2022-04-03", "within a week"),
    ("date", "2022-03-31", "2022-08-31", "one slip"), ("number", 1950.4, 1941.0, "near"), ("number", 1950.4, 1995.0, "close"), ("number", 1950, 1941, "different")])  # fmt: skip
def test_a_payment_arrives_days_later_in_another_amount(role: str, one: object, other: object, level: str) -> None:
    """1950 is likely a year, and 1941 another; 1950.40 is an amount, and 1941.00 near it."""
    levels = comparison(Field("x", "x", role), [])["comparison_levels"]
    cases = " ".join(f"WHEN {n['sql_condition']} THEN '{n['label_for_charts']}'" for n in levels[:-1])
    assert duckdb.sql(f"SELECT CASE {cases} ELSE 'different' END FROM (SELECT $1 AS x_l, $2 AS x_r)", params=[one, other]).fetchone() == (level,)  # fmt: skip


def test_payments_about_the_same_are_compared() -> None:
    """Of neighbours in amount and in time, one range is shared, wherever the ranges end."""
    con = duckdb.connect()
    con.execute("CREATE TABLE feature AS SELECT i AS rid, 'a' AS source, 100 * 1.03 ** i AS paid, strftime(DATE '2022-01-01' + CAST(4 * i AS int), '%Y-%m-%d') AS day FROM range(500) r(i)")  # fmt: skip
    candidates.find(con, [Field("paid", "paid", "number"), Field("day", "day", "date")], ())
    assert con.execute("SELECT count(*), max(b - a) FROM candidate WHERE b - a = 1").fetchone() == (499, 1)
    assert con.execute("SELECT max(b - a) FROM candidate").fetchone() == (2,)


@pytest.mark.parametrize(("one", "other", "level"), [("j.lee@hill.com", "j.lee@sherwood.org", "same user elsewhere"), ("j.lee@hill.com", "j.lee@hlil.com", "same user"),
    ("j.lee@hill.com", "jlee@hill.com", "nearly equal"), ("anna.lee16@hill.com", "anna.lee36@hill.com", "different")])  # fmt: skip
def test_a_mail_address_of_a_name_at_another_house(one: str, other: str, level: str) -> None:
    """J. Lee of one firm and J. Lee of another are called alike, and their names say so already."""
    levels = comparison(Field("m", "m", "email"), [])["comparison_levels"]
    cases = " ".join(f"WHEN {n['sql_condition']} THEN '{n['label_for_charts']}'" for n in levels[:-1])
    assert duckdb.sql(f"SELECT CASE {cases} ELSE 'different' END FROM (SELECT $1 AS m_l, $2 AS m_r)", params=[one, other]).fetchone() == (level,)  # fmt: skip


@pytest.mark.parametrize(("one", "other", "level"), [(("Thomas", "Koch"), ("Renate", "Thomas"), "different"), (("Freya", "Johnson"), ("shnoon", "Freya"), "swapped"),
    (("Isla", None), ("Hall", "Isla"), "swapped"), (("Ann", "Roe"), ("Roe", "Ann"), "swapped")])  # fmt: skip
def test_names_that_have_changed_places(one: tuple[str, str], other: tuple[str, str], level: str) -> None:
    """Both names cross, or the other is not known; one forename that is another's surname tells nothing."""
    fields = [Field("f", "f", "forename"), Field("s", "s", "surname")]
    levels = comparison(fields[0], fields)["comparison_levels"]
    cases = " ".join(f"WHEN {n['sql_condition']} THEN '{n['label_for_charts']}'" for n in levels[:-1])
    row = "SELECT lower($1) AS f_l, lower($2) AS s_l, lower($3) AS f_r, lower($4) AS s_r"
    assert duckdb.sql(f"SELECT CASE {cases} ELSE 'different' END FROM ({row})", params=[*one, *other]).fetchone() == (level,)  # fmt: skip


@pytest.mark.parametrize(("doubtful", "unique", "columns", "from_"), [(0, [], "fs", 0.8), (8, [], "fs", 0.9), (900, [], "fs", 0.95), (900, ["a"], "fs", 0.8), (0, [], "f", 1.0)])  # fmt: skip
def test_how_sure_a_pair_must_be(doubtful: int, unique: list[str], columns: str, from_: float) -> None:
    """Surer where many are in doubt and no list tells that it lists nothing twice; one field alone joins only what is all but equal."""
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE judged AS SELECT 1 AS a, 2 AS b, 0.999 AS probability, false AS barred FROM range(100) UNION ALL SELECT 1, 2, 0.999, true FROM range(900) UNION ALL "
        f"SELECT 1, 2, unnest([0.97, 0.9]), false FROM range({doubtful} // 2) UNION ALL SELECT 1, 2, 0.8, false FROM range(greatest(1, {doubtful}))"
    )
    assert judging.careful(con, [Field(c, c, "forename") for c in columns], unique) == from_


@pytest.mark.parametrize(("weight", "unique"), [(12, ["a", "b"]), (26, [])])
def test_a_source_lists_things_twice_when_they_are_as_alike_as_those_of_two_sources(
    weight: int, unique: list[str]
) -> None:
    """Papers of one author are much alike, and yet less so than one paper in two bibliographies."""
    con = duckdb.connect()
    con.execute("CREATE TABLE feature AS SELECT i AS rid, i % 2 AS place, ['a', 'b'][i % 2 + 1] AS source FROM range(200) r(i)")  # fmt: skip
    con.execute(
        "CREATE TABLE scored AS SELECT 2 * i AS a, 2 * i + 1 AS b, 20 + i % 11 AS weight FROM range(100) r(i) UNION ALL "
        f"SELECT i, i + 4, {weight} FROM range(20) r(i)"
    )
    con.execute("CREATE TABLE judged AS SELECT *, 0.9 AS probability, false AS barred FROM scored")
    sources = tuple(config.Source(Path(f"{name}.csv"), name, "id") for name in "ab")
    assert judging.once(con, config.Config(Path("lists.yaml"), sources, {}), [], True) == unique


@pytest.mark.parametrize(
    ("met", "rival", "enough", "weight"), [(95, None, 6, 4), (95, None, 2, 2), (95, 100, 6, 0), (20, None, 6, 0.3)]
)
def test_the_one_candidate_in_a_list_that_has_nearly_all(met: int, rival: int | None, enough: float, weight: float) -> None:  # fmt: skip
    """Of 100 records as many met beyond doubt; the last sees one that is as likely as not: likely it where most are met and nothing rivals it."""
    con = duckdb.connect()
    con.execute("CREATE TABLE feature AS SELECT i AS rid, ['a', 'b'][i % 2 + 1] AS source FROM range(200) r(i)")
    con.execute(f"CREATE TABLE scored AS SELECT 2 * i AS a, 2 * i + 1 AS b, 30 AS weight FROM range({met}) r(i) UNION ALL SELECT 198, 199, log2(100)")  # fmt: skip
    if rival:
        con.execute(f"INSERT INTO scored SELECT 198, 197, log2({rival})")
    con.execute("CREATE TABLE judged AS SELECT a, b, CASE WHEN a = 198 THEN weight - log2(100) ELSE 20 END AS weight, 0.5 AS probability, false AS barred FROM scored")  # fmt: skip
    counterparts.exclude(con, ["a"], enough)
    assert con.execute("SELECT DISTINCT probability FROM judged").fetchall() == [(0.5,)]
    counterparts.exclude(con, ["a", "b"], enough)
    found = con.execute("SELECT weight FROM judged WHERE b = 199").fetchone()
    assert found is not None
    assert abs(found[0] - weight) < 0.2


def test_a_list_that_lists_things_twice_is_told_by_its_own_pairs(tmp_path: Path) -> None:
    """A hotline hears of one site often, and writes so loosely that its pairs say less than those of the registers."""
    write(tmp_path / "a.csv", [{"name": "甲"}])
    path = tmp_path / "lists.yaml"
    path.write_text("{sources: [a.csv], fields: {name: organisation}}", encoding="utf-8")
    con = duckdb.connect()
    con.execute("CREATE TABLE feature (rid bigint, place bigint, source varchar)")
    con.execute("CREATE TABLE scored (a bigint, b bigint, weight double)")
    for site in range(50):  # three registers, each site once; the hotline has every third site twice
        con.execute(f"INSERT INTO feature SELECT {10 * site} + i, 0, ['登记', '税务', '消防', '热线', '热线'][i + 1] FROM range({5 if site % 3 == 0 else 4}) t(i)")  # fmt: skip
        con.execute(f"INSERT INTO scored SELECT {10 * site} + i, {10 * site} + j, CASE WHEN i < 3 AND j < 3 THEN 16 ELSE 8 + {site} % 3 END FROM range(5) t(i), range(5) u(j) WHERE i < j AND {10 * site} + j IN (SELECT rid FROM feature)")  # fmt: skip
    con.execute("CREATE TABLE judged AS SELECT a, b, 0.95 AS probability, false AS barred FROM scored")
    found = judging.once(con, config.load(path), [Field("name", "f1", "organisation")], several=True)
    assert found == ["消防", "登记", "税务"]
