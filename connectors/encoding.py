"""Text encodings of departments' files: recognised by rule, never guessed, turned into UTF-8 as a stream.

Statistical detectors misread short GBK texts, so the order is: byte-order mark, strict UTF-8, strict GB18030
(which contains GBK and GB2312) as long as it reads like Chinese, and otherwise a refusal that names the byte.
Text that was decoded wrongly and saved again is read back when nothing was lost, and refused when something was.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import BinaryIO

from schemas.errors import SourceChanged, SourceUnavailable

HEAD_BYTES = 1 << 18
# What a connector may declare. All but the first are read strictly.
DECLARED = (
    "auto", "utf-8", "gb18030", "gbk", "gb2312", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "big5", "big5hkscs", "latin-1",
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1257", "cp437", "cp850", "iso8859-2", "iso8859-15", "koi8-r", "mac-roman",
    "shift_jis", "cp932", "euc-jp", "euc-kr", "cp949",
)  # fmt: skip
_TAIL = 1 << 15
_LONGEST_LINE = 64 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SIGNATURES = (
    (b"PK\x03\x04", "Excel（xlsx）或压缩包"),
    (b"\xd0\xcf\x11\xe0", "Excel（xls）"),
    (b"%PDF", "PDF"),
    (b"\x1f\x8b", "gzip 压缩包"),
    (b"Rar!", "RAR 压缩包"),
    (b"{\\rtf", "Word 文档"),
)
# Two decodings, one after the other: GBK bytes once read as Latin-1, UTF-8 bytes once read as Latin-1 or as GBK.
GBK_AS_LATIN = "gbk-as-latin"
UTF8_AS_LATIN = "utf-8-as-latin"
UTF8_AS_GBK = "utf-8-as-gbk"
REPAIRED = (GBK_AS_LATIN, UTF8_AS_LATIN, UTF8_AS_GBK)
_LOST = ("锟斤拷", "ï¿½", "烫烫烫")
# What MySQL and Windows call latin1: cp1252, its five holes filled as in Latin-1.
LATIN = {ord(char): byte for byte in range(0x80, 0xA0) if (char := bytes([byte]).decode("cp1252", "ignore"))}
LATIN |= {code: code for code in range(256)}
_LONGER = re.compile(rb"[\xe0-\xff]")  # begins a character of three bytes or four in UTF-8
_DOUBLE = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]|[\x81-\xfe][0-9][\x81-\xfe][0-9]")
_HAN = re.compile("[\u4e00-\u9fff]")
_HZ = re.compile(rb"~\{(?:[!-}]{2})+~\}")
_CERTAIN = 4  # Chinese characters read as UTF-8 that no text in GB18030 gives by accident
_PLAIN_DOUBLE = re.compile(rb"[\xa1-\xa9\xb0-\xf7][\xa1-\xfe]")
_FREQUENT = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
    "十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形"
    "相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展"
    "五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战"
    "先回则任取据处队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权收证改清己美再采转更单风切打白"
    "教速花带安场身车例真务具万每目至达走积示议声报斗完类八离华名确才科张信马节话米整空元况今集温传土许步群广石记需段研界拉林律叫且"
    "究观越织装影算低持音众书布复容儿须际商非验连断深难近矿千周委素技备半办青省列习响约支般史感劳便团往酸历市克何除消构府称太准精值"
    "号率族维划选标写存候毛亲快效斯院查江型眼王按格养易置派层片始却专状育厂京识适属圆包火住调满县局照参红细引听该铁价严首底液官德随"
    "企街镇村乡址码登注册营开户账额款项税费投诉举报热线工单时间日期状态备注电话姓名编号单位企业名称统计人口地区合计万元亩季度"
    "张王李刘陈杨赵黄周吴徐孙胡朱郭罗梁宋郑谢韩唐冯董程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛潘杜戴夏钟汪姜范姚谭邹熊陆郝崔邱秦侯邵孟雷钱伟"
    "芳娜敏静丽磊洋勇艳杰娟涛超秀霞刚桂英玉兰"
)
# What only Chinese written in traditional characters has often, as in Big5.
_TRADITIONAL = frozenset(
    "個們來說這為國時會對發電話號碼縣鎮鄉區戶數總計統單稱業務員費賬開關門長東車馬書學問題實點線體營銷產經濟財報記錄錯過還進達運動機構設備類別項"
    "額幣銀負責註狀態處辦結投訴舉熱華張陳劉楊趙黃吳孫郭羅鄭謝韓許鄧馮蔣蘇葉呂蕭潘龍鳳風雲飛島鐵銅鋼錢價質買賣農漁貨備辦歲歷廠廣應當麗"
    "學習見間還給與從後讓誰請論議講許證識讀調試該詳語誤設計劃則劑醫療藥護養勞務無愛憂樂歡觀覺親貝貢貴賀資賓賞賴贊贈趕趨跡車軍軌軟轉輪輸農遠適選遺鄰釋鈴錦鏡閱陸陰陽際隊階隨險隱雖雙雜離難電靈靜順須頁頂頭顏願類顯飯飲館驗鬥魚鳥鮮鹽麥齊齒齡蘭藝節莊萬葉著蓋藍蟲衛裝裡複覽億價優償兒內兩冊凍創劇劍勝勞勢區協單參雙變號喪嗎嘆園圖圓團壓壞壽夢夾奪婦媽嬰孫寧寶實寫審對導將專尋層屬岡崗峽嶺嶽幫幹庫廟彈強彙徑徹恆惡惱愛慶憲懷戰戲拋換損搖搶撥擇擊擋擔據擬擴攝敗敘斷於昇曉暫曬條棟楓極榮構槍樑樓樣樹橋橫檔檢權歐歸殘殺殼決沒沖況洩準溝溫滅滾漲濟灣濕營爐爭爺牆獎獨獲瑪環瓊產畝畢畫異痙盜盡監盤睏確礙禮禍種稅穩窮窯竇競筆築簡簽籃糧紅紀約純紙級紡素索紫細終組絕絡統絲綠維綱網緊線編緣練縫織繳繼續纖罰羅義聖聞聯聲職聽肅腦腳膽臉臨舊艙艦蘆虛"
)
_COMMON = _FREQUENT | _TRADITIONAL


def head(path: Path) -> bytes:
    """The first bytes of a file, by which its encoding is told."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def recognise(path: Path, valid: str | None, declared: str, wanted: Collection[str], where: str) -> str:
    """The codec of a file. `valid` says that the whole file is valid UTF-8.

    Raises:
        SourceChanged: it is no text at all, damaged, or in an encoding that has to be declared.
        SourceUnavailable: it is UTF-8 that ends within a character.
    """
    start = head(path)
    for signature, kind in _SIGNATURES:
        if start.startswith(signature):
            raise SourceChanged(where, f"内容是{kind}，不是文本", "请部门另存为 CSV，或把连接器的驱动改为 file")
    for mark, codec in _MARKS:
        if start.startswith(mark):
            return codec
    if declared != "auto":
        return "gb18030" if declared in ("gbk", "gb2312") else declared
    if wide := _wide(start):
        return wide
    if start.count(0) * 20 > len(start):
        raise SourceChanged(where, "内容不是文字", "请部门另存为 CSV 或 Excel 后重发")
    if valid and (seven := _seven_bits(start)):
        raise SourceChanged(where, f"文字是用 {seven} 编码的", "请部门用 UTF-8 或 GB18030 重新导出")
    if valid:
        if any(name.encode("gb18030") in start for name in wanted if not name.isascii()) or is_utf8_by_chance(start):
            return "gb18030"
        return _spoilt(start.decode(errors="ignore"), where) or valid
    _refuse_mixed(start, where)
    ours = any(not name.isascii() and name.encode("gb18030") in start for name in wanted)
    if not ours and _is_traditional(start):
        raise SourceChanged(
            where, "像是 Big5 编码的繁体字，按 GB18030 会读成别的字", "请在 encoding 里写 big5，或用 UTF-8 重新导出"
        )
    # The mapped column names, found as UTF-8 bytes, say that UTF-8 was meant and the file is damaged.
    if any(not name.isascii() and name.encode() in start for name in wanted):
        _refuse_damaged(path, where)
    if not (ours or is_chinese(start)):
        raise SourceChanged(
            where, "文字既不是 UTF-8，也不像 GB18030 的中文", "请在 encoding 里写明编码（如 latin-1、cp1252、big5、shift_jis），或用 UTF-8 重新导出"
        )  # fmt: skip
    return "gb18030"


def _wide(head: bytes) -> str | None:
    """UTF-16 or UTF-32 without its mark: every second byte of its ASCII characters is zero, or three of four."""
    sample = head[: 4096 & ~1]
    if len(sample) < 4 or sample.count(0) * 10 < len(sample):
        return None
    if not any(sample[2::4]) and sample.count(0) * 2 > len(sample) and not any(sample[3::4]):
        return "utf-32-le"
    if not any(sample[0::4]) and not any(sample[1::4][:1]) and sample.count(0) * 2 > len(sample):
        return "utf-32-be"
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    # A line feed in the upper half of a character is a line feed of another encoding, beside a stray zero.
    if odd > 4 * even and 10 not in sample[1::2]:
        return "utf-16-le"
    return "utf-16-be" if even > 4 * odd and 10 not in sample[::2] else None


def _seven_bits(head: bytes) -> str | None:
    """HZ or UTF-7, which write Chinese in ASCII; None for other texts."""
    if len(_HZ.findall(head)) > 1:
        return "HZ"
    if not head.isascii() or b"+" not in head:
        return None
    han = _HAN.findall(head.decode("utf-7", "ignore"))
    return "UTF-7" if len(han) >= _CERTAIN and sum(char in _FREQUENT for char in han) * 2 > len(han) else None


def _spoilt(text: str, where: str) -> str | None:
    """The pair of decodings that reads the text back, None for text that was never spoilt.

    Raises:
        SourceChanged: it was, and what was lost cannot be had back.
    """
    if lost := next((mark for mark in _LOST if mark in text), None):
        raise SourceChanged(
            where, f"文字已成乱码（如“{lost}”），原文无法恢复", "请部门用 UTF-8 或 GB18030 从源系统重新导出"
        )
    odd = [char for char in text if char > "\x7f"]
    if len(odd) < 4:
        return None
    if odd.count("\ufffd") * 20 > len(odd) or (odd.count("\ufffd") > 50):
        raise SourceChanged(where, "文字里有大量 �，原文已丢失", "请部门用 UTF-8 或 GB18030 从源系统重新导出")
    if all(ord(char) in LATIN for char in odd):
        again = text.translate(LATIN).encode("latin-1")
        if _decodes(again, "utf-8"):
            return UTF8_AS_LATIN if len(_HAN.findall(again.decode(errors="ignore"))) > 1 else None
        return GBK_AS_LATIN if _decodes(again, "gb18030") and is_chinese(again) else None
    if sum("\u4e00" <= char <= "\u9fff" for char in odd) * 2 > len(odd):
        return UTF8_AS_GBK if len(odd) >= 8 and _decodes(text.encode("gb18030", "replace"), "utf-8") else None
    return None


def _decodes(data: bytes, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def is_chinese(data: bytes) -> bool:
    """Whether bytes read as GB18030 are Chinese text, not another language's letters paired by accident."""
    pairs = [pair for pair in _DOUBLE.findall(data) if len(pair) == 2 or not _decodes(pair, "gb18030")]
    plain = [pair for pair in pairs if _PLAIN_DOUBLE.fullmatch(pair)]
    if not pairs:
        return not any(byte > 0x7F for byte in data)
    if len(plain) * 10 < len(pairs) * 7:  # traditional characters lie elsewhere
        common = [pair.decode("gb18030") in _COMMON for pair in pairs if len(pair) == 2 and _decodes(pair, "gb18030")]
        return len(common) >= _CERTAIN and sum(common) * 2 > len(pairs)
    # Korean lies in the same places: but half the characters of any Chinese text are of the few hundred most frequent.
    han = [pair.decode("gb18030") for pair in plain if pair[0] >= 0xB0]
    return len(han) < 40 or is_common(han)


def is_common(han: Collection[str]) -> bool:
    """Whether a quarter of the characters are of the few hundred most frequent ones."""
    return sum(char in _FREQUENT for char in han) * 4 > len(han)


def is_utf8_by_chance(data: bytes) -> bool:
    """Whether bytes that are valid UTF-8 are Chinese in GB18030: 状态 reads as two letters of other scripts in UTF-8.

    All characters would be of two bytes, which Chinese in UTF-8 never are, and in GB18030 most are of the most frequent ones.
    """
    if data.isascii() or _LONGER.search(data) or not _decodes(data, "utf-8") or not _decodes(data, "gb18030"):
        return False
    han = {char for char in data.decode("gb18030", errors="ignore") if char > "\x7f"}
    return len(han) > 1 and sum(char in _FREQUENT for char in han) * 3 >= len(han) * 2


def may_be_korean(data: bytes) -> bool:
    """Whether bytes read as GB18030 are as well Korean in EUC-KR: too short a text to tell, all of it where hangul lie."""
    pairs = _DOUBLE.findall(data)
    if (
        not pairs
        or not all(0xB0 <= pair[0] <= 0xC8 and len(pair) == 2 for pair in pairs)
        or not _decodes(data, "euc-kr")
    ):
        return False
    return sum(_decodes(pair, "gb18030") and pair.decode("gb18030") in _COMMON for pair in pairs) * 2 < len(pairs)


def _is_traditional(data: bytes) -> bool:
    """Whether bytes that are valid as GB18030 and as Big5 make common words as Big5 rather."""
    try:
        ours, theirs = (codecs.getincrementaldecoder(codec)().decode(data) for codec in ("gb18030", "big5"))
    except UnicodeDecodeError:
        return False
    han = [[char for char in text if "\u4e00" <= char <= "\u9fff"] for text in (ours, theirs)]
    if not han[1]:
        return False
    simple = sum(char in _COMMON for char in han[0]) / max(len(han[0]), 1)
    common = sum(char in _COMMON for char in han[1])
    return common > 1 and common / len(han[1]) > max(simple + 0.1, 0.3)


def _refuse_mixed(head: bytes, where: str) -> None:
    """Nothing, unless some lines are Chinese in UTF-8 and others Chinese in GB18030: read as one they are mojibake."""
    han, ours, theirs = 0, 0, 0  # characters of the lines in UTF-8, and the first line of either kind
    for number, line in enumerate(head.split(b"\n")[:-1], 1):
        if line.isascii():
            continue
        if _decodes(line, "utf-8"):
            count = len(_HAN.findall(line.decode(errors="ignore")))
            han, ours = han + count, ours or (number if count else 0)
        elif not theirs and _decodes(line, "gb18030") and is_chinese(line):
            theirs = number
    if theirs and han >= _CERTAIN:
        raise SourceChanged(
            where, f"文件里有两种编码：第 {ours} 行是 UTF-8，第 {theirs} 行是 GB18030，像是两个文件拼成的", "请部门用一种编码重新导出，或分成两个文件重发"
        )  # fmt: skip


def _refuse_damaged(path: Path, where: str) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        before = 0
        while block := file.read(1 << 20):
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                raise _unreadable(where, "UTF-8", before - held + error.start, error) from None
            before += len(block)
    raise SourceUnavailable(where, "文件在一个字的中间断了，可能没有传完", "等传完后会自动重试；总是这样时请部门重发")


def _unreadable(where: str, encoding: str, place: int, error: UnicodeDecodeError) -> SourceChanged:
    found = error.object[error.start : error.start + 2].hex(" ")
    return SourceChanged(
        where, f"第 {place + 1} 个字节（{found}）不是有效的 {encoding} 编码", "请部门用 GB18030 或 UTF-8 编码重新导出"
    )


class Transcoder:
    """A file as a stream of UTF-8 bytes from a given line on, read block by block, its lines ending in LF.

    Quotation marks are counted and the `tail` is kept on the way. NUL becomes U+FFFD: no database takes a NUL,
    and the row is then set aside as damaged. `edit` is given whole lines and returns what to read in their place;
    `mend` then the UTF-8 bytes, and whether they are the last, and may hold some back.

    Raises:
        SourceChanged: while reading, at a byte that is no valid text; its place is told.
        SourceUnavailable: the file ends within a character.
    """

    closed = False

    def __init__(
        self, file: BinaryIO, codec: str, where: str, skip_lines: int = 0, *, quote: str | None = '"',
        edit: Callable[[str], str] | None = None, mend: Callable[..., bytes] | None = None,
    ) -> None:  # fmt: skip
        self._file, self._codec, self._where, self._skip = file, codec, where, skip_lines
        self._quote, self._edit, self._held = (quote or "").encode(), edit, ""
        self._mend = mend
        first = "utf-8-sig" if codec in ("utf-8", *REPAIRED) else codec
        self._decoder = codecs.getincrementaldecoder(first)("strict")
        again = "gb18030" if codec == GBK_AS_LATIN else "utf-8"
        self._again = codecs.getincrementaldecoder(again)("strict") if codec in REPAIRED else None
        self._fed = 0
        self._returns: bool | None = None  # whether lines end in "\r" alone
        self.quotes = 0
        self.tail = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Never."""
        return False

    def writable(self) -> bool:
        """Never."""
        return False

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        """The UTF-8 of the next block; b"" only at the end."""
        while True:
            block = self._file.read(size if size > 0 else 1 << 22)
            text = self._decoded(block)
            if self._returns is None and text:
                self._returns = "\r" in text and "\n" not in text
            if self._returns:
                text = text.replace("\r", "\n")
            if self._skip and text:
                text = self._after_skipped(text)
            if self._edit is not None:
                text = self._edited(text, final=not block)
            data = text.encode()
            if b"\0" in data:
                data = data.replace(b"\0", "\ufffd".encode())
            if self._mend is not None:
                data = self._mend(data, final=not block)
            if data or not block:
                break
        if self._quote:
            self.quotes += data.count(self._quote)
        self.tail = (self.tail + data)[-_TAIL:]
        return data

    @property
    def ends_with_newline(self) -> bool:
        """Whether the last line is a whole one."""
        return self.tail.endswith(b"\n")

    def _edited(self, text: str, *, final: bool) -> str:
        whole = self._held + text
        cut = len(whole) if final else whole.rfind("\n") + 1
        whole, self._held = whole[:cut], whole[cut:]
        if len(self._held) > _LONGEST_LINE:
            raise SourceChanged(self._where, "有一行超过 64 MB", "请部门核对分隔符和引号后重新导出")
        return self._edit(whole) if self._edit and whole else whole

    def _decoded(self, block: bytes) -> str:
        state = self._decoder.getstate()[0]
        held = len(state) if isinstance(state, bytes) else 0
        try:
            text = self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            if not block:
                raise SourceUnavailable(
                    self._where, "文件在一个字的中间断了，可能没有传完", "等传完后会自动重试；总是这样时请部门重发"
                ) from None
            raise _unreadable(self._where, self._codec.upper(), self._fed - held + error.start, error) from None
        except UnicodeError:  # UTF-16 without its mark
            raise SourceChanged(
                self._where, f"内容不是 {self._codec.upper()} 编码", "请核对 source.encoding，或去掉它让程序自己识别"
            ) from None
        self._fed += len(block)
        return text if self._again is None else self._read_back(text, final=not block)

    def _read_back(self, text: str, *, final: bool) -> str:
        """Text that was decoded wrongly once, decoded as it should have been."""
        try:
            data = text.encode("gb18030") if self._codec == UTF8_AS_GBK else text.translate(LATIN).encode("latin-1")
            return self._again.decode(data, final) if self._again else text
        except UnicodeError:
            raise SourceChanged(
                self._where, f"第 {self._fed} 个字节之前有无法恢复的乱码", "请部门用 UTF-8 或 GB18030 从源系统重新导出"
            ) from None

    def _after_skipped(self, text: str) -> str:
        for match in re.finditer("\n", text):
            self._skip -= 1
            if not self._skip:
                return text[match.end() :]
        return ""
