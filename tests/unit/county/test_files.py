"""What the answer sheet says of a place in a file is true of the file."""

import csv
import io

import polars as pl
import pytest
from python_calamine import CalamineWorkbook

from examples.county import county, workbook
from examples.county.layout import FORMS


@pytest.fixture(scope="module")
def small():
    return county.build(7, 0.03)


@pytest.fixture(scope="module")
def inbox(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("inbox")
    workbook.write(small, folder)
    return folder


def cell_rows(path, sheet, encoding):
    if path.suffix == ".csv":
        return list(csv.reader(io.StringIO(path.read_bytes().decode(encoding), newline="")))
    return CalamineWorkbook.from_path(str(path)).get_sheet_by_name(sheet).to_python(skip_empty_area=False)


@pytest.mark.parametrize("connector", list(FORMS))
def test_rows_stand_where_they_are_said_to_stand(connector, small, inbox):
    source, form = small.sources[connector], FORMS[connector]
    key = source.key[0] if connector != "evaluation/indicator_benchmark" else "指标代码"
    for (file, sheet), part in source.table.partition_by("~file", "~sheet", as_dict=True).items():
        rows = cell_rows(inbox / form.folder / file, sheet, form.encoding)
        column = [name for name in part.columns if not name.startswith("~")].index(key)
        for value, row in part.select(key, "~row").iter_rows():
            assert str(rows[row - 1][column]) == value


def test_numeric_codes_are_numbers_in_the_cell(small, inbox):
    source = small.sources["tax/tax_filing"]
    rows = source.numeric_cells["纳税人识别号"]
    assert len(rows) > 0
    for file, row in source.table[rows.tolist()].select("~file", "~row").iter_rows():
        cell = cell_rows(inbox / "tax" / file, "申报明细", None)[row - 1][1]
        assert isinstance(cell, float)
        assert cell > 1e17


def test_ledger_has_title_groups_merged_categories_total_and_signature(small, inbox):
    book = CalamineWorkbook.from_path(str(inbox / "business_env" / "营商环境整改台账.xlsx"))
    sheet = book.get_sheet_by_name("问题清单")
    rows = sheet.to_python(skip_empty_area=False)
    assert "台账" in rows[0][0]
    assert rows[2][7] == "责任"
    assert rows[3][7:12] == ["牵头单位", "责任单位", "责任领导", "责任人", "复核人"]
    assert rows[-2][:2] == ["合计", 72]
    assert rows[-1][0].startswith("填表人")
    tall = [r for r in sheet.merged_cell_ranges if r[1][0] - r[0][0] == 23]
    assert len(tall) == 3


def test_housing_file_needs_gb18030(small, inbox):
    data = b"".join(p.read_bytes() for p in (inbox / "housing").glob("*.csv"))
    rare = {
        c for name in small.sources["housing/construction_permit"].table["项目负责人"].to_list() for c in name
    } & set("䶮𠮷㛃㐂")
    assert rare
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")
    with pytest.raises(UnicodeEncodeError):
        "".join(rare).encode("gbk")


def test_one_water_file_is_there_twice(inbox):
    files = list((inbox / "water").glob("*.csv"))
    assert len({f.read_bytes() for f in files}) == len(files) - 1


def test_files_carry_no_time_of_their_making(inbox):
    times = {round(f.stat().st_mtime) for f in inbox.rglob("*") if f.is_file()}
    assert max(times) - min(times) == 1200  # an upload that goes on began twenty minutes after the others


def test_tax_total_is_wrong_in_one_month_only(small, inbox):
    table = small.sources["tax/tax_filing"].table
    off = []
    for file in sorted(table["~file"].unique().to_list()):
        rows = cell_rows(inbox / "tax" / file, "申报明细", None)
        place = rows[2].index("已缴税额")
        total = next(r[place] for r in rows if r[0] == "合计")
        paid = table.filter(pl.col("~file") == file)["已缴税额"].cast(pl.Float64).sum()
        if abs(total - paid) > 0.01:
            off.append(file)
    assert off == ["纳税申报_202601.xls"]
