"""What a column holds. The config's word counts; without one, the column's name and then the shape of its values tell."""

from __future__ import annotations

import re
from typing import Any

ROLES = (
    "organisation", "person", "forename", "surname", "title", "address", "identifier", "phone", "email", "date",
    "postcode", "position", "latitude", "longitude", "category", "number", "ignore",
)  # fmt: skip
ALIASES = {
    "name": "organisation", "organization": "organisation", "company": "organisation", "site": "organisation",
    "enterprise": "organisation", "business_name": "organisation", "org": "organisation", "organisation_name": "organisation",
    "full_name": "person", "fullname": "person", "person_name": "person", "people": "person", "authors": "person", "first_name": "forename",
    "given_name": "forename", "firstname": "forename", "last_name": "surname", "family_name": "surname",
    "lastname": "surname", "text": "title", "description": "title", "addr": "address", "street": "address",
    "id": "identifier", "uscc": "identifier", "code": "identifier", "tel": "phone", "telephone": "phone",
    "mobile": "phone", "mail": "email", "dob": "date", "birth_date": "date", "zip": "postcode", "zipcode": "postcode",
    "postal_code": "postcode", "city": "category", "town": "category", "type": "category", "place": "category",
    "lat": "latitude", "lng": "longitude", "lon": "longitude", "long": "longitude", "coordinates": "position", "point": "position", "location": "position",
    "occupation": "category", "venue": "category", "year": "number", "price": "number", "amount": "number", "none": "ignore", "skip": "ignore",
}  # fmt: skip
TEXT_ROLES = ("organisation", "title", "address", "person")

# (role, words in a column's name). The first that matches counts.
_NAMES = (
    ("email", r"e-?mail|邮箱"),
    ("phone", r"phone|^tel|mobile|fax|电话|手机|传真"),
    ("postcode", r"post_?code|^zip|postal|邮编|邮政编码"),
    ("identifier", r"uscc|信用代码|注册号|机构代码|纳税人识别号|身份证|证件号|soc_sec|ssn|passport|isbn|\bean\b"),
    ("forename", r"first_?name|forename|given_?name|^fname$"),
    ("surname", r"sur_?name|last_?name|family_?name|^lname$"),
    ("person", r"full_?name|person|author|^姓名|姓名$|法定代表人|负责人|经营者"),
    ("address", r"addr|street|地址|住所|场所|坐落"),
    ("date", r"\bdob\b|birth_?date|date|_on$|日期|出生"),
    ("latitude", r"^lat$|latitude|_lat$|^lat_|纬度"),
    ("longitude", r"^(?:lng|lon|long)$|longitude|_(?:lng|lon)$|^(?:lng|lon)_|经度"),
    ("position", r"coordinate|lat_?lon|lon_?lat|坐标|经纬"),
    ("title", r"title|description|题名|标题"),
    ("organisation", r"name|company|enterprise|business|单位|企业|公司|名称|字号|商号"),
    ("category", r"city|town|county|state|country|gender|sex|occupation|job|place|type|class|venue|category|brand|manufact|region|城市|区划|乡镇|类型|类别|行业|职业|性别"),
    ("number", r"year|price|amount|年份|价格|金额"),
)  # fmt: skip


def infer(con: Any, column: str, name: str) -> str:
    """The role of a text column of `record`, told by its name if that says it, else by its values' shape."""
    squeezed = name.strip().lower().replace(" ", "_")
    role = next((role for role, words in _NAMES if re.search(words, squeezed)), "")
    n, distinct, length, words_per, date_share, number_share, mail_share, digit_share = con.execute(
        f"""SELECT count(v), count(DISTINCT v), avg(length(v)), avg(len(string_split(v, ' '))),
            avg(CAST(regexp_full_match(v, '\\d{{4}}[-/.]?\\d{{1,2}}[-/.]?\\d{{1,2}}|\\d{{1,2}}/\\d{{1,2}}/\\d{{4}}') AS int)),
            avg(CAST(try_cast(v AS double) IS NOT NULL AS int)), avg(CAST(regexp_full_match(v, '\\S+@\\S+') AS int)),
            avg(CAST(regexp_full_match(v, '[0-9A-Z-]{{8,}}') AS int))
        FROM (SELECT trim({column}) AS v FROM record WHERE trim({column}) <> '' USING SAMPLE 20000)"""
    ).fetchone()
    if not n:
        return "ignore"
    if role == "date" and date_share < 0.5:
        role = "number" if number_share > 0.9 else "category"
    if role == "number" and number_share < 0.5:
        role = "category"
    if role in ("latitude", "longitude") and number_share < 0.9:
        role = "category"
    if role:
        return role
    if mail_share > 0.5:
        return "email"
    if date_share > 0.7:
        return "date"
    if number_share > 0.9 and length < 8:
        return "number"
    if digit_share > 0.8 and distinct > 0.5 * n:
        return "identifier"
    if distinct < 0.2 * n and words_per < 3:
        return "category"
    return "title"
