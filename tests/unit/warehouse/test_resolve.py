"""hub resolve on sets with a known truth: how much of it is found, and how much of what is found is true."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from examples.resolution import companies, payments, people, places, programmes, venues
from examples.resolution.noise import slip
from examples.resolution.scoring import scores
from hub.cli import main
from tests.unit.warehouse.lists import read, resolved, truth, write
from warehouse.linkage import config, features, model, reading, resolve


def _credit_code_of(number: int) -> str:
    """A valid unified social credit code of its own for each number."""
    return next(code for last in "0123456789X" if (code := _credit_code(f"MA{number:06}{last}")))


def _credit_code(organisation: str) -> str | None:
    """A valid unified social credit code around this organisation code; None if the organisation code is not valid."""
    from schemas import identifiers

    if not identifiers.org_code_valid(organisation):
        return None
    return next(c for last in identifiers.USCC_ALPHABET if identifiers.uscc_valid(c := f"91510922{organisation}{last}"))


def test_full_names_under_noise_with_branches_and_look_alikes(tmp_path: Path) -> None:
    files = {"names": companies.lists(3, count=500)}
    found = resolved(tmp_path, files, source_column="source", fields={"name": "name"})
    precision, recall, _ = scores(truth(files), found)
    assert precision == 1
    assert recall >= 0.99


def test_sites_of_nine_agencies(tmp_path: Path) -> None:
    files = {"sites": places.sites(5, count=220)}
    found = resolved(tmp_path, files, source_column="source", fields={"name": "name", "address": "address"})
    precision, recall, _ = scores(truth(files), found)
    assert precision >= 0.98
    assert recall >= 0.8


@pytest.mark.parametrize(
    ("sites", "seed", "count", "source", "number", "least"),
    [
        pytest.param(programmes.sites, 6, 150, "Source", "Id", 0.96, id="listed once per programme"),
        pytest.param(venues.sites, 2, 220, "来源", "编号", 0.96, id="Chinese, with a point on the map"),
    ],
)
def test_sites_with_roles_told_by_the_data(
    tmp_path: Path,
    sites: Callable[..., list[dict[str, Any]]],
    seed: int,
    count: int,
    source: str,
    number: str,
    least: float,
) -> None:
    files = {"sites": [{**row, "source": row[source], "id": row[number]} for row in sites(seed, count=count)]}
    found = resolved(tmp_path, files, source_column="source")
    precision, _, f1 = scores(truth(files), found)
    assert precision >= 0.98
    assert f1 >= least


def test_one_legal_name_written_otherwise_and_firms_a_letter_apart(tmp_path: Path) -> None:
    """Form and region shortened are the same firm where another field backs it; a letter apart, two must: a shared house alone makes none."""
    rng = random.Random(7)
    letters, rows = "鑫源恒达瑞丰盛兴隆华宇康泰安顺祥", []
    for entity in range(120):
        core = "".join(rng.sample(letters, 3))
        firm = {
            "name": f"示例县{core}商贸有限公司",
            "address": f"城关镇人民路{entity + 1}号",
            "phone": f"138{rng.randrange(10**8):08}",
            "entity": entity,
        }
        rows += [
            {**firm, "source": "a"},
            {**firm, "source": "b", "name": firm["name"].replace("有限", rng.choice(["有限责任", ""]))},
            {**firm, "source": "c", "name": firm["name"].removeprefix("示例县")},
            {**firm, "source": "f", "name": f"{core}公司"},
        ]
        if entity % 6 == 0:  # next door
            other = {
                "name": firm["name"].replace(core, core[:2] + "鼎"),
                "phone": f"139{rng.randrange(10**8):08}",
                "entity": 1000 + entity,
            }
            rows += [{**firm, **other, "source": "a"}, {**firm, **other, "source": "b"}]
        if entity % 6 == 1:  # the firms of one owner, at the same desk
            for number, source in (("一", "d"), ("二", "e")):
                name = f"示例县{core}{number}商贸有限公司"
                rows.append({**firm, "name": name, "entity": f"{entity} {number}", "source": source})
    files = {"firms": [{"id": str(n), **row} for n, row in enumerate(rows)]}
    found = resolved(
        tmp_path, files, source_column="source", fields={"name": "name", "address": "address", "phone": "phone"}
    )
    precision, recall, _ = scores(truth(files), found)
    assert precision == 1
    assert recall >= 0.98


def test_sites_that_a_list_names_without_their_address(tmp_path: Path) -> None:
    """A name each list has once at most is one site's, however many lists have it; one met at no stranger says as much as names do."""
    rng = random.Random(11)
    rows = [{**row, "address": "" if rng.random() < 0.1 else row["address"]} for row in places.sites(5, count=220)]
    files = {"sites": rows}
    found = resolved(tmp_path, files, source_column="source", fields={"name": "name", "address": "address"})
    precision, recall, _ = scores(truth(files), found)
    assert precision >= 0.98
    assert recall >= 0.9


def test_a_legal_name_whose_region_is_written_shorter(tmp_path: Path) -> None:
    """四川省示例县… is 示例…; without a region it is where another record shows so; that of another county is another firm."""
    rng = random.Random(5)
    letters, rows = "鑫源恒达瑞丰盛兴隆华宇康泰安顺祥", []
    for entity in range(120):
        name = "".join(rng.sample(letters, 3)) + rng.choice(["商贸", "建材", "食品"]) + "有限公司"
        place = f"城关镇人民路{entity + 1}号"
        rows += [
            {"source": source, "name": region + name, "address": address, "entity": entity}
            for source, region, address in (
                ("a", "示例县", place), ("b", "", place), ("c", "四川省示例县", ""), ("d", "示例", place), ("e", "", ""),
            )
        ]  # fmt: skip
        if entity % 5 == 0:
            rows.append(
                {
                    "source": "f",
                    "name": f"蓬溪县{name}",
                    "address": f"赤城镇建设路{entity + 1}号",
                    "entity": -entity - 1,
                }
            )
    files = {"firms": [{"id": str(n), **row} for n, row in enumerate(rows)]}
    found = resolved(tmp_path, files, source_column="source", fields={"name": "name", "address": "address"})
    precision, recall, _ = scores(truth(files), found)
    assert precision == 1
    assert recall >= 0.98


def test_people_whose_mail_addresses_are_made_of_their_names(tmp_path: Path) -> None:
    """Two of one name have nearly the same address: the number in it tells them apart."""
    rng = random.Random(3)
    rows: list[dict[str, Any]] = []
    for entity in range(220):
        first, last = rng.choice(people.FORENAMES[:24]).lower(), rng.choice(people.SURNAMES[:24]).lower()
        person = {
            "first_name": first,
            "surname": last,
            "dob": f"{rng.randrange(1930, 2010)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}",
            "email": f"{first}.{last}{rng.randrange(1, 99)}@{rng.choice(['mail', 'web'])}.{rng.choice(['com', 'org', 'net'])}",
        }
        for _ in range(rng.randrange(1, 7)):
            said = {k: "" if (u := rng.random()) < 0.14 else slip(v, rng) if u < 0.26 else v for k, v in person.items()}
            rows.append({"id": str(len(rows)), **said, "entity": entity})
    files = {"people": rows}
    found = resolved(tmp_path, files, mode="dedupe")
    precision, recall, _ = scores(truth(files), found)
    assert precision >= 0.98
    assert recall >= 0.9


def test_a_branch_under_its_legal_name_and_under_its_sign(tmp_path: Path) -> None:
    """鑫源恒药业有限公司人民路分店 and 鑫源恒大药房（人民路店） are one shop, with a code or without; neither is the firm itself."""
    rng = random.Random(3)
    letters, rows = "鑫源恒达瑞丰盛兴隆华宇康泰安顺祥", []
    for chain in range(25):
        core = "".join(rng.sample(letters, 3))
        firm = f"射洪市{core}药业有限公司"
        for shop, road in enumerate(("", "人民路", "解放街", "滨江路")):
            number, phone = 10 * chain + shop + 1, f"138{rng.randrange(10**8):08}"
            address = f"射洪市{road or '建设街'}{number}号"
            code = _credit_code_of(100 * chain + shop)
            legal, sign = (f"{firm}{road}分店", f"{core}大药房（{road}店）") if road else (firm, f"射洪{core}药业公司")
            rows += [
                {"source": source, "code": code if coded else "", "name": name, "address": address, "phone": phone, "entity": number * 10 + shop}
                for source, name, coded in (("a", legal, True), ("b", legal, False), ("c", sign, True), ("d", sign, False))
            ]  # fmt: skip
    files = {"shops": [{"id": str(n), **row} for n, row in enumerate(rows)]}
    fields = {"code": "identifier", "name": "organisation", "address": "address", "phone": "phone"}
    precision, recall, _ = scores(truth(files), resolved(tmp_path, files, source_column="source", fields=fields))
    assert precision == 1
    assert recall >= 0.95


@pytest.mark.parametrize(
    ("seed", "compared"),
    [
        pytest.param(2, "名称: organisation, 电话: phone, 负责人: person", id="though values are blank"),
        pytest.param(3, "名称: organisation, 地址: address", id="though one house is written in many ways"),
    ],
)
def test_matches_are_counted(tmp_path: Path, seed: int, compared: str) -> None:
    """Fields with blanks show few of the matches; what they show is raised by how often both sides have a value."""
    rows = venues.sites(seed, count=150)
    write(tmp_path / "a.csv", rows)
    path = tmp_path / "lists.yaml"
    path.write_text(f"{{sources: [a.csv], id: 编号, source_column: 来源, fields: {{{compared}}}}}", encoding="utf-8")
    asked = config.load(path)
    con = resolve.connect(asked)
    fields, *_ = reading.read(con, asked)
    features.build(con, fields)
    share = model.train(con, fields, across=False).settings["probability_two_random_records_match"]
    true = sum(n * (n - 1) / 2 for n in Counter(row["entity"] for row in rows).values())
    assert share * len(rows) * (len(rows) - 1) / 2 == pytest.approx(true, rel=0.2)


def test_two_places_of_one_owner_stay_two(tmp_path: Path) -> None:
    """They share street or name, and the owner's telephone; every place is given by several lists, as no slip would be."""
    rng = random.Random(5)
    words, letters, rows = (
        ["Oak", "Elm", "Maple", "Cedar", "Pine", "Walnut", "Birch", "Linden"],
        "鑫源恒达瑞丰盛兴隆华宇康",
        [],
    )
    for owner in range(60):
        phone, street, house = f"{rng.randrange(10**7):07}", " ".join(rng.sample(words, 2)), rng.randrange(100, 4000)
        core = "".join(rng.sample(letters, 3))
        towns = (f"太和镇人民路{owner + 1}号", f"仁和镇白鹤村{owner % 7 + 1}组")
        for second, side in enumerate(("West", "North")):
            for one, other in ("ae", "bf", "cg", "dh"):
                if one in "ab" or rng.random() < 0.7:
                    name = rng.choice(
                        (f"{street} League - {street} {side}", f"{street} Center ({side})", f"{street} {side}")
                    )
                    where, called = f"{house + 83 * second} N {street}", f"138{phone}1" if rng.random() < 0.8 else ""
                    rows += [
                        {"source": one, "name": name, "address": where, "phone": phone, "entity": 4 * owner + second},
                        {"source": other, "name": f"{core}幼儿园", "address": towns[second], "phone": called, "entity": 4 * owner + 2 + second},
                    ]  # fmt: skip
    files = {"sites": [{"id": str(n), **row} for n, row in enumerate(rows)]}
    fields = {"name": "organisation", "address": "address", "phone": "phone"}
    precision, recall, _ = scores(truth(files), resolved(tmp_path, files, source_column="source", fields=fields))
    assert precision >= 0.98
    assert recall >= 0.9


def test_two_restaurants_of_one_hotel_stay_two(tmp_path: Path) -> None:
    """They share house and telephone, and a guide lists each; the fields that say little, city and kind of food, teach nothing of names."""
    left, right = places.guides(1)
    for hotel in range(10):
        house = {"addr": f"{300 + hotel} peachtree rd.", "city": "atlanta", "phone": f"404/237-27{hotel:02}"}
        for table in ("cafe", "dining room"):
            one = {
                **house,
                "name": f"{table} {left[hotel]['name']} plaza",
                "type": "french",
                "entity": f"{hotel}{table}",
            }
            left.append({"id": f"a{len(left)}", **one})
            right.append(
                {
                    "id": f"b{len(right)}",
                    **one,
                    "phone": one["phone"].replace("/", "-"),
                    "name": f"{left[hotel]['name']} plaza {table}",
                }
            )
    files = {"left": left, "right": right}
    precision, recall, _ = scores(truth(files), resolved(tmp_path, files))
    assert precision >= 0.98
    assert recall >= 0.96


@pytest.mark.parametrize(
    ("given", "number"),
    [("310/246-1501", "3102461501"), ("13811112222/13911112222", "13811112222"), ("0825-6661234、13911112222", "08256661234"), ("0825/6661234", "08256661234")],
)  # fmt: skip
def test_a_telephone_with_a_stroke_in_it(tmp_path: Path, given: str, number: str) -> None:
    write(tmp_path / "a.csv", [{"id": "1", "phone": given}])
    path = tmp_path / "lists.yaml"
    path.write_text("{sources: [a.csv], id: id, fields: {phone: phone}}", encoding="utf-8")
    asked = config.load(path)
    con = resolve.connect(asked)
    fields, *_ = reading.read(con, asked)
    features.build(con, fields)
    assert con.execute("SELECT f1 FROM feature").fetchone() == (number,)


def test_a_shop_under_another_word_for_its_trade(tmp_path: Path) -> None:
    path = tmp_path / "lists.yaml"
    write(
        tmp_path / "a.csv",
        [
            {"店名": name}
            for name in ("明英安大药房", "示例县明英安药店（连锁）", "明英安食品有限公司", "明英安食品厂", "药店")
        ],
    )
    path.write_text("sources: [a.csv]", encoding="utf-8")
    asked = config.load(path)
    con = resolve.connect(asked)
    fields, *_ = reading.read(con, asked)
    features.build(con, fields)
    assert con.execute("SELECT f1_bare, f1_stem FROM feature ORDER BY rid").fetchall() == [
        ("明英安药店", "明英安"), ("明英安药店", "明英安"), ("明英安食品有限公司", "明英安"), ("明英安食品厂", "明英安"), ("药店", "药店"),
    ]  # fmt: skip


def test_personal_numbers_with_slips_are_evidence_and_not_proof(tmp_path: Path) -> None:
    rows = people.register(4, persons=120)
    for row in rows:
        number = str(3_000_000 + row["entity"] * 7919)
        row["number"] = number[:-1] + "0" if int(row["id"]) % 5 == 0 else number
    found = resolved(
        tmp_path,
        {"people": rows},
        fields={"first_name": "auto", "surname": "auto", "dob": "auto", "city": "auto", "number": "identifier"},
    )
    precision, recall, _ = scores(truth({"people": rows}), found)
    assert precision >= 0.98
    assert recall >= 0.97


def test_lists_come_as_departments_send_them(tmp_path: Path) -> None:
    """The files are read as a connector reads them: a title over the names, GB18030, a total below, a workbook."""
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "乙.xlsx") as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate(
            [["某县企业名单"], ["编号", "名称", "信用代码"], ["7", "丰收农机有限公司", "91350100M000100Y43"]]
        ):
            sheet.write_row(row, 0, cells)
    text = "登记名单\n编号;名称;信用代码\n1;丰收农机公司;91350100M000100Y43\n2;河湾面馆;\n合计;2家;\n"
    (tmp_path / "甲.csv").write_bytes(text.encode("gb18030"))
    config = {
        "sources": ["甲.csv", "乙.xlsx"],
        "id": "编号",
        "fields": {"名称": "organisation", "信用代码": "identifier"},
    }
    (tmp_path / "lists.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    out = tmp_path / "clusters.csv"
    assert main(["resolve", str(tmp_path / "lists.yaml"), "-o", str(out)]) == 0
    found = {row["id"]: row["cluster_id"] for row in read(out)}
    assert len(found) == 3
    assert found["1"] == found["7"] != found["2"]


def test_an_organisation_code_within_a_credit_code_is_the_same(tmp_path: Path) -> None:
    files = {
        "a": [{"id": "1", "name": "甲乙商贸部", "code": "91510922MA62XXXX0X", "entity": 0}],
        "b": [{"id": "1", "name": "甲乙商贸", "code": "", "entity": 0}],
    }
    whole = next(code for last in "0123456789X" if (code := _credit_code(f"A62XX000{last}")))
    files["a"][0]["code"], files["b"][0]["code"] = whole, whole[8:17]
    found = resolved(tmp_path, files, fields={"name": "organisation", "code": "identifier"})
    assert found["a", "1"] == found["b", "1"]


def test_people_with_roles_told_by_the_data(tmp_path: Path) -> None:
    files = {"people": people.register(4, persons=120)}
    found = resolved(tmp_path, files)
    precision, _, f1 = scores(truth(files), found)
    assert precision >= 0.98
    assert f1 >= 0.95


def test_two_guides_and_again_in_another_order_with_the_model_kept(tmp_path: Path) -> None:
    files = dict(zip(("left", "right"), places.guides(6, shared=60, left=160, right=120), strict=True))
    model = str(tmp_path / "model.json")
    first = resolved(tmp_path, files, "--save-model", model)
    precision, recall, _ = scores(truth(files), first)
    assert precision >= 0.98
    assert recall >= 0.85
    turned = {name: rows[::-1] for name, rows in files.items()}
    assert resolved(tmp_path, turned, "--model", model) == first


@pytest.mark.parametrize("line", ["sources: [none.csv]", "sources: [a.csv]\nfields: {name: nmae}", "file: x"])
def test_what_is_wrong_with_a_config_is_said(tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("id,name\n1,x\n", encoding="utf-8")
    (tmp_path / "c.yaml").write_text(line, encoding="utf-8")
    assert main(["resolve", str(tmp_path / "c.yaml"), "-o", str(tmp_path / "o.csv")]) == 1
    assert "c.yaml" in capsys.readouterr().err


def test_a_list_without_rows_is_told_and_blanks_in_headings_do_not_matter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    (tmp_path / "none.csv").write_text("编号,名称\n", encoding="utf-8")
    (tmp_path / "a.csv").write_text("编号,单位 名称\n1,县鑫源商贸有限公司\n", encoding="gb18030")
    path = tmp_path / "lists.yaml"
    path.write_text("sources: [none.csv]", encoding="utf-8")
    assert main(["resolve", str(path), "-o", str(tmp_path / "out.csv")]) == 1
    assert "没有可比的内容" in capsys.readouterr().err
    path.write_text("sources: [{file: a.csv, id: 编号, columns: {名称: 单位 名称}}]\nfields: {名称: organisation}", encoding="utf-8")  # fmt: skip
    assert main(["resolve", str(path), "-o", str(tmp_path / "out.csv")]) == 0


def test_a_list_of_people_who_share_names_and_days(tmp_path: Path) -> None:
    """Where so many are nearly alike that the accepted would be wrong too often, only the surer ones are accepted."""
    rng = random.Random(2)
    last = people.SURNAMES[:40] + people.FORENAMES[:10]
    rows = []
    for entity in range(4000):
        row = {"first": rng.choice(people.FORENAMES[:40]), "last": rng.choice(last), "born": f"{rng.randrange(1975, 1995)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"}  # fmt: skip
        rows.append({**row, "entity": entity})
        if entity % 10 == 0:
            key = rng.choice(list(row))
            rows.append({**row, key: f"{rng.randrange(1975, 1995)}{row['born'][4:]}" if key == "born" else slip(row[key], rng), "entity": entity})  # fmt: skip
    files = {"people": [{"id": str(n), **row} for n, row in enumerate(rows)]}
    found = resolved(tmp_path, files, fields={"first": "forename", "last": "surname", "born": "date"})
    precision, recall, _ = scores(truth(files), found)
    assert precision >= 0.98
    assert recall >= 0.6


def test_payments_that_arrive_later_in_another_amount_under_a_cut_memo(tmp_path: Path) -> None:
    files = payments.ledgers(2)
    found = resolved(tmp_path, files)
    precision, _, f1 = scores(truth(files), found)
    assert precision >= 0.98
    assert f1 >= 0.9


def test_amounts_are_learnt_though_most_under_one_memo_are_other_payments(tmp_path: Path) -> None:
    """A quarter of the payments keep their amount, which nothing but the memo can tell, and that is shared by all of a payer."""
    for name, rows in payments.ledgers(3).items():
        write(tmp_path / f"{name}.csv", rows)
    path = tmp_path / "lists.yaml"
    path.write_text("{sources: [sent.csv, received.csv], id: id}", encoding="utf-8")
    asked = config.load(path)
    con = resolve.connect(asked)
    fields, *_ = reading.read(con, asked)
    features.build(con, fields)
    settings = model.train(con, fields, across=False).settings
    amount = next(each for each in settings["comparisons"] if each["output_column_name"] == "f3")
    assert amount["comparison_levels"][1]["m_probability"] < 0.4
