"""Text -> what is compared: one table `feature`, a row per record, made column by column in SQL.

Text fields (names, titles, addresses) get beside their normal form two signatures, of words and of three-letter grams:
bit strings in which a token sets one to seven bits, a rare one more. Bits in common, less what chance would give, say how
much two texts share; that costs a microsecond a pair where intersecting two lists of tokens costs nine.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from schemas.macros.sqltext import quoted
from schemas.names import PROVINCES, region_prefix
from warehouse.linkage import addresses
from warehouse.linkage.reading import Field
from warehouse.linkage.roles import TEXT_ROLES, looks_like

_HAN = "[㐀-䶿一-鿿]"
# What closes the full legal name of an enterprise; such names are unique where they are registered.
FULL_NAME = "(?:有限公司|有限责任公司|股份公司|公司|合作社|联合社|事务所|合伙企业)$"
# Legal forms that clerks write one for another; a joint stock company's is told apart.
_FORMS = (("(?:有限责任公司|有限公司|责任公司)", "公司"), ("专业合作社$", "合作社"))
_FORM = "(?:股份)?(?:有限责任公司|有限公司|责任公司|公司|合作社|合伙企业)$"
_NOTE = "[(（【〔\\[][^()（）【】〔〕\\[\\]]*[)）】〕\\]]$"  # what clerks add behind a name
RARE = 4  # rare tokens of a text that serve as keys
# An ending of names stands behind so many letters, and a longer one is so common beside the shorter.
_ENDS, _LONGER = 5, 0.1
_OWN = 0.1  # the share of those that name a county or city at all
_BITS = 1024
_TOKEN_BITS = 7


def _one_form(name: str) -> str:
    for pattern, put in _FORMS:
        name = f"regexp_replace({name}, '{pattern}', '{put}')"
    return name


_MACROS = (
    *addresses.MACROS,
    "place_town(k) AS nullif(regexp_replace(address_town(k), '(镇|乡|街道)$', ''), '')",
    "latin(s) AS trim(regexp_replace(regexp_replace(replace(lower(strip_accents(nfkc_text(s))), '&', ' and '), "
    "'[''’`´.]', '', 'g'), '[^a-z0-9㐀-䶿一-鿿]+', ' ', 'g'))",
    f"is_han(s) AS regexp_matches(s, '{_HAN}')",
    "plain_text(s) AS CASE WHEN is_han(s) THEN name_strict_key(s) ELSE nullif(latin(s), '') END",
    "words_of(s) AS CASE WHEN is_han(s) THEN list_distinct(list_transform(range(1, greatest(length(s), 2)), i -> substr(s, i, 2))) "
    "ELSE list_distinct(string_split(s, ' ')) END",
    "grams_of(s) AS CASE WHEN is_han(s) THEN list_distinct(string_split(s, '')) ELSE list_distinct(list_transform("
    "range(1, greatest(length(s) + 1, 2)), i -> substr(' ' || s || ' ', i, 3))) END",
    f"by_chance(an, bn) AS CAST(an * bn AS double) / {_BITS}",
    # Nothing to share (no token at all) is no likeness.
    "likeness(a, an, b, bn) AS (bit_count(a & b) - by_chance(an, bn)) / greatest(sqrt(an * bn) - by_chance(an, bn), 1)",
    "held(a, an, b, bn) AS (bit_count(a & b) - by_chance(an, bn)) / greatest(least(an, bn) - by_chance(an, bn), 1)",
    f"one_form(s) AS {_one_form('s')}",
    # A slip of the pen, told in letters (DuckDB's own distances count bytes, three to a Han letter): two neighbours turned, or a
    # letter twice. Another letter, or one more, may as well be the next firm of the same owner.
    "slip_of_pen(a, b) AS CASE length(a) - length(b) WHEN 0 THEN turned(a, b) WHEN 1 THEN doubled(a, b) WHEN -1 THEN doubled(b, a) ELSE false END",
    "turned(a, b) AS list_contains(list_transform(range(1, length(a)), i -> substr(a, 1, i - 1) || substr(a, i + 1, 1) || substr(a, i, 1) || substr(a, i + 2)), b)",
    "doubled(a, b) AS list_contains(list_transform(range(1, length(b) + 1), i -> substr(b, 1, i) || substr(b, i)), a)",
    "letter_off(a, b) AS CASE length(a) - length(b) WHEN 0 THEN len(list_filter(range(1, length(a) + 1), i -> substr(a, i, 1) <> substr(b, i, 1))) = 1 "
    "WHEN 1 THEN left_out(a, b) WHEN -1 THEN left_out(b, a) ELSE false END",
    # 510922********1234 and 510922199001011234, 138****1234 and 13800001234: the same as far as both show.
    "as_shown(a, b) AS CASE WHEN length(a) = length(b) AND contains(a || b, '*') THEN list_transform([list_filter(range(1, length(a) + 1), i -> substr(a, i, 1) <> '*' AND "
    "substr(b, i, 1) <> '*')], shown -> len(shown) >= 4 AND len(list_filter(shown, i -> substr(a, i, 1) <> substr(b, i, 1))) = 0)[1] ELSE false END",
    "left_out(a, b) AS list_contains(list_transform(range(1, length(a) + 1), i -> substr(a, 1, i - 1) || substr(a, i + 1)), b)",
    # Ann B. Lee, C Roe -> "a lee, c roe"; one name, or the list of a paper's authors.
    "short_names(s) AS CASE WHEN NOT is_han(s) THEN array_to_string(list_sort(list_transform(regexp_split_to_array(s, "
    "'\\s*(?:,|;|&| and )\\s*'), n -> left(latin(n), 1) || ' ' || split_part(latin(n), ' ', -1))), ', ') END",
    "iso_date(s) AS coalesce(strftime(coalesce(try_strptime(s, ['%Y-%m-%d', '%Y/%m/%d', '%Y.%m.%d', '%Y%m%d', '%d/%m/%Y', "
    "'%m/%d/%Y', '%d %B %Y', '%d %b %Y', '%Y-%m-%d %H:%M:%S', '%Y-%m-%dT%H:%M:%S', '%Y年%m月%d日']), NULL), '%Y-%m-%d'), NULL)",
)


def install(con: Any, regions: Sequence[str]) -> None:
    """The macros of this module; `schemas.macros` must be installed before, with the same regions."""
    province = f"^(?:(?:{'|'.join(PROVINCES)})(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区)?)?"
    inner = [
        f"nullif(regexp_extract(s, {quoted(f'{province}{city}(.*)$')}, 1), '')" for city in ("(?:[一-龥]{2,4}?市)?", "")
    ]
    macros = (
        # What stands before a name: 四川省示例县 of 四川省示例县鑫源商贸有限公司; the place it is: 示例.
        f"region_before(s) AS regexp_extract(name_strict_key(s), {quoted(region_prefix(regions)[0])})",
        f"innermost(s) AS nullif(regexp_replace(coalesce({', '.join(inner)}, s), '[省市县区]$', ''), '')",
    )
    con.execute(";\n".join(f"CREATE OR REPLACE MACRO {macro}" for macro in (*_MACROS, *macros)))


def own_regions(con: Any, fields: list[Field]) -> list[str]:
    """The counties and cities `record` is of, as addresses and names begin with them, in every form: 射洪市…, 遂宁市射洪县… -> 射洪, 射洪市, 射洪县, 射洪区.

    A name may leave out 市 or 县 only where the lists are of few such places.
    """
    before = "^(?:[一-龥]{2,3}省)?(?:[一-龥]{1,3}[^超菜门夜股集花早]市)?([一-龥]{1,3}[^超菜门夜股集花早])[市县区]"
    said = " UNION ALL ".join(
        f"SELECT regexp_extract(trim({f.column}), {quoted(before)}, 1) AS region FROM record"
        for f in fields
        if f.role in ("organisation", "address")
    )
    if not said:
        return []
    return [
        region + form
        for (region,) in con.execute(
            f"""SELECT region FROM (SELECT region, count(*) AS n, sum(count(*)) OVER () AS every FROM ({said}) WHERE region <> '' GROUP BY region)
            WHERE n >= {_OWN} * every AND n > 2 ORDER BY region"""
        ).fetchall()
        for form in ("", "市", "县", "区")
    ]


def build(con: Any, fields: list[Field]) -> None:
    """Make `feature` from `record`: rid, place, source, id, and the columns each field's role calls for."""
    abbreviations = yaml.safe_load(Path(__file__).with_name("abbreviations.yaml").read_text(encoding="utf-8"))
    columns = ["rid", "place", "source", "id"]
    for field in fields:
        columns += [f"{sql} AS {field.column}{suffix}" for suffix, sql in _columns(field).items()]
    traditional, simplified = zip(*abbreviations["traditional"].split(), strict=True)
    con.execute(
        f"CREATE OR REPLACE TABLE feature AS SELECT {', '.join(columns)} FROM ({_placed(fields, ''.join(traditional), ''.join(simplified))})"
    )
    _without_places(con, fields)
    addresses.one_town(con, fields)
    for field in fields:
        if field.role == "organisation":
            _stems(con, field.column, abbreviations["trade"], abbreviations["industry"].split())
            _spelt_in_latin(con, field.column)
            _cores(con, field.column)
        if field.role == "person":
            _sounds(con, field.column, field.column, "sound")
        if field.role in TEXT_ROLES:
            con.execute(f"ALTER TABLE feature ADD COLUMN {field.column}_no varchar")
            _expand(con, field.column, abbreviations["address" if field.role == "address" else "name"])
            _signatures(
                con,
                field.column,
                f"coalesce({field.column}_bare, {field.column})" if field.role == "organisation" else field.column,
            )
        if field.role == "address":
            addresses.parts(con, field.column)
    addresses.one_region(con, fields)


def _placed(fields: list[Field], traditional: str, simplified: str) -> str:
    """SQL of `record` with Chinese text in one script, and values that stand in another field's column put where they belong.

    王芳 as telephone beside 13800000000 as person is 王芳 at 13800000000. In the wrong column a value says nothing of that
    field, and would count as a disagreement.
    """
    text = {f.column: f.column for f in fields}
    text |= {
        f.column: f"translate({f.column}, {quoted(traditional)}, {quoted(simplified)})"
        for f in fields
        if f.role in TEXT_ROLES
    }
    first = {
        role: next((f.column for f in fields if f.role == role), "NULL") for role in ("phone", "person", "address")
    }
    phone, person, address = first.values()
    # 王家湾 may be a place: a person in the column of addresses is one only where the address stands with the person.
    turned = f"({looks_like(address, 'person')} AND {looks_like(person, 'address')})"
    stray = {
        "phone": (f"{looks_like(phone, 'person')} OR {looks_like(phone, 'address')}", {person: looks_like(person, "phone"), address: looks_like(address, "phone")}),
        "person": (f"{looks_like(person, 'phone')} OR {looks_like(person, 'address')}", {phone: looks_like(phone, "person"), address: turned}),
        "address": (f"{looks_like(address, 'phone')} OR {turned}", {person: looks_like(person, "address"), phone: looks_like(phone, "address")}),
    }  # fmt: skip
    columns = []
    for f in fields:
        own = text[f.column]
        if first.get(f.role) == f.column:
            wrong, elsewhere = stray[f.role]
            found = [f"CASE WHEN {there} THEN {text[g]} END" for g, there in elsewhere.items() if g != "NULL"]
            own = f"CASE WHEN {f.column} IS NOT NULL AND NOT coalesce({wrong}, false) THEN {own} ELSE coalesce({', '.join([*found, 'NULL'])}) END"
        columns.append(f"{own} AS {f.column}")
    return f"SELECT rid, place, source, id, {', '.join(columns)} FROM record"


def _without_places(con: Any, fields: list[Field]) -> None:
    """Take places the addresses know off each <name>_bare: a town before it, into <name>_town, and a shop's street, town, village, market or number behind it, into <name>_shop.

    永兴镇悦萃火锅店, 悦萃火锅店（育才街店）, 悦萃火锅育才街店, 悦萃火锅二店 -> 悦萃火锅店, 悦萃火锅店, 悦萃火锅, 悦萃火锅. A record without an address has its shop's.
    """
    names = [f.column for f in fields if f.role == "organisation"]
    places = [f.column for f in fields if f.role == "address"]
    listed = {kind: _places(con, places, said) for kind, said in _PLACES.items()}
    for name in names:
        con.execute(f"ALTER TABLE feature ADD COLUMN {name}_town varchar")
        con.execute(f"ALTER TABLE feature ADD COLUMN {name}_shop varchar")
        if listed["town"]:
            town = f"^({listed['town']})(?:镇|乡|街道)?"
            before = quoted(f"{town}(.{{3,}})$")
            con.execute(
                f"UPDATE feature SET {name}_town = regexp_extract({name}_bare, {before}, 1), {name}_bare = regexp_extract({name}_bare, {before}, 2), {name}_legal = regexp_replace({name}_legal, {quoted(town)}, '') "
                f"WHERE regexp_matches({name}_bare, {before})"
            )
        either = "|".join(filter(None, listed.values()))
        if either:
            at = f"(?:{either})(?:镇|乡|街道|村|社区)?{_SHOP}"
            behind = f"(?:{_BRACKET}{at}{_BRACKET}|{at}|{_NUMBERED})$"
            shop = quoted(f"^.{{2,}}?[(]?({either})(?:镇|乡|街道|村|社区)?{_SHOP}[)]?(?:[(][^()]*[)])?$")
            number = quoted(
                f"^.{{2,}}?(?:[(]第?({_ORDINAL})分?店[)]|第({_ORDINAL})(?:分店|分公司|店)|({_ORDINAL})分店|{_KIND}({_ORDINAL})店)$"
            )
            said = f"coalesce(nullif(regexp_extract({name}, {shop}, 1), ''), nullif(translate(concat({', '.join(f'regexp_extract({name}, {number}, {group})' for group in range(1, 5))}), '123456789', '一二三四五六七八九'), ''))"
            con.execute(
                f"UPDATE feature SET {name}_shop = {said}, "
                f"{name}_bare = coalesce(nullif(regexp_replace({name}_bare, {quoted(behind)}, ''), ''), {name}_bare) WHERE regexp_matches({name}, {shop}) OR regexp_matches({name}, {number})"
            )
            # 悦萃药房（育才街店） may be a branch, or all there is.
            con.execute(f"UPDATE feature SET {name}_branch = NULL WHERE {name}_shop IS NOT NULL AND NOT {name}_branch")
            for place in places[:1]:
                con.execute(
                    f"UPDATE feature SET {place} = {name}_shop WHERE {place} IS NULL AND length({name}_shop) > 1"
                )


_BRACKET = "[()（）]?"
_SHOP = "(?:分?店|分公司)"
_ORDINAL = "[一二三四五六七八九十1-9]"
_KIND = "[店馆市房厅场行部城吧面锅饭菜鱼鸡茶]"  # 家家超市二店; 张三店 is another
_NUMBERED = f"(?:第?{_ORDINAL}(?:分店|分公司)|第?{_ORDINAL}店)"
_PREMISES = "[厂店部行馆城坊场站社]"  # 家具厂, 石材厂
# What addresses know, by kind: SQL of it over a normal address. 水口村 is 水口 in the name of a shop.
_PLACES = {
    "town": ("place_town({})",),
    "road": ("place_road({})", "regexp_replace(address_village({}), '(村|社区)$', '')", "place_estate({})"),
}


def _places(con: Any, columns: Sequence[str], said: Sequence[str]) -> str:
    """The places of one kind that more than one record of `feature` names, as alternatives of a pattern, the longest first."""
    told = " UNION ALL ".join(
        f"SELECT translate({one.format(c)}, '{addresses.TOWN_ASIDE}', '镇') AS place FROM feature WHERE is_han({c})"
        for c in columns
        for one in said
    )
    if not told:
        return ""
    found = con.execute(
        f"SELECT place FROM ({told}) WHERE length(place) BETWEEN 2 AND 6 GROUP BY 1 HAVING count(*) > 1 ORDER BY length(place) DESC, 1"
    ).fetchall()
    return "|".join(place for (place,) in found)


def _stems(con: Any, name: str, trades: Sequence[str], industries: Sequence[str]) -> None:
    """Add <name>_stem, the Chinese name without town, legal form and the words for its trade; in <name>_bare a shop's such word is brought to one.

    Before: bare 明英安大药房, 明英安医药科技公司. After: bare 明英安药店, 明英安医药科技公司, stem 明英安.
    """
    words = {word: line.split()[0] for line in trades for word in line.split()}
    listed = ", ".join(f"({quoted(word)}, {quoted(one)})" for word, one in words.items())
    parts = quoted(f"^(.{{2,}}?)({'|'.join(words)}|(?:{'|'.join(industries)})+{_PREMISES}?)?$")
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE stemmed AS
        SELECT bare, stem, CASE WHEN bare = formless THEN stem || coalesce(one, trade) ELSE bare END AS put FROM (
          SELECT bare, formless, coalesce(nullif(regexp_extract(formless, {parts}, 1), ''), formless) AS stem, regexp_extract(formless, {parts}, 2) AS trade
          FROM (SELECT DISTINCT {name}_bare AS bare, coalesce(nullif(regexp_replace({name}_bare, '{_FORM}', ''), ''), {name}_bare) AS formless
                FROM feature WHERE {name}_bare IS NOT NULL))
        LEFT JOIN (VALUES {listed}) AS known(word, one) ON word = trade"""
    )
    con.execute(f"ALTER TABLE feature ADD COLUMN {name}_stem varchar")
    con.execute(f"UPDATE feature SET {name}_stem = stem, {name}_bare = put FROM stemmed WHERE {name}_bare = bare")


def _spelt_in_latin(con: Any, name: str) -> None:
    """Put the Chinese name in place of a Latin one that spells it, where the lists know one such name: Ming Ying An is 明英安."""
    spelt = f"regexp_replace({name}, '[^a-z]', '', 'g')"
    latin = f"NOT is_han({name}) AND length({spelt}) >= 4"
    if not con.execute(f"SELECT count(*) FROM feature WHERE {latin}").fetchone()[0]:
        return
    from pypinyin import lazy_pinyin

    letters = "".join(letter for (letter,) in con.execute(f"SELECT DISTINCT unnest(string_split({name}_bare, '')) FROM feature WHERE is_han({name})").fetchall())  # fmt: skip
    sounds = ", ".join(f"({quoted(letter)}, {quoted(lazy_pinyin(letter)[0])})" for letter in letters) or "('', '')"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE spelling AS
        WITH text AS (SELECT DISTINCT unnest([{name}_bare, {name}_stem]) AS text, {name}_stem AS stem FROM feature WHERE is_han({name})),
             piece AS (SELECT text, stem, unnest(string_split(text, '')) AS letter, generate_subscripts(string_split(text, ''), 1) AS place FROM text),
             said AS (SELECT text, stem, string_agg(sound, '' ORDER BY place) AS sound FROM piece JOIN (VALUES {sounds}) AS known(letter, sound) USING (letter) GROUP BY ALL)
        SELECT sound, min(text) AS text, min(stem) AS stem FROM said GROUP BY sound HAVING count(DISTINCT text) = 1 AND count(DISTINCT stem) = 1"""
    )
    con.execute(
        f"UPDATE feature SET {name} = text, {name}_bare = text, {name}_stem = stem FROM spelling WHERE {latin} AND {spelt} = sound"
    )


def _cores(con: Any, name: str) -> None:
    """Add of a Chinese name <name>_sound, how <name>_bare is said, and <name>_core, how it is said without what many names end in.

    佳胜烤吧 and 佳盛烧烤店 -> jiasheng. An ending is what stands behind several letters; one that lengthens another, as 生活超市 does 超市, is no rarity beside it.
    """
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE ended AS
        SELECT bare, text, unnest(range(2, 5)) AS long FROM (
          SELECT bare, coalesce(nullif(regexp_replace(formless, '(..)[店部馆行厅铺]$', '\\1'), ''), bare) AS text FROM (
            SELECT DISTINCT {name}_bare AS bare, regexp_replace({name}_bare, '{_FORM}', '') AS formless FROM feature WHERE is_han({name})))"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE ending AS
        WITH met AS (SELECT right(text, long) AS ending, count(DISTINCT substr(text, length(text) - long, 1)) AS letters, count(DISTINCT text) AS n
                     FROM ended WHERE length(text) >= long + 2 GROUP BY ALL HAVING letters >= {_ENDS}),
             longer AS (SELECT ending, n, unnest(range(2, length(ending))) AS long FROM met),
             rare AS (SELECT longer.ending FROM longer JOIN met s ON s.ending = right(longer.ending, long) WHERE longer.n < {_LONGER} * s.n)
        SELECT ending FROM met ANTI JOIN rare USING (ending)"""
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE cored AS
        SELECT bare, arg_max(left(text, length(text) - coalesce(length(ending), 0)), coalesce(length(ending), 0)) AS core
        FROM ended LEFT JOIN ending ON ending = right(text, long) AND length(text) >= long + 2 GROUP BY bare"""
    )
    con.execute(f"ALTER TABLE feature ADD COLUMN {name}_said varchar")
    con.execute(f"UPDATE feature SET {name}_said = core FROM cored WHERE {name}_bare = bare")
    _sounds(con, name, f"{name}_said", "core")
    _sounds(con, name, f"{name}_bare", "sound")
    con.execute(f"ALTER TABLE feature DROP COLUMN {name}_said")


def _sounds(con: Any, f: str, text: str, kind: str) -> None:
    """Add <f>_<kind>, how the Chinese `text` is said."""
    con.execute(f"ALTER TABLE feature ADD COLUMN {f}_{kind} varchar")
    letters = "".join(letter for (letter,) in con.execute(f"SELECT DISTINCT unnest(string_split({text}, '')) FROM feature WHERE is_han({text})").fetchall())  # fmt: skip
    if not letters:
        return
    from pypinyin import lazy_pinyin

    sounds = ", ".join(f"({quoted(letter)}, {quoted(lazy_pinyin(letter)[0])})" for letter in letters)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE heard AS
        SELECT text, string_agg(sound, ' ' ORDER BY place) AS sound FROM (
          SELECT text, unnest(string_split(text, '')) AS letter, generate_subscripts(string_split(text, ''), 1) AS place FROM (SELECT DISTINCT {text} AS text FROM feature WHERE is_han({text})))
        JOIN (VALUES {sounds}) AS known(letter, sound) USING (letter) GROUP BY text"""
    )
    con.execute(f"UPDATE feature SET {f}_{kind} = sound FROM heard WHERE {text} = text")


def _columns(field: Field) -> dict[str, str]:
    f = field.column
    match field.role:
        case "organisation":
            full = f"coalesce(is_han({f}) AND regexp_matches(name_strict_key({f}), '{FULL_NAME}'), false)"
            return {
                "": f"plain_text({f})",
                "_bare": f"CASE WHEN is_han({f}) THEN name_loose_key(regexp_replace(trim({f}), '{_NOTE}', '')) END",
                "_branch": f"CASE WHEN is_han({f}) THEN name_is_branch({f}) END",
                "_full": full,
                # The full name with its legal form written one way, and that without its region.
                "_formed": f"CASE WHEN {full} THEN one_form(name_strict_key({f})) END",
                "_legal": f"CASE WHEN {full} THEN one_form(name_loose_key({f})) END",
                # The place it begins with, and the rest of the name.
                "_region": f"CASE WHEN {full} THEN innermost(region_before({f})) END",
                "_rest": f"CASE WHEN {full} THEN substr(name_strict_key({f}), length(region_before({f})) + 1) END",
            }
        case "person":
            return {"": f"plain_text({f})", "_short": f"short_names({f})"}
        case "address":
            return {"": f"CASE WHEN is_han({f}) THEN place_key({f}) ELSE nullif(latin({f}), '') END"}
        case "title":
            return {"": f"plain_text({f})"}
        case "forename" | "surname":
            return {
                "": f"nullif(CASE WHEN is_han({f}) THEN name_strict_key({f}) ELSE lower(strip_accents(trim({f}))) END, '')"
            }
        case "date":
            return {"": f"coalesce(iso_date(trim({f})), nullif(trim({f}), ''))"}
        case "phone":
            # Of several numbers in one cell the first; 310/246-1501 is one.
            first = f"regexp_extract({f}, '^[^/、;；,，]*')"
            one = f"CASE WHEN regexp_matches({first}, '(?:[0-9][^0-9]*){{5}}') THEN {first} ELSE {f} END"
            digits = f"regexp_replace(coalesce(phone_clean({one}), {one}), '[^0-9]', '', 'g')"
            shown = f"regexp_replace(nfkc_text({one}), '[^0-9*]', '', 'g')"  # 138****1234
            return {
                "": f"CASE WHEN contains({one}, '*') THEN CASE WHEN length({shown}) = 11 THEN {shown} END "
                f"WHEN length({digits}) >= 5 AND NOT regexp_matches({digits}, '^(0+|1+|9+)$') THEN right({digits}, 11) END"
            }
        case "identifier":
            code = f"translate(id_clean({f}), '×●•', '***')"
            person = f"CASE WHEN resident_id_valid(resident_id_clean({f})) THEN resident_id_clean({f}) END"
            kind = f"enterprise_code_kind({code})"
            return {
                "": f"CASE WHEN {kind} IS NULL THEN coalesce({person}, {code}) ELSE {code} END",
                "_person": f"CASE WHEN {kind} IS NULL THEN {person} END",
                # Codes that hold an organisation code meet on it; one of another kind says nothing about these.
                "_org": f"CASE {kind} WHEN 'uscc' THEN substr({code}, 9, 9) WHEN 'old_tax' THEN right({code}, 9) WHEN 'org_code' THEN {code} END",
                "_own": f"CASE WHEN {kind} NOT IN ('uscc', 'old_tax', 'org_code') THEN {code} END",
            }
        case "email":
            return {"": f"nullif(lower(trim({f})), '')"}
        case "postcode":
            return {"": f"nullif(upper(regexp_replace(nfkc_text({f}), '\\s+', ' ', 'g')), '')"}
        case "position":
            # Two numbers, the latitude first; a value above 90 can only be the longitude. 0 0 is a blank.
            part = [f"try_cast(regexp_extract_all({f}, '-?[0-9]+(?:[.][0-9]+)?')[{n}] AS double)" for n in (1, 2)]
            turned = f"abs({part[0]}) > 90"
            north = f"CASE WHEN {turned} THEN {part[1]} ELSE {part[0]} END"
            east = f"CASE WHEN {turned} THEN {part[0]} ELSE {part[1]} END"
            known = f"{part[0]} IS NOT NULL AND {part[1]} IS NOT NULL AND ({part[0]} <> 0 OR {part[1]} <> 0)"
            return {
                "": f"CASE WHEN {known} THEN round({north}, 4) || ' ' || round({east}, 4) END",
                "_y": f"CASE WHEN {known} THEN {north} * 111320 END",
                "_x": f"CASE WHEN {known} THEN {east} * 111320 * cos(radians({north})) END",
            }
        case "number":
            return {"": f"try_cast(regexp_replace({f}, '[^0-9.-]', '', 'g') AS double)"}
        case _:
            return {"": f"nullif(lower(trim(nfkc_text({f}))), '')"}


def _expand(con: Any, column: str, words: dict[str, str]) -> None:
    """Bring shortened words to one form, each distinct text once."""
    rows = ", ".join(f"({quoted(str(long))}, {quoted(str(short))})" for long, short in words.items())
    pattern = "\\b(?:" + "|".join(map(str, words)) + ")\\b"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE spelled AS
        SELECT raw, string_agg(coalesce(short, word), ' ' ORDER BY place) AS put
        FROM (SELECT raw, unnest(string_split(raw, ' ')) AS word, generate_subscripts(string_split(raw, ' '), 1) AS place
              FROM (SELECT DISTINCT {column} AS raw FROM feature WHERE regexp_matches({column}, {quoted(pattern)})))
        LEFT JOIN (VALUES {rows}) AS known(long, short) ON long = word GROUP BY raw"""
    )
    con.execute(f"UPDATE feature SET {column} = put FROM spelled WHERE {column} = raw")


def _signatures(con: Any, column: str, said: str) -> None:
    """Of the text `said`, add <column>_w, _wn (word signature, how many bits it has), _g, _gn (grams), and _rare_w, _rare_g: the rarest tokens."""
    for suffix, split in (("w", "words_of"), ("g", "grams_of")):
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE signature AS
            WITH text AS (SELECT {said} AS t, count(*) AS n FROM feature WHERE {column} IS NOT NULL GROUP BY 1),
                 piece AS (SELECT t, n, unnest({split}(t)) AS token FROM text),
                 total AS (SELECT sum(n) AS n FROM text),
                 df AS (SELECT token, sum(n) AS df FROM piece GROUP BY token),
                 known AS (SELECT token, df, range(CAST(greatest(round({_TOKEN_BITS} * pow(ln(1 + n / df) / ln(1 + n), 2)), 1) AS bigint)) AS bits
                           FROM df, total),
                 place AS (SELECT token, CAST(md5_number_lower(token || bit) % {_BITS} AS bigint) AS place
                           FROM (SELECT token, unnest(bits) AS bit FROM known)),
                 rare AS (SELECT t, list(token ORDER BY df, token)[1:{RARE}] AS rare FROM piece JOIN known USING (token)
                          WHERE df > 1 GROUP BY t)
            SELECT t, v, bit_count(v) AS vn, rare FROM (
              SELECT t, bitstring_agg(place, 0, {_BITS - 1}) AS v FROM piece JOIN place USING (token) GROUP BY t) LEFT JOIN rare USING (t)"""
        )
        con.execute(
            f"""CREATE OR REPLACE TABLE feature AS
            SELECT f.*, s.v AS {column}_{suffix}, s.vn AS {column}_{suffix}n, s.rare AS {column}_rare_{suffix}
            FROM feature f LEFT JOIN signature s ON {said} = s.t"""
        )
    con.execute("DROP TABLE signature")
    con.execute(
        f"UPDATE feature SET {column}_no = nullif(array_to_string(regexp_extract_all({column}, '[0-9]+'), ' '), '')"
        f" WHERE regexp_matches({column}, '[0-9]')"
    )
