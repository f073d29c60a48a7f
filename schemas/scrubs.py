"""How numbers of persons are written in free text, as patterns that Python's re and DuckDB's RE2 read alike.

STEPS are replaced in turn, each twice, because two numbers side by side share the sign between them. Some put MARK, a
sign that no text has, into a number that is no person's (a project's code, a ticket's number, a date, an amount): what
follows does not reach across it, and last it is taken out. A digit is a half- or full-width one, one in a circle, or one
that is said: 一三九, 幺三九洞, 壹叁玖.
"""

import re

MARK = "\ue2d3"
_A = "0-9０-９⓪①-⑨❶-❾"
_SAID = "零〇○一二三四五六七八九幺两洞拐勾壹贰叁肆伍陆柒捌玖"
_N, _S, _D = f"[{_A}]", f"[{_SAID}]", f"[{_A}{_SAID}]"
_ZERO, _1, _2, _3 = "[0０⓪零〇○洞]", "[1１①一幺壹]", "[2２②二两贰]", "[3３③三叁]"
_NOT_0 = "1-9１-９①-⑨❶-❾"
_FROM_3 = "[3-9３-９③-⑨❸-❾三四五六七八九拐勾叁肆伍陆柒捌玖]"
_LETTER = "A-Za-zＡ-Ｚａ-ｚ"


def _among(characters: str) -> str:
    return re.sub(r"([\\\]\[^-])", r"\\\1", characters)


# What may stand between the digits of one number: blanks and dashes anywhere, more where its groups tell what it is.
_BLANK = (
    "\t-\r \u0085\u00a0\u00ad\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"  # text.SPACES and text.ZERO_WIDTH
)
_LINE = "\u2010-\u2015−─﹣－~～_＿\\-"  # text.DASHES and what is drawn like one
_POINT = _among(".．·・•*＊/／\\|｜")
_GAP = f"[{_BLANK}{_LINE}]{{0,2}}"
_SLASH = f"[{_among('·・•*＊/／|｜')}]"
_WIDE = f"[{_BLANK}{_LINE}{_POINT}]{{0,3}}"
_SIGN = f"[{_BLANK}{_LINE}{_POINT}{_among(',，、;；:：=#＃+()（）[]【】')}]"
_SIGNS = f"{_SIGN}{{0,3}}"
_FILLER = f"[号码是为字第码:：NnOo.(（{_BLANK}]{{0,8}}"

# A number counts when no other digit touches it; one that is said ends where it has its digits: …五四一七一直打不通.
_BEFORE, _AFTER = f"(?:^|[^{_A}{MARK}])", f"(?:[^{_A}{MARK}]|$)"
_LAST = f"(?:{_N}{_AFTER}|{_S})"
# Behind groups that signs part: 150、2000、3000元 are amounts.
_LAST_OF_GROUPS = f"(?:{_N}(?:[^{_A}{MARK}元万亿户人件个吨米亩平套处次天年月%％‰度℃]|$)|{_S})"


def _digits(count: int, gap: str = _GAP) -> str:
    return f"(?:{gap}{_D}){{{count}}}"


# The country before a number: 86, 0086, (+86), with or without what stands between.
_86 = f"(?:[0０]{{2}})?[8８][6６][)）]?{_WIDE}"
_ONE = f"(?:{_BEFORE}(?:{_86})?[(（]?[0０]?{_GAP}[1１①❶]|(?:^|[^0-9{_LETTER}])[lI]|[一幺壹])"
_IN_MOBILE = f"[{_A}{_SAID}OoＯ]"
_MONTH = f"(?:{_ZERO}{_GAP}{_D}|{_1}{_GAP}[0-2０-２零〇○洞一幺二两])"
_DAY = f"(?:[0-2０-２零〇○洞一幺二两]{_GAP}{_D}|{_3}{_GAP}[01０１零〇○洞一幺])"
_LANDLINE_WORD = "(?:座机|固话|电话|办公室|致电|拨打|联系方式|TEL|Tel|tel)"
_DOCUMENT_WORD = "(?:护照|通行证|回乡证|台胞证|居住证|居留证|居留身份证|香港身份证|澳门身份证|台湾身份证|军官证|士官证|警官证|证件|PASSPORT|Passport|passport)"
_ACCOUNT_WORD = "(?:卡号|账号|帐号|账户|帐户|行卡|储蓄卡|借记卡|信用卡|存折)"
_BIRTH_WORD = "(?:出生(?:日期|年月日?|时间)?|生日|生于)"
_WRITTEN = f"[{_A}{_SAID}十]{{1,3}}"
_ON = (
    f"(?:{_1}[89８９八九捌玖]|{_2}{_ZERO}){_D}{{2}}"
    f"(?:年{_WRITTEN}月(?:{_WRITTEN}[日号]?)?|[-./－．／]{_N}{{1,2}}(?:[-./－．／]{_N}{{1,2}})?|{_N}{{4}})"
)
_NUMBER_OF_THINGS = "(?:工单|办件|受理|案件|合同|订单|流水|业务|诉求)(?:编号|单号|号码?|代码|序号)?"
_THINGS = f"[是为：:{_BLANK}]{{0,3}}"

_KEPT = (
    # a project's code, 2025-511421-48-01-123456, holds a card's digits
    (
        f"({_BEFORE})([0-9]{{4}}-)([0-9]{{6}}-)([0-9]{{2}}-)([0-9]{{2}}-)([0-9]{{6}}{_AFTER})",
        MARK.join(rf"\{n}" for n in range(1, 7)),
    ),
    # a number of tickets, cases and contracts that has this century's day in it; registration and tax numbers
    (rf"({_NUMBER_OF_THINGS}{_THINGS}[{_LETTER}]{{0,6}}[0-9]{{6}})(20[12][0-9]{{5,}})", rf"\1{MARK}\2"),
    (rf"((?:注册号|登记号){_THINGS}[0-9]{{6}})([0-9]{{9}}{_AFTER})", rf"\1{MARK}\2"),
    (
        rf"((?:信用代码|信用代码证号?|税号|识别号){_THINGS}[0-9]{{8}})([0-9]{{9}}[0-9A-Z]{_AFTER})",
        rf"\1{MARK}\2",
    ),
    # an amount
    (rf"({_BEFORE}[0-9]{{3}})([0-9]{{8}}(?:元(?:[^旦宵月先女]|$)|[万亿]元))", rf"\1{MARK}\2"),
)
_RESIDENTS = (
    # identity number of 18, then of 15 characters: first 3 and last 4 stay
    (
        rf"((?:{_BEFORE}[{_NOT_0}]|[一二三四五六七八九]){_digits(2)}){_digits(3)}{_WIDE}(?:{_1}{_GAP}[89８９⑧⑨八九捌玖勾]|{_2}{_GAP}{_ZERO}){_digits(2)}"
        rf"[年]?{_WIDE}{_MONTH}[月]?{_WIDE}{_DAY}[日号]?{_WIDE}({_D}{_digits(2)}{_GAP}(?:{_LAST}|[XxＸｘ×]))",
        r"\1***********\2",
    ),
    (
        rf"((?:{_BEFORE}[{_NOT_0}]|[一二三四五六七八九]){_D}{{2}})(?:{_D}{{5}}|{_D}{{3}}{_GAP}{_FROM_3}{_D}){_MONTH}[0-3０-３零〇○洞一二三]({_D}{_GAP}{_D}{{2}}{_LAST})",
        r"\1********\2",
    ),
    # a day of birth, by the word that stands beside it
    (rf"({_BIRTH_WORD}[为是于在：:{_BLANK}]{{0,3}}){_ON}", r"\1****"),
    (rf"({_BEFORE}){_ON}((?:出生|生(?:[，。,.;；、)）人{_BLANK}]|$)))", r"\1****\2"),
)
_DAYS = (
    rf"({_BEFORE}(?:19|20)[0-9]{{2}})([-./－．／][0-9]{{1,2}})([-./－．／][0-9]{{1,2}})({_AFTER})",
    rf"\1{MARK}\2{MARK}\3{MARK}\4",
)
_NUMBERS = (
    # bank card, 16 to 19 digits of an issuer's range, also in groups; an account behind the word for it: last 4 stay
    (
        rf"({_BEFORE})(?:[6６]{_GAP}[02０２]|[4４]{_GAP}{_N}|[5５]{_GAP}[1-5１-５])(?:{_GAP}{_N}){{10,13}}{_GAP}({_N}(?:{_GAP}{_N}){{2}}{_GAP}{_LAST})",
        r"\1************\2",
    ),
    (
        rf"({_BEFORE})(?:[6６][02０２]|[4４]{_N}|[5５][1-5１-５]){_N}{{2}}(?:{_WIDE}{_N}{{4}}){{2}}{_WIDE}(?:{_N}{{3}}({_N}{_WIDE}{_N}{{2}}{_LAST_OF_GROUPS})|({_N}{{3}}{_LAST_OF_GROUPS}))",
        r"\1************\2\3",
    ),
    (
        rf"({_ACCOUNT_WORD}{_FILLER}){_N}(?:{_GAP}{_N}){{7,20}}({_GAP}{_N}{_digits(2)}{_GAP}{_LAST})",
        r"\1************\2",
    ),
    # mobile number broken anywhere, in its groups with any sign between, each digit by itself, two in one run
    (
        rf"({_ONE}{_GAP}{_FROM_3}{_GAP}{_IN_MOBILE})(?:{_GAP}{_IN_MOBILE}){{4}}{_GAP}({_D}{_digits(2)}{_GAP}{_LAST})",
        r"\1****\2",
    ),
    (rf"({_ONE}{_FROM_3}{_D}){_SIGNS}{_IN_MOBILE}{{4}}{_SIGNS}({_D}{{3}}{_LAST_OF_GROUPS})", r"\1****\2"),
    (
        rf"({_ONE}{_SLASH}?{_FROM_3}{_SLASH}?{_D})(?:{_SLASH}?{_D}){{4}}{_SLASH}?({_D}(?:{_SLASH}?{_D}){{2}}{_SLASH}?{_LAST_OF_GROUPS})",
        r"\1****\2",
    ),
    (rf"({_ONE}[.．]{_FROM_3}[.．]{_D})(?:[.．]{_D}){{4}}[.．]({_D}(?:[.．]{_D}){{2}}[.．]{_LAST})", r"\1****\2"),
    (
        rf"({_ONE}{_FROM_3}{_N}){_N}{{4}}({_N}{{4}}[1１]{_FROM_3}{_N}){_N}{{4}}({_N}{{3}}{_LAST})",
        r"\1****\2****\3",
    ),
    # landline with its area, and without one behind the word for it
    (
        rf"({_BEFORE}(?:{_86}[0０]?|[0０])(?:[1１][0０]|[2２]{_N}|[3-9３-９][{_NOT_0}]{_N})[)）]?){_WIDE}[(（]?{_N}(?:{_GAP}{_N}){{2,3}}({_GAP}{_N}(?:{_GAP}{_N}){{2}}{_GAP}{_LAST})",
        r"\1-****\2",
    ),
    (rf"({_LANDLINE_WORD}[号码是为：:{_BLANK}{_LINE}]{{0,4}}){_N}{{3,4}}{_GAP}({_N}{{3}}{_LAST})", r"\1****\2"),
    # a passport or a pass behind the word for it, and one by its letter: first 1 and last 2 stay
    (
        rf"({_DOCUMENT_WORD}{_FILLER}(?:[{_LETTER}]{{1,3}}{_GAP})?)[(（]?{_N}{{3,10}}({_N}{{2}}[)）]?{_AFTER})",
        r"\1******\2",
    ),
    (rf"((?:{_DOCUMENT_WORD}{_FILLER}[A-Za-z])[0-9]{{6}})[(（]([0-9A])[)）]", r"\1\2"),
    (
        rf"((?:^|[^0-9{_LETTER}{MARK}-])(?:[EGHM]|E[A-Z]))(?:[013-9][0-9]|2[1-9])[0-9]{{3,4}}([0-9]{{2}}(?:[^0-9{_LETTER}-]|$))",
        r"\1******\2",
    ),
    # whatever is said in seven digits and more than a landline's
    (rf"({_S}(?:{_GAP}{_S}){{2}})(?:{_GAP}{_S}){{4,}}((?:{_GAP}{_S}){{4}})", r"\1****\2"),
)
STEPS = (*_KEPT, *_RESIDENTS, _DAYS, *_NUMBERS)
# One of these matches where a step that hides changes anything: RE2 reads four patterns at the price of one, and all of
# them in one at four hundred times it.
_HIDDEN = (*_RESIDENTS, *_NUMBERS)
ANY = tuple("|".join(pattern for pattern, _ in _HIDDEN[n : n + 4]) for n in range(0, len(_HIDDEN), 4))
_IN_A_ROW = f"[{_BLANK}{_LINE}{_POINT}()（）年月日]*"
# Text that none of the steps changes is told by one look, short to compile: no number of ten digits, none of the words.
GUARD = "|".join(
    (
        f"[{_A}{_SAID}OoＯlI](?:{_IN_A_ROW}{_IN_MOBILE}){{10}}",
        f"[{_A}{_SAID}lI]{_D}{{2}}{_SIGN}*{_IN_MOBILE}{{4}}{_SIGN}*{_D}{{4}}",
        f"[0０8８](?:{_IN_A_ROW}{_N}){{9}}",
        "[EGHM][A-Z]?[0-9]{7}",
        f"[{_A}日号月]生",
        *(word.strip("()?:") for word in (_LANDLINE_WORD, _DOCUMENT_WORD, _ACCOUNT_WORD)),
        "出生|生日|生于",
    )
)

_F = "[0-9０-９]"
# What no date and no amount is written with: a mobile number, fifteen digits and more.
DIGITS = f"{_F}{{15}}|(?:^|[^0-9０-９])[1１]{_GAP}[3-9３-９](?:{_GAP}{_F}){{9}}(?:[^0-9０-９]|$)"
