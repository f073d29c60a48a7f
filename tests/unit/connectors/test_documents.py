"""`hub read` on JSON, XML, Parquet and archives, and on what is no table at all."""

from __future__ import annotations

import io
import json
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.content import Content
from connectors.drivers.base import Delivery
from connectors.records import Records
from schemas.errors import HubError, SourceChanged, SourceUnavailable
from tests.tables import packed

COUNTED = [{"乡镇": town, "数": number} for number, town in enumerate("东西南北", 1)]


def parquet(records):
    made = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), made)
    return made.getvalue()


@pytest.mark.parametrize("kind", ["list", "lines", "xml", "parquet"])
@pytest.mark.parametrize(
    ("word", "said", "told"), [("合计", 10, ""), ("合 计", 12, "合计写 12，明细相加为 10"), ("Total", 10, "")]
)
def test_totals_among_records_are_left_out_and_checked(read, kind, word, said, told):
    records = [*COUNTED, {"乡镇": word, "数": said}]
    data = {
        "list": lambda: json.dumps(records),
        "lines": lambda: "".join(json.dumps(record) + "\n" for record in records),
        "xml": lambda: "<t>" + "".join("<r><乡镇>{乡镇}</乡镇><数>{数}</数></r>".format(**r) for r in records) + "</t>",
        "parquet": lambda: parquet(records),
    }[kind]()
    header, rows, err = read(data)
    assert (header, rows) == (["乡镇", "数"], [[town, str(number)] for number, town in enumerate("东西南北", 1)])
    assert "去掉了 1 行合计" in err
    assert told in err if told else "明细相加" not in err


def test_a_total_that_adds_nothing_up_stays_a_record(read):
    _, rows, err = read('[{"乡镇": "东", "数": 1}, {"乡镇": "Total", "数": 9}]')
    assert (len(rows), "像是别的行的合计" in err) == (2, True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"data": {"total": 90, "rows": [{"a": 1}]}}', "共 90 条，只有 1 条"),
        ('{"hits": {"total": {"value": 90}, "hits": [{"a": 1}]}}', "共 90 条，只有 1 条"),
        ("<r><total>90</total><list><i><a>1</a></i><i><a>2</a></i></list></r>", "共 90 条，只有 2 条"),
        ('{"count": 90, "data": [{"a": 1}]}', "共 90 条，只有 1 条"),
        (
            "<d><head><RecordCount>90</RecordCount></head><l><i><a>1</a></i><i><a>2</a></i></l></d>",
            "共 90 条，只有 2 条",
        ),
        ('[{"xm": "姓名", "je": "金额"}, {"xm": "王", "je": "5"}]', "像是字段的中文名"),
        ('{"value": [{"a": 1}], "@odata.nextLink": "http://x?skip=1"}', "后面还有（@odata.nextLink）"),
        ('{"list": [{"a": 1}], "hasNextPage": true}', "后面还有（hasNextPage）"),
        ('{"list": [{"a": 1}], "more": true}', "后面还有（more）"),
        ('{"index": {"_id": 1}}\n{"a": 1}\n', "第 1 条、第 2 条 没有共同的字段"),
        ("<l><p><ID>1</ID></p><f><CODE>2</CODE></f><p><ID>3</ID></p></l>", "没有共同的字段"),
        ('[{"id": 1, "children": [{"id": 2}]}]', "“children”里还有一串记录"),
        ('[{"A": "编号", "B": "姓名"}, {"A": "1", "B": "王"}]', "像是导出程序给的"),
        ('[{"__EMPTY": "编号", "某表": "姓名"}]', "像是导出程序给的"),
        ('["{\\"a\\": 1}"]', "写成文字的 JSON"),
    ],
)
def test_what_a_document_says_of_itself_is_told(read, text, told):
    assert told in read(text)[2]


@pytest.mark.parametrize(
    "text",
    [
        '{"data": {"total": 1, "rows": [{"a": 1}]}}',
        '{"list": [{"a": 1}], "hasNextPage": false}',
        '[{"a": 1, "b": []}, {"b": 2}]',
    ],
)
def test_what_is_whole_is_not_told_to_be_a_part(read, text):
    assert "!" not in read(text)[2].replace("! 记录取自", "")


@pytest.mark.parametrize(
    "text", ['{"code": 500, "msg": "token 失效", "data": null}', '{"code": 401, "message": "未登录", "data": []}']
)
def test_an_error_is_no_record(read, text):
    with pytest.raises(SourceChanged, match="是接口的报错，不是数据：code="):
        read(text)


def test_lists_one_behind_the_other(read):
    assert read('[{"a": 1}][{"a": 2}, {"a": 3}]')[:2] == (["a"], [["1"], ["2"], ["3"]])


@pytest.mark.parametrize("count", [1, 2, 5])
def test_elements_called_by_an_attribute(read, count):
    rows = [[str(number), f"名{number}"] for number in range(count)]
    body = "".join(f'<row><field name="id">{a}</field><field name="xm">{b}</field></row>' for a, b in rows)
    assert read(f"<resultset>{body}</resultset>")[:2] == (["id", "xm"], rows)


def test_an_element_that_says_it_is_nil_is_null(read):
    nil = '<i><a>1</a><b xsi:nil="true"/></i>'
    text = f'<l xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{nil}{nil}<i><a>2</a><b>x</b></i></l>'
    assert read(text)[:2] == (["a", "b"], [["1", ""], ["1", ""], ["2", "x"]])


def test_xml_in_utf_16(read):
    text = '<?xml version="1.0" encoding="UTF-16"?><r><i><a>甲</a></i><i><a>乙</a></i></r>'
    assert read(text.encode("utf-16"))[:2] == (["a"], [["甲"], ["乙"]])


def test_json_out(read):
    assert read("a,b\n1,\n", format="json")[0] == [{"a": "1", "b": None}]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\0" * 99, b"PK\x03\x04rubbish", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 999, b"PAR1 rubbish", b"{\"a\": ", b"\x1f\x8brubbish", b"<a><b>", b'a,b\n"1,2\n'])  # fmt: skip
def test_rubbish_is_refused_with_a_cure(read, data):
    with pytest.raises((SourceChanged, SourceUnavailable)) as caught:
        read(data)
    assert isinstance(caught.value, HubError)
    assert caught.value.cure


@pytest.mark.parametrize(
    "data",
    [
        b'{"id":1}{"id":2',
        b'cb([{"a":1}])',
        b"MIME-Version: 1.0\n\n<table>",
        b"\\begin{tabular}{lr}\nName & Count \\\\\nA & 1 \\\\\n\\end{tabular}\n",
        b"Name & Count \\\\ \\hline\nA & 1 \\\\\nB & 3 \\\\\n",
        b"[" * 100_000,
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"x" * 99,
    ],
)
def test_what_only_looks_like_text_is_refused(read, data):
    with pytest.raises((SourceChanged, SourceUnavailable)) as caught:
        read(data)
    assert caught.value.cure


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[\n {"a": 1},\n {"a": 2},\n]\n', "第 3 行第 10 个字符处多了一个逗号"),
        ('{"list": [{"a": 1,}]}', "第 1 行第 18 个字符处多了一个逗号"),
        ('{"a": 1},\n{"a": 2},\n', "第 1 行第 9 个字符处多了一个逗号"),
        ("[{'a': 1}]", "单引号"),
        ('// 导出\n[{"a": 1}]', "注释"),
        ('[{"a": None}]', "写着 None"),
        ('[{"a": 1 "b": 2}]', "少了逗号"),
        ('[{"a": }]', "少了值"),
    ],
)
def test_nearly_json_is_told_where_and_why(read, text, told):
    with pytest.raises(SourceChanged, match=told):
        read(text)


@pytest.mark.parametrize(
    ("text", "header", "rows"),
    [
        ('{"code": 0, "body": {"page": {"no": 1, "rows": [{"a": 1}, {"a": 2}]}}}', ["a"], [["1"], ["2"]]),
        ('{"columns": ["姓名", "乡镇"], "index": [0, 1], "data": [["甲", "东"], ["乙", "西"]]}', ["姓名", "乡镇"], [["甲", "东"], ["乙", "西"]]),
        ('{"fields": [{"name": "n"}], "data": [["x"]]}', ["n"], [["x"]]),
        ('{"data": [], "rows": [{"a": 1}]}', ["a"], [["1"]]),
        ('{"data": {"columns": ["a", "b"], "rows": [[1, 2]]}}', ["a", "b"], [["1", "2"]]),
    ],
)  # fmt: skip
def test_json_in_envelopes(read, text, header, rows):
    assert read(text)[:2] == (header, rows)


TWO = (["id", "v"], [["1", "甲"], ["2", "乙"]])


@pytest.mark.parametrize(
    "data",
    [
        '{"id":1,"v":"甲"}{"id":2,"v":"乙"}',
        '{"id":1,\n"v":"甲"}\n{"id":2,\n"v":"乙"}\n',
        '["id","v"]\n[1,"甲"]\n[2,"乙"]\n',
        '{"id":[1,2],"v":["甲","乙"]}',
        '{"id":{"0":1,"1":2},"v":{"0":"甲","1":"乙"}}',
        '[{"id":1,"v":"甲"},{"id":2,"v":"乙"}]'.encode("utf-16"),
        '{"id":1,"v":"甲"}\n{"id":2,"v":"乙"}\n'.encode("utf-16"),
    ],
)
def test_json_in_other_shapes(read, data):
    assert read(data)[:2] == TWO


def test_lists_on_lines_without_names(read):
    assert read('[1,"甲"]\n[2,"乙"]\n')[:2] == (["列1", "列2"], TWO[1])


def test_what_is_one_record_stays_one(read):
    assert read('{"id":1,"v":["甲","乙"]}')[:2] == (["id", "v"], [["1", '["甲","乙"]']])
    assert read('{"甲":{"2024":1,"2025":2},"乙":{"2024":3,"2025":4}}')[0] == ["key", "2024", "2025"]


@pytest.mark.parametrize("data", ['["a","b"]\n[1,2,3]\n', '["a","a"]\n[1,2]\n', '["a","b"]\n[1,2]\n{"a":1}\n'])
def test_lists_on_lines_that_do_not_fit_are_refused(read, data):
    with pytest.raises(SourceChanged):
        read(data)


def test_a_cell_with_tags_is_no_xml(read):
    rows = [["<a href=x>1</a>", '<a href="http://x.cn/1">详情</a>'], ["<a href=y>2</a>", "<i>无</i>"]]
    text = "".join(",".join(row) + "\n" for row in [["<b>编号</b>", "链接"], *rows])
    assert read(text)[:2] == (["<b>编号</b>", "链接"], rows)


@pytest.mark.parametrize("codecs", [("utf-8", "gb18030"), ("gb18030", "utf-8")])
def test_a_file_in_two_encodings_is_refused(read, codecs):
    above, below = "姓名,村\n张三,大河\n", "李四,白石\n王五,青山\n"  # an even number of characters in each cell
    with pytest.raises(SourceChanged, match=r"两种编码：第 \d 行是 UTF-8，第 \d 行是 GB18030"):
        read(above.encode(codecs[0]) + below.encode(codecs[1]))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"东街": [{"a": 1}], "西街": [{"a": 2}]}', "里面有 2 个列表：东街、西街"), ('[{"a": 1, "b": 2, "a": 3}]', "'a' 写了两次"),
        ('{"a": 1}\n{"a": 1, "a": 3}\n', "第 2 行里 'a' 写了两次"), ('{"columns": ["a"], "data": [[1, 2]]}', "最长的一条有 2 个值"),
        ("{}", "一个字段也没有"), ("[{}, {}]", "一个字段也没有"), ("{\n  'a': 1\n}\n", "第 2 行第 3 个字符处用了单引号"), ('[{"a": [}]', "JSON"),
    ],
)  # fmt: skip
def test_json_that_would_be_read_wrong_is_refused(read, text, told):
    with pytest.raises(HubError) as caught:
        read(text)
    assert told in str(caught.value)


def test_parquet_of_other_programs(read, tmp_path):
    """Objects by their fields, bytes that are text as text, durations with their unit."""
    import datetime

    columns = {
        "人": [{"名": "甲", "址": {"镇": "东"}}, None], "文": ["乙".encode(), b"x"], "码": [b"\x00\x01", None],
        "时": [datetime.timedelta(hours=30), None],
    }  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "p")
    header, rows, told = read((tmp_path / "p").read_bytes())
    assert header == ["人.名", "人.址.镇", "文", "码", "时"]
    assert rows == [["甲", "东", "乙", "0001", "1 day, 6:00:00"], ["", "", "x", "", ""]]
    assert "“码”列是二进制内容" in told


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"a,b\n1,x\x00y\n", "内容不是文字"),
        ("<r><甲><i><a>1</a></i><i><a>2</a></i></甲><乙><i><b>1</b></i><i><b>2</b></i></乙></r>", "里面有 2 个列表：甲、乙"),
        (packed({"a.csv": "x,y\n1,2\n"}).replace(b"a.csv", b"b.csv", 1), "与目录对不上"),
    ],
)  # fmt: skip
def test_what_would_be_read_in_part_is_refused(read, data, told):
    with pytest.raises(HubError) as caught:
        read(data)
    assert told in str(caught.value)


def test_elements_that_stand_once_or_several_times_are_told(read):
    _, rows, told = read("<r><p><电话>1</电话><电话>2</电话></p><p><电话>3</电话></p></r>")
    assert rows == [['["1","2"]'], ["3"]]
    assert "“电话”在有的记录里不止一个" in told


def test_lines_of_json_are_held_a_batch_at_a_time(tmp_path):
    def peak(lines):
        path = tmp_path / f"{lines}.jsonl"
        path.write_text("".join(f'{{"n": {n}, "deep": {{"x{n % 2}": "a"}}}}\n' for n in range(lines)), encoding="utf-8")
        delivery = Delivery("表.jsonl", "file", lambda delivery: [])
        tracemalloc.start()
        found = Records(Content(path, "表.jsonl", "lines"), delivery, where="表", wanted=(), place=None).batches()
        told = [(b.num_rows, b.schema.names[:3], b["_row"][0].as_py()) for b in found]
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held, told

    names = ["n", "deep.x0", "deep.x1"]
    two, _ = peak(40_000)
    three, told = peak(60_000)
    assert told == [(20_000, names, 1), (20_000, names, 20_001), (20_000, names, 40_001)]
    assert three < two * 1.3


def test_a_plain_value_where_others_have_an_object_is_kept(read):
    header, rows, _ = read('{"a": {"b": 1}}\n{"a": {"b": {"c": 2}}}\n{"a": null}\n')
    assert (header, [row[0] for row in rows], [row[1] for row in rows]) == (["a.b", "a.b.c"], ["1", '{"c":2}', ""], ["", "2", ""])  # fmt: skip


@pytest.mark.parametrize("said", ["GB2312", "gbk", "GB18030"])
def test_xml_that_says_it_is_chinese_is_gb18030(read, said):
    body = "<l><i><名>王建国</名><址>甲</址></i><i><名>䶮一</名><址>乙</址></i></l>"
    data = f'<?xml version="1.0" encoding="{said}"?>'.encode() + body.encode("gb18030")
    assert read(data)[:2] == (["名", "址"], [["王建国", "甲"], ["䶮一", "乙"]])


def test_pairs_of_names_and_values_are_told(read):
    record = "<dict><key>id</key><string>1</string><key>xm</key><string>甲</string></dict>"
    assert "“key”在记录里不止一个" in read(f"<plist><array>{record}{record}</array></plist>")[2]


ITEMS = "<i><id>1</id><xm>甲</xm></i><i><id>2</id><xm>乙</xm></i>"


def test_what_stands_beside_the_records_is_none(read):
    """The title of a channel; names with values in them; an element called table in a dump."""
    header, rows, told = read(f"<rss><channel><title>题</title><link>u</link>{ITEMS}</channel></rss>")
    assert (header, rows, "旁边的内容没有读入" in told) == (["id", "xm"], [["1", "甲"], ["2", "乙"]], True)
    assert read('{"data": [["1", "甲", "2.5"], ["2", "乙", "3.5"]]}')[1] == [["1", "甲", "2.5"], ["2", "乙", "3.5"]]
    assert "第 1 条（甲、东镇）当作列名" in read('[["甲", "东镇"], ["乙", "西镇"]]')[2]
    assert read('["年", "2024年"]\n["甲", "5"]\n')[:2] == (["年", "2024年"], [["甲", "5"]])
    assert read(f'<?xml version="1.0"?><d><table name="t">{ITEMS}</table></d>')[1] == [["1", "甲"], ["2", "乙"]]


def test_a_document_in_a_document_and_a_fault_are_told(read):
    envelope = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'
    inside = f"<r><return><![CDATA[<l>{ITEMS}</l>]]></return></r>"
    assert "“r.return”是写成文字的 XML 或 JSON" in read(envelope.format(inside))[2]
    with pytest.raises(SourceChanged, match="是接口的报错，不是数据：Server 没有权限"):
        read(envelope.format("<s:Fault><faultcode>Server </faultcode><faultstring>没有权限</faultstring></s:Fault>"))


def test_parquet_with_two_columns_of_one_name(read, tmp_path):
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array(["甲"])], names=["数", "数"]), tmp_path / "p")
    assert read((tmp_path / "p").read_bytes())[:2] == (["数", "数#2"], [["1", "甲"]])
