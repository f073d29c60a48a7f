"""`hub read` on one text table written in the ways programs write it: what comes out is the table, or is told."""

from __future__ import annotations

import csv

import pytest

from schemas.errors import SourceChanged, SourceUnavailable
from tests.tables import HEADER, ROWS, book, written


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~", "，", "\x01"], ids=repr)
@pytest.mark.parametrize("quote", ['"', "'"], ids=["double", "single"])
def test_delimiters_and_quotes(read, delimiter, quote):
    text = written(delimiter=delimiter, quotechar=quote) if delimiter.isascii() else None
    if text is None:
        rows = [[cell.replace(",", "").replace('"', "").replace("\n", " ") for cell in row] for row in ROWS]
        text = "\n".join(delimiter.join(row) for row in [HEADER, *rows]) + "\n"
        assert read(text)[:2] == (HEADER, rows)
        return
    assert read(text)[:2] == (HEADER, ROWS)


@pytest.mark.parametrize("delimiter", ["::", "||", ", ", "~^~", "\\t", "^|", "@|"])
def test_delimiters_of_two_characters(read, delimiter):
    rows = [[cell.replace(",", "").replace('"', "").replace("\n", " ") for cell in row] for row in ROWS]
    assert read("\n".join(delimiter.join(row) for row in [HEADER, *rows]) + "\n")[:2] == (HEADER, rows)


@pytest.mark.parametrize("mark", [";", "|", "\t"])
def test_two_delimiters_about_a_blank_cell_are_no_delimiter(read, mark):
    lines = [
        "县府办15号,,,",
        "工作台账,,,",
        "村,得分,等次,数",
        *["东街,,良好,26", "西街,,,32"] * 4,
        "总计,,,106",
        "填报人：李四,,,电话",
    ]
    assert read("\n".join(lines).replace(",", mark) + "\n")[0] == ["村", "得分", "等次", "数"]


def test_a_mark_before_each_amount_is_no_part_of_the_delimiter(read):
    text = "name|amount|mail\n" + "".join(f"n{n}|${n}4,486.10|u{n}@example.org\n" for n in range(20))
    assert read(text)[0] == ["name", "amount", "mail"]


def test_blanks_before_quotation_marks(read):
    text = 'a, b, c\n1, "x, y", 3\n2, "z ""w""", 4\n'
    assert read(text)[:2] == (["a", "b", "c"], [["1", "x, y", "3"], ["2", 'z "w"', "4"]])


def test_blanks_behind_quotation_marks(read):
    assert read('"编号" ,"名" \n"1" ,"甲,乙" \n"2" ,"丙" \n')[:2] == (["编号", "名"], [["1 ", "甲,乙 "], ["2 ", "丙 "]])


def test_backslash_before_quotation_marks(read):
    rows = [[cell.replace("\n", " ") for cell in row] for row in ROWS]
    assert read(written(rows, doublequote=False, escapechar="\\", quoting=csv.QUOTE_ALL))[:2] == (HEADER, rows)


@pytest.mark.parametrize("lines", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_line_ends(read, lines):
    rows = [row for row in ROWS if "\n" not in row[5]]
    assert read(written(rows, lines=lines))[:2] == (HEADER, rows)
    assert read(written(rows, lines=lines).rstrip())[:2] == (HEADER, rows)


@pytest.mark.parametrize("text", ["鄉鎮,戶數\n城關鎮,1\n", "姓名\n張三豐\n", "編號,單位名稱\n1,縣衛生局\n"])
def test_big5_is_not_read_as_other_characters(read, text):
    with pytest.raises(SourceChanged, match="Big5"):
        read(text.encode("big5"))
    assert read(text.encode("big5"), encoding="big5")[0] == text.split("\n")[0].split(",")
    assert read("姓名,地址\n嬴政,漯河\n郗鉴,亳州\n".encode("gb18030"))[1] == [["嬴政", "漯河"], ["郗鉴", "亳州"]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"])
def test_encodings(read, encoding):
    rows = [["统计", "县局", "𠮷"], ["企业", "登记", "㼆"]]
    assert read(written(rows, ["单位名称", "地区", "备注"]).encode(encoding))[1] == rows


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("ville,café,Zürich,déjà vu,naïve,Orléans,Besançon", "latin-1"),
        ("município,ção,não,açúcar,São João,avó,maçã", "cp1252"),
        ("名前,東京都,カタカナ,ひらがな,大阪府,電話番号", "shift_jis"),
        (
            "이름,서울특별시,부산 광역시,전화번호,주소,민원,접수일,처리 결과,대한민국,공무원,행정 복지,신고,교통,환경,청소년,도로",
            "euc-kr",
        ),
        ("имя,Москва,Санкт-Петербург,адрес,телефон", "cp1251"),
    ],
    ids=["french", "portuguese", "japanese", "korean", "russian"],
)
def test_other_languages_are_not_taken_for_chinese(read, text, encoding):
    header, *words = text.split(",")
    data = "\n".join([header, *words * 9]) + "\n"
    with pytest.raises(SourceChanged, match="编码"):
        read(data.encode(encoding))
    assert read(data.encode(encoding), encoding=encoding)[:2] == ([header], [[word] for word in words * 9])


@pytest.mark.parametrize(
    ("text", "codec", "told"), [("이름,나이\n김철수,35\n", "euc-kr", True), ("名,数\n鑫,1\n", "gb18030", False), ("姓名,年龄\n朴英姬,28\n", "gb18030", False)]
)  # fmt: skip
def test_a_text_too_short_to_tell_korean_from_chinese_is_told(read, text, codec, told):
    assert ("也可能是韩文" in read(text.encode(codec))[2]) is told


@pytest.mark.parametrize(
    ("text", "codec"),
    [("id,状态\n1,a\n2,b\n", "gb18030"), ('[{"id":"1","状态":"a"},{"id":"2","状态":"b"}]', "gb18030"), ("id,café·naïve\n1,a\n2,b\n", "utf-8"), ("id,λόγος\n1,a\n2,b\n", "utf-8")],
)  # fmt: skip
def test_chinese_that_is_valid_utf_8_by_chance(read, text, codec):
    header, rows, _ = read(text.encode(codec))
    assert header[1] in text
    assert rows == [["1", "a"], ["2", "b"]]


def test_text_that_was_decoded_wrongly_is_read_back_or_refused(read):
    text = written([["城关镇", "企业登记"], ["水泉乡", "变更登记"]], ["所属乡镇", "办理事项"])
    spoilt = text.encode("gb18030").decode("latin-1").encode()
    header, rows, told = read(spoilt)
    assert (header, rows[0]) == (["所属乡镇", "办理事项"], ["城关镇", "企业登记"])
    assert "还原" in told
    lost = text.encode("gb18030").decode("utf-8", "replace")
    with pytest.raises(SourceChanged, match=r"丢失|恢复"):
        read(lost * 9)
    with pytest.raises(SourceChanged, match="锟斤拷"):
        read("名称,备注\n锟斤拷,锟斤拷\n")


def test_preamble_comments_and_foot(read):
    text = "Sales report 2018\nsource: shop\n\n" + written() + "# a comment\n\nPrinted by the shop\n"
    header, rows, told = read(text)
    assert (header, rows) == (HEADER, ROWS)
    assert "Sales report 2018" in told
    assert "Printed by the shop" in told


def test_total_is_taken_out_and_checked(read):
    text = "单位名称,户数,金额（万元）\n甲,1,10\n乙,2,20.5\n合计,3,31\n填表人：张三,,\n"
    header, rows, told = read(text)
    assert rows == [["甲", "1", "10"], ["乙", "2", "20.5"]]
    assert "合计写 31，明细相加为 30.5" in told
    assert "以万元计" in told
    assert header[2] == "金额（万元）"


def test_headers_of_two_rows(read):
    text = "地区,人口,,面积\n,男,女,\n甲镇,10,12,3.5\n乙镇,20,22,4.5\n"
    assert read(text)[0] == ["地区", "人口/男", "人口/女", "面积"]


def test_no_header(read):
    header, rows, told = read(written(header=None))
    assert (header[0], rows) == ("列1", ROWS)
    assert "没有找到表头" in told
    assert read(written(), header_row=0)[1] == [HEADER, *ROWS]
    assert read("x,y\n" + written(), header_row=2)[:2] == (HEADER, ROWS)


def test_stray_quotation_marks_are_text(read):
    lines = [f'{n},"{n} inch,x' if n == 9 else f"{n},{n} inch,x" for n in range(30)]
    assert read("no,size,note\n" + "\n".join(lines) + "\n")[1][9] == ["9", '"9 inch', "x"]


def test_column_of_sentences_is_not_split(read):
    assert read("name\nJohn Smith\nAnn Lee\nBob\n")[:2] == (["name"], [["John Smith"], ["Ann Lee"], ["Bob"]])


def test_rows_of_another_width_are_told_and_not_guessed(read):
    lines = written(lines="\n").replace("\nM4", " M4").splitlines()
    lines[2] += ",surplus"
    lines[4] = lines[4].replace(",", " ", 1)
    _, rows, told = read("\n".join(lines) + "\n")
    assert [row[3] for row in rows] == ["ABC-1", "ABC-3", "ABC-5"]
    assert "第 3 行" in told
    assert "第 5 行" in told
    assert "退回 2" in told


def test_leading_zeros_and_long_numbers_survive(read):
    _, rows, told = read("id,no\n00123,911509900000000012\n00456,911509900000000013\n")
    assert rows == [["00123", "911509900000000012"], ["00456", "911509900000000013"]]
    assert "失真" not in told


@pytest.mark.parametrize("line", [0, 2, 4])
def test_a_stray_quotation_mark_costs_its_own_line(read, line):
    """An opened and never closed mark swallows no line below it, and dates are not split at their strokes."""
    rows = [[cell.replace("\n", " ") for cell in row] for row in ROWS]
    lines = [written([row], header=None) for row in [HEADER, *rows]]
    lines[line + 1] = '"' + lines[line + 1]
    kept = [row for index, row in enumerate(rows) if index != line]
    if line == len(rows) - 1:
        with pytest.raises(SourceUnavailable):  # it may be the transfer that was cut off
            read("".join(lines))
        return
    header, found, told = read("".join(lines))
    assert (header, found) == (HEADER, kept)
    assert f"第 {line + 2} 行 这一行的引号没有成对" in told
    with pytest.raises(SourceChanged, match="表头"):
        read('"' + "".join([written([HEADER], header=None), *lines[1:]]))


def test_marks_within_a_quoted_cell_set_the_line_aside(read):
    header, rows, told = read('编号,说明,数\n1,"他说"好"了",5\n2,"两\n行",6\n3,10" 管,7\n')
    assert (header, rows) == (["编号", "说明", "数"], [["2", "两\n行", "6"], ["3", '10" 管', "7"]])
    assert "第 2 行 这一行的引号没有成对" in told


def test_cells_of_many_lines_over_blocks_are_whole(read):
    rows = [[str(n), f"第一行\n第{n}行, 逗号", "x" * 50] for n in range(40_000)]
    assert read(written(rows, header=["编号", "说明", "备注"]))[1] == rows


def test_names_that_do_not_fit_the_columns_are_refused(read):
    with pytest.raises(SourceChanged, match="表头有 4 列"):
        read("编号,,名称,金额\n" + "".join(f"{n},某公司,{n}5\n" for n in range(9)))
    assert read("编号,名称,\n1,甲\n2,乙\n")[:2] == (["编号", "名称"], [["1", "甲"], ["2", "乙"]])


def test_names_again_units_and_other_tables(read):
    _, rows, told = read("编号,名称,数\n1,甲,3\n编号,名称,数\n2,乙,5\n")
    assert (rows, "去掉了 1 行重复的表头" in told) == ([["1", "甲", "3"], ["2", "乙", "5"]], True)
    header, rows, told = read("地区,GDP,人口\n,亿元,万人\n甲县,100.5,30\n乙县,200.1,40\n")
    assert (header, len(rows)) == (["地区", "GDP（亿元）", "人口（万人）"], 2)
    _, rows, told = read("编号,名称\n1,甲\n2,乙\n\n部门,人数\n财政,5\n税务,6\n")
    assert (len(rows), "第 5 行起像是另一张表" in told) == (2, True)
    _, rows, told = read("no,name,n\n1,a,2\nno,name,n\n2,b,3\n")
    assert (len(rows), "去掉了 1 行重复的表头" in told) == (2, True)
    _, rows, told = read("名称,投资（万元）,数,数\n甲,1,2,3\n名称,投资（万元）,数,数\n乙,2,3,4\n")
    assert (len(rows), "去掉了 1 行重复的表头" in told) == (2, True)
    _, rows, told = read("编号,数\n1,2\n2,3\n\n编号,数\n3,5\n4,6\n")
    assert (len(rows), "去掉了 1 行重复的表头" in told) == (4, True)
    ledger = "某县统计表\n单位：万元\n\n编号,名称,数\n1,甲,10\n2,乙,20\n\n部门,主管,人数\n"
    with pytest.raises(SourceChanged, match="第 8 行起像是另一张表"):
        read(ledger + "".join(f"{n},丙,{n}\n" for n in range(20)))
    with pytest.raises(SourceChanged, match="用空格对齐"):
        read("编号   名称     金额\n001    甲公司   100\n002    乙公司   200\n")
    _, rows, told = read(book([["名称", "数"], ["甲", 1], ["名称", "数"], ["乙", 2]]))
    assert (len(rows), "去掉了 1 行重复的表头" in told) == (2, True)


@pytest.mark.parametrize("kind", [written, book], ids=["csv", "xlsx"])
def test_cells_that_changed_places_are_no_record(read, kind):
    """As where a file goes on with its columns in another order."""
    rows = [[f"张{name}", f"1380000000{n}", "无"] for n, name in enumerate("一二三四五")]
    rows += [["13900000000", "李六", "无"], ["王七", "不详", "无"]]
    names = ["姓名", "电话", "备注"]
    _, found, err = read(book([names, *rows]) if kind is book else written(rows, names))
    assert (found, "第 7 行 “姓名”与“电话”两格像是对调了" in err) == ([*rows[:5], rows[6]], True)


def test_times_are_not_split_and_figures_are_no_notes(read):
    assert read("2011-09-15 15:22:00\n")[1] == [["2011-09-15 15:22:00"]]
    stamps = [[f"2011-09-15 15:22:{n:02d}"] for n in range(30)]
    assert read("时间\n" + "".join(f"{stamp}\n" for (stamp,) in stamps))[:2] == (["时间"], stamps)
    assert read("".join(f"{stamp}\n" for (stamp,) in stamps))[1] == stamps
    _, rows, told = read("编号,名称,数,地区\n1,甲,3,东\n2,乙,4,西\n5\n")
    assert (len(rows), "退回 第 4 行 这一行有 1 格" in told) == (2, True)
    _, rows, told = read("1\n1,2\n1,2,3\n1,2,3,4\n1,2,3,4\n1,2,3,4\n")
    assert (len(rows) + told.count("退回 第"), "表上文字" in told) == (6, False)


def test_a_short_name_over_short_codes_is_a_name(read):
    rows = [["ao", "Angola", "angola"], ["ag", "Antigua", "antigua"], ["ar", "Argentina", "argentina"]]
    assert read(written(rows, ["id", "name", "slug"]))[:2] == (["id", "name", "slug"], rows)


WIDE = ["DATE", "NO", "Price", "Type", "Text", "URL", "Comments"]
LISTED = [[f"{n:02}/01/2018", f"RI-{n}", f"${n}.50", "Boots", f"warm, dry {n}", f"https://shop.example/{n}", ""] for n in range(1, 13)]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        '03/01/2018,RI-3,,$3.50,Boots,"warm, dry 3",https://shop.example/3,',
        "03/01/2018,RI-3,$3.50,Boots,'warm, dry 3',https://shop.example/3,",
        '03/01/2018,RI-3,$3.50Boots"warm, dry 3",https://shop.example/3,,',
        '03/01/2018,RI-3,$3.50,Boots"warm 9"" rod, dry 3",https://shop.example/3,',
    ],
    ids=[
        "a delimiter too many",
        "other quotes",
        "a delimiter too few",
        "stuck to a doubled mark",
    ],
)
def test_a_row_that_slipped_is_set_aside_though_its_width_would_do(read, line):
    lines = written(LISTED, WIDE).splitlines()
    header, rows, told = read("\n".join([*lines[:3], line, *lines[4:], ""]))
    assert (header, rows) == (WIDE, [*LISTED[:2], *LISTED[3:]])
    assert "退回 第 4 行" in told


def test_a_row_that_slipped_into_a_column_that_is_never_blank_is_set_aside(read):
    rows = [[str(n), "王伟", "在办", "已核" if n % 2 else ""] for n in range(1, 11)]
    lines = written(rows, ["编号", "姓名", "状态", "备注"]).splitlines()
    lines[2] = "2,,王伟,在办,"
    _, found, told = read("\n".join([*lines, ""]))
    assert found == [rows[0], *rows[2:]]
    assert "退回 第 3 行" in told


def test_rows_with_blank_cells_too_many_are_records(read):
    lines = written(LISTED, WIDE).splitlines()
    header, rows, told = read("\n".join([*lines[:3], lines[3] + ",", *lines[4:], ""]))
    assert (header, rows) == (WIDE, LISTED)
    assert "有 1 行行末多出空格" in told


def test_a_header_one_delimiter_short_of_rows_that_end_in_one_is_told(read):
    header, rows, told = read("编号姓名,金额,备注\n1,甲,5,\n2,乙,6,\n3,丙,7,\n")
    assert (header, rows[0]) == (["编号姓名", "金额", "备注"], ["1", "甲", "5"])
    assert "各行比表头多 1 格，都是空的" in told


def test_a_header_longer_than_the_first_look_is_seen_whole(read):
    names = [f"名称{'长' * 8_000}{n}" for n in range(20)]
    assert read(written([[str(n)] * 20 for n in range(3)], names), header_row=1)[0] == names


def test_subtotals_of_a_long_text_are_added_up_over_all_its_blocks(read):
    """Set by set: what is a figure counts, whatever its writing; 小计 is for its own part, 合计 for all."""
    row = '某某街道某某社区,{n},"1,000.5",无\n'
    part = "".join(row.format(n=n) for n in range(20_000))
    text = f"社区,户数,金额,备注\n{part}小计,,20010000,\n{part}小　计,,20010001,\n合计,40000户,40020000,\n"
    _, rows, told = read(text)
    assert len(rows) == 40_000
    assert "第 40003 行“金额”小计写 20010001，明细相加为 20010000（20000 行）" in told
    assert told.count("明细相加") == 1
    assert "去掉了 3 行合计" in told


def test_short_lines_behind_a_hash_are_told(read):
    _, rows, told = read("编号,名称,数量\n1,甲,3\n# 以下为补报\n#2,乙\n3,丙,5\n")
    assert [row[0] for row in rows] == ["1", "3"]
    assert "有 2 行以 # 或 // 开头" in told


@pytest.mark.parametrize("mark", ["#", "//"])
def test_comments_in_a_small_file_are_not_looked_at_for_delimiters(read, mark):
    text = f"{mark} 甲，乙\n{mark} 导出说明\n另一句话\n编号;数\n{mark} 三\n1;3\n6;7\n{mark} 末行\n"
    assert read(text)[:2] == (["编号", "数"], [["1", "3"], ["6", "7"]])


def test_a_row_of_nothing_but_blanks_is_no_record(read):
    assert read("编号,姓名,数\n1,王,3\n , \u3000,\n2,李, \n")[1] == [["1", "王", "3"], ["2", "李", " "]]


def test_records_torn_by_line_breaks_are_no_short_ones(read):
    whole = "".join(f"{n},3月{n}日,咨询,人社局\n" for n in range(1, 4))
    text = "编号,日期,内容,单位\n" + "".join(f"{n},3月,反映：\n路灯{n}不亮,住建局\n{whole}" for n in range(5, 9))
    _, rows, told = read(text)
    assert [row[0] for row in rows] == ["1", "2", "3"] * 4
    assert "退回 8" in told


def test_texts_alone_under_a_column_of_other_things_are_a_foot(read):
    _header, rows, told = read(written(LISTED, WIDE) + "FOOTNOTE,,,,,,\n" * 2)
    assert rows == LISTED
    assert "表后的说明没有读入：FOOTNOTE" in told


def test_a_backslash_that_escapes_nothing_is_text(read):
    rows = [[*row[:4], f"8\\'{n}\" \\N, C:\\new", *row[5:]] for n, row in enumerate(LISTED)]
    lines = [",".join([*row[:4], '"' + row[4].replace('"', '\\"') + '"', *row[5:]]) for row in rows]
    assert read("\n".join([",".join(WIDE), *lines, ""]))[1] == rows


def test_blanks_after_delimiters_and_sentences_that_end_in_one(read):
    rows = [[*row[:4], f"warm, dry {n},", *row[5:]] for n, row in enumerate(LISTED)]
    lines = [", ".join([*row[:4], f'"{row[4]}"', *row[5:]]) for row in rows]
    assert read("\n".join([", ".join(WIDE), *lines, ""]))[1] == rows


def test_an_end_mark_of_dos_and_pairs_above_a_table_are_no_records(read):
    assert read("编号,名称\n1,甲\n2,乙\n\x1a")[1] == [["1", "甲"], ["2", "乙"]]
    assert read("指标：,人口\n年份：,2020\n\n地区,人口,户数\n甲,1,2\n乙,3,4\n")[:2] == (
        ["地区", "人口", "户数"], [["甲", "1", "2"], ["乙", "3", "4"]],
    )  # fmt: skip


def test_quotation_marks_between_blanks(read):
    assert read('X, "Y" ,Z\na, "b, c" ,d\ne, "f" ,g\n')[0] == ["X", "Y", "Z"]


def test_names_that_differ_by_case_and_names_of_our_own_are_told_apart(read):
    assert read("user,User,_row,a\nu,U,r,1\nv,V,s,2\n")[:2] == (
        ["user", "User#2", "row", "a"], [["u", "U", "r", "1"], ["v", "V", "s", "2"]],
    )  # fmt: skip


def test_a_blank_line_is_no_header(read):
    with pytest.raises(SourceChanged, match="第 2 行是空的"):
        read("a,b\n\n1,2\n", header_row=2)


def test_a_return_alone_ends_a_line_among_others(read):
    header, rows, told = read("编号,名称\n1,甲\r2,乙\n合计,x,y\n3,丙,多\n")
    assert (header, rows) == (["编号", "名称"], [["1", "甲"], ["2", "乙"]])
    assert "退回 第 5 行" in told


CODES = [[f"{n}", f"名{n}", f"{n * 7}"] for n in range(1, 6)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ID,XM\n1,NULL\n2,李\n", "写着 NULL，像是数据库里没有填的值"),
        ("ID,XM\n1,[NULL]\n2,(null)\n", "写着 [NULL]"),
        ("ID\tXM\n1\t甲\\n乙\n2\t\\N\n", "这样的转义"),
        ("编号,姓名\n1,王???\n2,??\n", "像是转码时丢了字"),
        ("ID,XM\n1,\\u738b\\u5efa\n2,李\n", "这样的转义"),
        ("ID,XM\n1,%E7%8E%8B%E5%BB%BA\n2,李\n", "这样的转义"),
        ("ID,XM\n1,'王建国'\n2,\"李,三\"\n", "写着 '王建国'，整格括在单引号里"),
        ("'ID','XM'\n1,\"王,五\"\n2,\"李,三\"\n", "表头里的 'ID' 带着引号"),
        ('编号,"姓名\n' + "".join(f"{n},王\n" for n in range(12)), '表头里的 "姓名 带着引号'),
        ("编号,数\n1,#N/A\n2,5\n", "公式错误"),
        ("ID,SL\n1,NaN\n2,5\n", "写着 NaN，像是数据库里没有填的值"),
        ("ID,XM\n1,=E7=8E=8B=E5=BB=BA\n2,李\n", "这样的转义"),
        ('ID,照片\n1,"=DISPIMG(""ID_1"",1)"\n2,x\n', "没有算出值的公式"),
        ("ID,数\n1,=A1+B1\n2,5\n", "没有算出值的公式"),
        ("乡镇,村,户数\n甲,东,5\n,西,6\n,南,7\n乙,北,8\n", "“乡镇”列有 2 格空着"),
        ("姓名,出生日期\n甲,2025-03-01\n乙,2025.3.2\n丙,45719\n", "写的是 45719 这样的数"),
        ("编号,姓名;金额\n1,甲;5\n2,乙;6\n", "“姓名;金额”一列里像是还有一个分隔符"),
        ("[server]\nhost=1.2.3.4\nport=80\n", "一样多的“=”"),
        ("姓名,出生日期\n甲,33000\n乙,45726.5\n", "像是 Excel 的日期序号"),
        ("编号,名\n1,\x1b[31m甲\n2,乙\n", "控制字符"),
        ("编号\u3000姓名\u3000乡镇\n1\u3000王\u3000东镇\n2\u3000李某\u3000西镇\n", "一样多的“\u3000”"),
        ("编号、姓名、金额\n1、王、5\n2、李、6\n", "一样多的“、”"),
        ('"ID" "XM" "XZ"\n"1" 1 "甲" "乙"\n"2" 2 "丙丙" "丁"\n"3" 3 "戊" "己"\n', "像是没有认出的分隔符"),
        ("┌──┬──┐\n│编号│姓名│\n├──┼──┤\n│1 │王 │\n│2 │李 │\n└──┴──┘\n", "一样多的“│”"),
        ("#接龙\n1. 张三 东村\n2. 李小四 西村\n3. 王五 东村\n", "像是接龙"),
        (
            "".join(f"本目录里的第{'甲' * n}个文件是二〇二五年人口普查的地理编码各列含义见说明\n" for n in range(1, 7)),
            "像是一段文章",
        ),
        ("乡镇,户数\n甲,5\n乙,6\n\n项目,金额,备注\n路,100,x\n桥,200,y\n", "第 1 行起在表头上面像是还有一张表"),
    ],
)
def test_what_reads_as_it_stands_and_means_something_else_is_told(read, text, told):
    assert told in read(text)[2]


@pytest.mark.parametrize(
    "text",
    [
        "ID,XM\n1,Null\n2,什么??\n",
        "ID,备注\n1,为什么还没有人来修路???\n2,急!!\n",
        "number\n1.1\n1.2\n1.5\n",
        "网址,名\nhttp://a/%E7%8E,甲\nhttp://b,乙\n",
        "编号,备注\n1,=5\n2,=== 见附件 ===\n",
        "编号,名,数\n1,甲,5\n,乙,6\n3,丙,7\n4,丁,7\n5,戊,7\n",
    ],
)
def test_what_means_what_it_says_is_not_told(read, text):
    assert "!" not in read(text)[2]


def test_short_lines_below_a_line_are_no_records(read):
    """As below the list of a payment provider, whose records leave out blank cells at the end."""
    text = "流水号,时间,对方,金额,备注\n" + "".join(f"T{n},2025-01-0{n},某店,{n},\n" for n in range(1, 4))
    text += "T4,2025-01-04,某店,4\nT5,2025-01-05,某店,5\n------------------\n已收入:1笔,5.00元\n已支出:4笔,10.00元\n"
    _, rows, err = read(text)
    assert ([row[0] for row in rows], "退回 第 8 行 这一行有 2 格" in err) == (["T1", "T2", "T3", "T4", "T5"], True)


@pytest.mark.parametrize("mark", ["~", "|", "^"])
def test_marks_about_all_cells_are_quotation_marks(read, mark):
    rows = [["编号", "姓名", "数"], *CODES, ["6", "丁,戊", "9"]]
    text = "".join(",".join(f"{mark}{cell}{mark}" for cell in row) + "\n" for row in rows)
    assert read(text)[:2] == (rows[0], rows[1:])


def test_records_commented_out_are_set_aside(read):
    _, rows, told = read(written([CODES[0], [f"#{CODES[1][0]}", *CODES[1][1:]], *CODES[2:]], ["编号", "姓名", "数"]))
    assert rows == [CODES[0], *CODES[2:]]
    assert "像是注释掉的一行" in told


def test_an_apostrophe_that_keeps_a_code_a_text_is_none_of_it(read):
    assert read("姓名,证号\n甲,'510000199003070014\n乙,'00123\n丙,'s\n")[1] == [
        ["甲", "510000199003070014"],
        ["乙", "00123"],
        ["丙", "'s"],
    ]


def test_blanks_that_set_out_drawn_columns_are_no_part_of_the_cells(read):
    assert read("| 编号 | 姓名 |\n|---|---|\n| 1 | 甲 |\n| 2 |  |\n| 3 | 丙 |\n")[1] == [
        ["1", "甲"],
        ["2", ""],
        ["3", "丙"],
    ]


def test_a_row_of_units_of_a_measuring_station(read):
    rows = [["2025-03-01", "1.5", "10"], ["2025-03-02", "2.5", "20"], ["2025-03-03", "3.5", "30"]]
    header, found, _ = read(written([["", "m", "m3/s"], *rows], ["时间", "水位", "流量"]))
    assert (header, found) == (["时间", "水位（m）", "流量（m3/s）"], rows)


@pytest.mark.parametrize("text", ["编号,姓名,乡镇\n1,王建国,城关镇\n2,李秀英,水泉乡\n", "编号,姓名\n1,张伟\n"])
def test_utf_8_once_read_as_latin_is_read_back(read, text):
    plain = read(text)
    spoilt = read(text.encode().decode("latin-1"))
    assert spoilt[:2] == plain[:2]
    assert "文字曾按错误的编码转存" in spoilt[2]


@pytest.mark.parametrize("codec", ["hz", "utf-7"])
def test_chinese_in_seven_bits_is_refused(read, codec):
    with pytest.raises(SourceChanged, match=r"HZ|UTF-7"):
        read("编号,姓名,乡镇\n1,王建国,城关镇\n2,李秀英,水泉乡\n".encode(codec))


@pytest.mark.parametrize(
    "text", ["姓名,電話\n陳國華,138\n", "編號,姓名,鄉鎮\n1,張麗萍,關東鎮\n", "戶主,單位\n黃偉,縣民政局\n"]
)
def test_short_traditional_texts_are_read_as_gb18030_and_refused_as_big5(read, text):
    rows = [line.split(",") for line in text.splitlines()]
    assert read(text.encode("gb18030"))[:2] == (rows[0], rows[1:])
    with pytest.raises(SourceChanged):
        read(text.encode("big5"))
