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
    ("phone", r"phone|^tel|mobile|fax|^contact(?:_(?:no|number))?$|电话|手机|传真|联系方式|联系号码|座机"),
    ("postcode", r"post_?code|^zip|postal|邮编|邮政编码"),
    ("identifier", r"uscc|信用代码|注册号|机构代码|纳税人识别号|身份证|证件号|soc_sec|ssn|passport|isbn|\bean\b"),
    ("person", r"(?:first|fore|given).*(?:sur_?name|last|family)|(?:sur_?name|last|family).*(?:first|fore|given)"),
    ("forename", r"first_?name|forename|given_?name|^fname$"),
    ("surname", r"sur_?name|last_?name|family_?name|^lname$"),
    ("person", r"full_?name|person|author|owner|^姓名|姓名$|法定代表人|法人代表|^法人$|负责人|经营者|联系人|业主|店主|户主|经办人"),
    ("address", r"addr|street|地址|住所|场所|坐落|所在地|地点|位置|门牌"),
    ("date", r"\bdob\b|birth_?date|date|_on$|日期|出生"),
    ("latitude", r"^lat$|latitude|_lat$|^lat_|纬度"),
    ("longitude", r"^(?:lng|lon|long)$|longitude|_(?:lng|lon)$|^(?:lng|lon)_|经度"),
    ("position", r"coordinate|lat_?lon|lon_?lat|坐标|经纬"),
    ("title", r"title|description|题名|标题"),
    ("organisation", r"name|company|enterprise|business|单位|企业|公司|名称|字号|商号|店名|招牌|商户|商家|门店|主体|户名|机构"),
    ("category", r"city|town|county|state|country|gender|sex|occupation|job|place|type|class|venue|category|brand|manufact|region|城市|区划|乡镇|类型|类别|行业|职业|性别"),
    ("number", r"year|price|amount|年份|价格|金额"),
)  # fmt: skip
# What the values of a column look like where its name says nothing: a telephone, a Chinese name, an address.
_PHONE = r"(?:\+?86[- ]?)?(?:1[3-9][0-9]{9}|[(（]?0[0-9]{2,3}[)）]?[-－— ]?[0-9]{7,8})(?:[-/、,， ].*)?"
_PLACE = "[0-9一二三四五六七八九十]+(?:号|组|栋|幢|楼|#|社)|[路街巷道村镇乡]$"
_SURNAMES = (
    "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范"
    "金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤欧尤柳鲍萧"
)


def looks_like(column: str, role: str) -> str:
    """SQL: whether a value looks like a Chinese telephone, person or address, whatever column it stands in; NULL for none."""
    match role:
        case "phone":
            return f"regexp_full_match(trim({column}), '{_PHONE}')"
        case "person":
            return f"(regexp_full_match(trim({column}), '[一-龥]{{2,4}}') AND contains('{_SURNAMES}', left(trim({column}), 1)))"
        case _:
            return f"regexp_matches({column}, '{_PLACE}')"


def infer(con: Any, column: str, name: str) -> str:
    """The role of a text column of `record`, told by its name if that says it, else by its values' shape."""
    squeezed = name.strip().lower().replace(" ", "_")
    role = next((role for role, words in _NAMES if re.search(words, squeezed)), "")
    (
        n,
        distinct,
        length,
        words_per,
        date_share,
        number_share,
        mail_share,
        digit_share,
        phone_share,
        person_share,
        place_share,
        han_share,
    ) = con.execute(
        f"""SELECT count(v), count(DISTINCT v), avg(length(v)), avg(len(string_split(v, ' '))),
            avg(CAST(regexp_full_match(v, '\\d{{4}}[-/.]?\\d{{1,2}}[-/.]?\\d{{1,2}}|\\d{{1,2}}/\\d{{1,2}}/\\d{{4}}') AS int)),
            avg(CAST(try_cast(v AS double) IS NOT NULL AS int)), avg(CAST(regexp_full_match(v, '\\S+@\\S+') AS int)),
            avg(CAST(regexp_full_match(v, '[0-9A-Z-]{{8,}}') AS int)), avg(CAST({looks_like("v", "phone")} AS int)),
            avg(CAST({looks_like("v", "person")} AS int)), avg(CAST({looks_like("v", "address")} AS int)), avg(CAST(regexp_matches(v, '[一-龥]') AS int))
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
    if phone_share > 0.6:
        return "phone"
    if number_share > 0.9 and length < 8:
        return "number"
    if digit_share > 0.8 and distinct > 0.5 * n:
        return "identifier"
    if person_share > 0.7:
        return "person"
    if place_share > 0.6:
        return "address"
    if distinct < 0.2 * n and words_per < 3:
        return "category"
    return "organisation" if han_share > 0.6 and length <= 20 else "title"
