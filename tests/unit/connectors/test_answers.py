"""What an interface answered, told apart from what it only looks like."""

from __future__ import annotations

import pytest

from connectors import answers


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_json_in_any_encoding_and_one_record_a_line(encoding: str) -> None:
    assert answers.parsed('{"名": "𠮷"}'.encode(encoding), "json") == {"名": "𠮷"}
    assert answers.parsed('{"n": 1}\n{"n": 2}\n'.encode(encoding), "json") == [{"n": "1"}, {"n": "2"}]
    with pytest.raises(answers.Incomplete):
        answers.parsed('{"n": 1}\n{"n": '.encode(encoding), "json")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"code": 500, "msg": "系统繁忙", "data": []}, "code=500：系统繁忙"),
        ({"success": False, "message": "令牌失效", "data": None}, "success=False：令牌失效"),
        ({"errcode": "40001", "errmsg": "invalid credential"}, "errcode=40001：invalid credential"),
        ({"code": 0, "msg": "没有数据", "data": []}, ""),
        ({"code": 200, "success": True, "msg": "成功", "data": []}, ""),
        ({"status": "ok", "message": "none", "items": []}, ""),
        ({"total": 0, "rows": []}, ""),
        ([], ""),
    ],
)
def test_an_error_under_an_answer_without_records_is_no_empty_source(body: object, told: str) -> None:
    assert answers.complaint(body) == told


@pytest.mark.parametrize(
    "body",
    [
        {"columns": ["id", "单位"], "rows": [["1", "甲"], ["2", "乙"]]},
        {"code": 0, "data": {"fields": [{"name": "id"}, {"name": "单位"}], "records": [["1", "甲"], ["2", "乙"]]}},
    ],
)
def test_records_written_as_lists_are_named_by_what_stands_beside_them(body: object) -> None:
    assert answers.records(body, None, "json") == [{"id": "1", "单位": "甲"}, {"id": "2", "单位": "乙"}]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"content": [{"id": "1"}], "totalElements": "1", "last": True}, [{"id": "1"}]),
        ({"@odata.context": "…", "value": [{"id": "1"}]}, [{"id": "1"}]),
        ({"code": "0", "data": None, "total": "0"}, []),
        ({"code": "0", "data": "", "total": "0"}, []),
        ({"code": "1", "msg": "系统忙", "data": None}, None),
        ({"code": "0", "data": None, "total": "3"}, None),
        ({"users": [{"id": "1"}], "total": "0"}, None),
    ],
)
def test_the_list_of_records_is_found_and_none_is_empty_only_where_it_is_said(body: object, found: object) -> None:
    assert answers.records(body, None, "json") == found


def test_records_written_as_lists_of_another_width_are_no_records() -> None:
    assert answers.records({"columns": ["id"], "rows": [["1", "甲"]]}, None, "json") is None
    assert answers.records({"rows": [["1", "甲"]]}, None, "json") is None


@pytest.mark.parametrize(
    ("body", "ended"),
    [
        ({"features": [], "exceededTransferLimit": False}, True),
        ({"data": {"hasNextPage": False}}, True),
        ({"IsTruncated": True}, False),
        ({"isLast": True}, True),
    ],
)
def test_an_answer_says_that_nothing_follows(body, ended):
    assert answers.said_end(body) is ended
