"""Chinese addresses beyond their key: what lists write each its own way brought to one, and the parts compared one by one."""

from __future__ import annotations

from typing import Any

from schemas.macros.sqltext import quoted
from warehouse.linkage.reading import Field

# Names that show two towns to be one.
_SEVERAL = 3
_NUMERAL = "零一二三四五六七八九十百〇两"
_ROAD = "大道|路|街|巷"
# Where many doors share a number: they are told apart by area, house and stall.
_ESTATE = (
    "市场|广场|商城|商贸城|建材城|家居城|汽配城|汽车城|美食城|购物中心|产业园区|产业园|工业园区|工业园|科技园|农业园|物流园|园区|开发区|经开区|高新区|集中区"
    "|小区|花园|花苑|家园|公寓|大厦|华庭|华府|豪庭|新城|水岸|公馆|名都|银泰城"
)
# Letters of which the key would take 粮油市 for a city and 锦绣社区 for a district stand aside while it is made, and 场镇, any town's centre, for a town.
TOWN_ASIDE = "鎭"  # an old form of the letter
_ASIDE = ("市场", "\ue010场"), ("([社小园发中开新])区", "\\1\ue011"), ("场镇", f"场{TOWN_ASIDE}")
# (pattern, put), before the key is made: groups of a village, figures before a dash, storeys.
_SPOKEN = (
    ("(?:社区)?(?:居民委员会|居委会)", "社区"),
    (f"([0-9{_NUMERAL}])(?:生产队|村民小组|小队|队|组|社)([^区]|$)", "\\1组\\2"),
    (f"([{_NUMERAL}])[-－—–_之附]([0-9])", "\\1号附\\2"),
    ("([0-9])号?之([0-9])", "\\1号附\\2"),
    ("([0-9])[Ff层]", "\\1楼"),
    (f"([{_NUMERAL}])层", "\\1楼"),
)
# And after it: what a door is used for, the ground floor, and the letter of an area.
_KEPT = (
    ("(?:门面房|门面|门市部|门市|营业房|商铺|铺面|铺位|铺|摊位|档口|底商|底层|底楼|厂房)+$", ""),
    ("([0-9号栋])1楼$", "\\1"),
    ("号$", ""),
    ("([A-Z])区?-?([0-9])", "\\1\\2"),
)


def _each(value: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for pattern, put in pairs:
        value = f"regexp_replace({value}, {quoted(pattern)}, {quoted(put)}, 'g')"
    return value


_PLAIN = "translate(nfkc_text(s), '壹贰叁肆伍陆柒捌玖拾', '一二三四五六七八九十')"
_KEY = f"translate(address_key({_each(_PLAIN, (*_SPOKEN, *_ASIDE))}), '\ue010\ue011', '市区')"
# What stands behind town and community.
_REST = "regexp_replace(regexp_replace(k, '^[一-龥]{1,6}?(?:街道|镇|乡)', ''), '^[一-龥]{1,6}?社区', '')"
_DOOR = f"^(?:[一-龥]{{1,6}}?(?:{_ROAD})[一-龥]?段?[0-9][0-9-]*号?)?"
MACROS = (
    f"place_key(s) AS coalesce(nullif({_each(_KEY, _KEPT)}, ''), address_key(s))",
    f"place_road(k) AS nullif(regexp_extract({_REST}, '^(?:[一-龥]{{0,8}}?(?:{_ESTATE}))?([一-龥]{{1,5}}?(?:{_ROAD}))', 1), '')",
    # 人民路12号国际商贸城3楼 -> 国际商贸城.
    f"place_estate(k) AS nullif(coalesce(nullif(regexp_extract({_REST}, '{_DOOR}([一-龥]{{0,8}}?(?:{_ESTATE}))', 1), ''), "
    f"regexp_replace(regexp_extract({_REST}, '{_DOOR}([一-龥]{{3,8}})[A-Z]?[0-9]', 1), '^.*(?:{_ROAD}|[段村社区])$', '')), '')",
    f"place_house(k) AS coalesce(nullif(regexp_extract(k, '(?:{_ROAD}|段)([0-9]+)(?:[^0-9栋楼]|$)', 1), ''), nullif(regexp_extract(k, '[0-9]+组'), ''))",
)


def one_town(con: Any, fields: list[Field]) -> None:
    """Call a town in `feature` what most records call it, where lists name it by two names: 城关镇 of then is 古城街道 of today.

    Two towns are one where several names stand at the same door of the same street or village in both.
    """
    name = next((f for f in fields if f.role in ("organisation", "person")), None)
    where = next((f.column for f in fields if f.role == "address"), None)
    if name is None or where is None:
        return
    called = f"coalesce({name.column}_bare, {name.column})" if name.role == "organisation" else name.column
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE said_town AS
        SELECT DISTINCT {called} AS name, town, substr({where}, length(town) + 1) AS rest FROM (SELECT *, address_town({where}) AS town FROM feature)
        WHERE town IS NOT NULL AND regexp_matches(substr({where}, length(town) + 1), '[一-龥].*[0-9]')"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE town_of AS
        WITH pair AS (SELECT l.town AS one, r.town AS other FROM said_town l JOIN said_town r ON l.name = r.name AND l.rest = r.rest AND l.town <> r.town
                      GROUP BY ALL HAVING count(DISTINCT l.name) >= {_SEVERAL}),
             known AS (SELECT address_town({where}) AS town, count(*) AS n FROM feature GROUP BY ALL)
        SELECT one AS town, arg_max(other, (n, other)) AS put FROM (SELECT one, other FROM pair UNION SELECT one, one FROM pair)
        JOIN known ON known.town = other GROUP BY one HAVING put <> one"""
    )
    con.execute(
        f"UPDATE feature SET {where} = put || substr({where}, length(town) + 1) FROM town_of WHERE starts_with({where}, town)"
    )
    if name.role == "organisation":
        short = "regexp_replace({}, '(镇|乡|街道)$', '')"
        con.execute(
            f"UPDATE feature SET {name.column}_town = {short.format('put')} FROM town_of WHERE {name.column}_town = {short.format('town')}"
        )


def one_region(con: Any, fields: list[Field]) -> None:
    """Call a county in the full names of `feature` what most call it, where it had another name: 邓县 is 邓州. Told as with towns."""
    name = next((f.column for f in fields if f.role == "organisation"), None)
    where = next((f.column for f in fields if f.role == "address"), None)
    if name is None or where is None:
        return
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE region_of AS
        WITH said AS (SELECT DISTINCT {name}_region AS region, {name}_rest AS rest, {where}_road AS road, {where}_no AS no FROM feature
                      WHERE {name}_region IS NOT NULL AND {where}_road IS NOT NULL AND {where}_no IS NOT NULL),
             pair AS (SELECT l.region AS one, r.region AS other FROM said l JOIN said r ON l.rest = r.rest AND l.road = r.road AND l.no = r.no AND l.region <> r.region
                      GROUP BY ALL HAVING count(DISTINCT l.rest) >= {_SEVERAL}),
             known AS (SELECT {name}_region AS region, count(*) AS n FROM feature GROUP BY ALL)
        SELECT one AS region, arg_max(other, (n, other)) AS put FROM (SELECT one, other FROM pair UNION SELECT one, one FROM pair)
        JOIN known ON known.region = other GROUP BY one HAVING put <> one"""
    )
    con.execute(f"UPDATE feature SET {name}_region = put FROM region_of WHERE {name}_region = region")


def parts(con: Any, f: str) -> None:
    """Add to the address <f> of `feature` what it names: <f>_house, and of a Chinese one <f>_town, <f>_road (or its village) and <f>_estate (or its village).

    太和镇人民路12号3栋 -> 12, 太和, 人民路, NULL; 太和镇建材市场B48 -> NULL, 太和, NULL, 建材市场. NULL where it names none.
    """
    con.execute(
        f"""CREATE OR REPLACE TABLE feature AS SELECT *,
          CASE WHEN is_han({f}) THEN place_house({f}) ELSE nullif(split_part({f}_no, ' ', 1), '') END AS {f}_house,
          CASE WHEN is_han({f}) THEN place_town({f}) END AS {f}_town,
          CASE WHEN is_han({f}) THEN coalesce(place_road({f}), address_village({f})) END AS {f}_road,
          CASE WHEN is_han({f}) THEN coalesce(place_estate({f}), address_village({f})) END AS {f}_estate
        FROM feature"""
    )
