"""`hub read` on what is called .xls and is a web page, a web archive or Excel's XML of 2003."""

from __future__ import annotations

import quopri

import pytest

from schemas.errors import HubError, SourceChanged, SourceUnavailable

NAMES = ["证号", "编号", "乡镇"]
ROWS = [["510101198001011234", "001", "城关镇"], ["510101198001011235", "002", "水泉乡"]]


def page(rows, head="<html><head><meta charset=utf-8></head>"):
    cells = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return f"{head}<body><table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table></body></html>"


def archive(text):
    head = b'MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="=_1"\r\n\r\n'
    part = b"--=_1\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Type: text/html; charset=gb2312\r\n\r\n"
    return head + part + quopri.encodestring(text.encode("gb18030")) + b"\r\n--=_1--\r\n"


def xml(rows):
    space = (
        'xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"'
    )
    return f'<?xml version="1.0"?>\n<Workbook {space}><Worksheet ss:Name="台账"><Table>{rows}</Table></Worksheet></Workbook>'


def line(*cells, about=""):
    return f"<Row{about}>{''.join(cells)}</Row>"


def cell(value, kind="String", about=""):
    return f'<Cell{about}><Data ss:Type="{kind}">{value}</Data></Cell>'


@pytest.mark.parametrize(
    "data",
    [
        page([NAMES, *ROWS]).encode(),
        page([NAMES, *ROWS], "<html><meta charset=gb2312>").encode("gb18030"),
        page([NAMES, *ROWS], "").removesuffix("</body></html>").encode(),
        page([["菜单", page([NAMES, *ROWS], "")]]).encode(),
        archive(page([NAMES, *ROWS], "<html>")),
        xml("".join(line(*map(cell, row)) for row in [NAMES, *ROWS])).encode(),
    ],
    ids=["utf-8", "gbk", "a table alone", "a table in a layout", "archive", "xml"],
)
def test_text_stays_as_it_is(read, data):
    assert read(data, "台账.xls")[:2] == (NAMES, ROWS)
    with pytest.raises((SourceUnavailable, SourceChanged)):
        read(data[: len(data) - 70], "台账.xls")


def test_cells_over_several_rows_and_columns(read):
    head = "<tr><th rowspan=2>乡镇</th><th colspan=2>2025年</th></tr><tr><th>户数</th><th>人口</th></tr>"
    body = "<tr><td rowspan=2>城关镇</td><td>3</td><td>7</td></tr><tr><td>4</td><td>8</td></tr><tr><td>水泉乡</td><td>5</td><td>9</td></tr>"
    found = read(
        f"<table><tr><td colspan=3>某县表</td></tr>{head}{body}<tr><td>合计</td><td>12</td><td>24</td></tr></table>"
    )
    assert found[0] == ["乡镇", "2025年/户数", "2025年/人口"]
    assert found[1] == [["城关镇", "3", "7"], ["城关镇", "4", "8"], ["水泉乡", "5", "9"]]
    assert "明细相加" not in found[2]
    merged = line(cell("乡镇", about=' ss:MergeDown="1"'), cell("2025年", about=' ss:MergeAcross="1"'))
    rows = merged + line(cell("户数", about=' ss:Index="2"'), cell("人口")) + line(*map(cell, ["城关镇", "3", "7"])) * 2
    assert read(xml(rows))[:2] == (["乡镇", "2025年/户数", "2025年/人口"], [["城关镇", "3", "7"]] * 2)


def test_what_a_page_shows_and_what_excel_wrote_beside_it(read):
    rows = '<tr><td>编号</td><td>数</td><td>日</td></tr><tr><td>A&amp;1</td><td x:num="1234.5678">1,234.57</td><td x:num="45000">2023-3-15</td></tr>'
    rows += "<tr><td>A<br>2</td><td x:num>5</td><td> 2023-3-16 </td></tr>"
    assert read(f"<table>{rows}</table>")[1] == [["A&1", "1234.5678", "2023-3-15"], ["A\n2", "5", "2023-3-16"]]


def test_types_of_the_xml_and_formulas_without_a_value(read):
    names = line(*map(cell, ["编号", "日期", "数", "是否"]))
    first = line(
        cell("A"),
        cell("2024-02-29T00:00:00.000", "DateTime"),
        cell("510101198001011234", "Number"),
        cell("1", "Boolean"),
    )
    other = line(
        cell("B"),
        cell("2024-02-29T10:30:00.000", "DateTime"),
        cell("1.5", "Number", ' ss:Index="3"'),
        about=' ss:Index="4"',
    )
    _, rows, told = read(xml(names + first + other + line(cell("C"), '<Cell ss:Formula="=1+1"/>')))
    assert rows == [["A", "2024-02-29", "510101198001011234", "true"], ["B", "2024-02-29 10:30:00", "1.5", ""]]
    assert "B5 的公式还没有算出值" in told


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("<html><title>登录</title><form><input name=u></form></html>", "没有表格"),
        (page([["名称"], ["<input value=5>"]]), "待填的输入框"),
        (xml(line(cell("x"), about=' ss:Index="99999999"')), "行列号"),
        (page([["x"]]).replace("<td>", '<td rowspan="65000" colspan="99999">'), "异常地大"),
        ("% 注\n@RELATION r\n@attribute a numeric\n@data\n1\n", "ARFF"),
        ('ID;PWXL;N;E\nP;PGeneral\nC;Y1;X1;K"a"\nE\n', "SYLK"),
        ('TABLE\n0,1\n"EXCEL"\nVECTORS\n0,2\n', "DIF"),
    ],
)
def test_what_is_no_table_is_refused(read, data, told):
    with pytest.raises(HubError) as caught:
        read(data)
    assert told in str(caught.value)
    assert caught.value.cure


def test_a_name_that_begins_as_sylk_does(read):
    assert read("ID;PLZ;Ort\n1;01067;Dresden\n")[:2] == (["ID", "PLZ", "Ort"], [["1", "01067", "Dresden"]])


@pytest.mark.parametrize("how", ['style="display: none"', "hidden", 'style="color:red;visibility:hidden"'])
def test_what_a_page_hides_is_told(read, how):
    rows = "".join(f"<tr><td>{town}</td><td {how}>{n}</td><td>{n}</td></tr>" for n, town in enumerate("甲乙丙"))
    text = f"<table><tr><td>镇</td><td {how}>密</td><td>户</td></tr>{rows}<tr {how}><td>丁</td><td>3</td><td>3</td></tr></table>"
    _, found, told = read(text)
    assert found == [[town, str(n), str(n)] for n, town in enumerate("甲乙丙丁")]
    assert "隐藏的 1 行、1 列" in told


@pytest.mark.parametrize(
    ("cell", "text", "told"),
    [
        ("甲<span style='display:none'>0001</span>", "甲", ""),
        ("<del>5</del>6", "6", "划掉的字"),
        ("<s>5</s>", "5", "划掉的字"),
        ("12<sup>1</sup>", "12", "像是脚注的号"),
        ("km<sup>2</sup>", "km2", ""),
        ("<img src='a.png' alt='是'>", "是", "只有图片"),
        ("<img src='a.png'>", "", "只有图片"),
    ],
)
def test_what_is_not_written_as_text(read, cell, text, told):
    _, rows, said = read(
        f"<table><tr><td>镇</td><td>户</td></tr><tr><td>甲</td><td>{cell}</td></tr><tr><td>乙</td><td>2</td></tr></table>"
    )
    assert rows == [["甲", text], ["乙", "2"]]
    assert told in said if told else "!" not in said


def test_a_table_in_a_script_is_none(read):
    page = (
        "<html><script>var t = '<table>';</script><table><tr><td>名<td>数<tr><td>甲<td>5<tr><td>乙<td>6</table></html>"
    )
    assert read(page)[:2] == (["名", "数"], [["甲", "5"], ["乙", "6"]])


@pytest.mark.parametrize("above", ["<p>单位：万元</p><table>", "<table><caption>收入 单位：万元</caption>"])
def test_a_unit_said_above_a_page_s_table(read, above):
    _, rows, told = read(
        f"<body>{above}<tr><th>镇</th><th>额</th></tr><tr><td>甲</td><td>5</td></tr><tr><td>乙</td><td>6</td></tr></table>"
    )
    assert rows == [["甲", "5"], ["乙", "6"]]
    assert "整张表 以万元计" in told
