"""The source of the load benchmark: tickets of a county's 12345 hotline in three states, made by PostgreSQL itself.

    v0   `rows` tickets
    v1   v0 with 8 % of them changed and 2 % more, each with a later updated_at
    v2   v1 with the same once more
    csv  v0 as a department would hand it over: GB18030, header, an empty cell for NULL

Each state is a database of its own with one table `ticket`, so that whoever copies sees one source that moves on.
Every value is drawn by hashing the row's number, so the same rows come whatever the machine. They are kept
for the next run under a name that holds a digest of the statements that made them.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.ticket.content import COLUMNS, Content, content
from warehouse.engines.postgresql import Server, binaries

STATES = ("v0", "v1", "v2")
_DAY = 86_400_000_000  # microseconds
_SENTENCES = 50_000  # different texts; each ticket ends its own with a number

TABLE = """CREATE TABLE ticket (ticket_id bigint, ticket_no varchar(24) NOT NULL, created_at timestamp NOT NULL,
  updated_at timestamp NOT NULL, due_at timestamp, closed_at timestamp, dept_code varchar(18) NOT NULL,
  dept_name varchar(60) NOT NULL, category varchar(40) NOT NULL, channel varchar(20), status varchar(12) NOT NULL,
  title varchar(120) NOT NULL, content text, amount numeric(12,2), score integer)"""

_DEPARTMENTS = (
    "县市场监督管理局 县自然资源局 县住房和城乡建设局 县税务局 县政务服务中心 县人力资源和社会保障局 县城市管理局 县交通运输局 "
    "县自来水公司 县供电公司 县卫生健康局 县教育体育局 县生态环境分局 县公安局交警大队 县医疗保障局 县民政局"
)
_CATEGORIES = (
    "开办企业 获得用水 获得用电 办理建筑许可 登记财产 纳税 获得信贷 政务服务 劳动保障 物业纠纷 噪声扰民 道路交通"
)
_CHANNELS = "电话 微信 网站 小程序 窗口 NULL"
_STATUSES = "待派单 办理中 已办结 已回复 已归档 退回"
# 𠮷 has four bytes both in UTF-8 and in GB18030: the character that breaks two-byte decoders.
_WORDS = (
    "来电人反映 市民咨询 营业执照 窗口 提交材料 多次补正 三个工作日 没有答复 希望尽快 核实处理 自来水管 破裂 夜间施工 影响休息 "
    "不动产登记 税务申报 系统登录 失败 路灯 不亮 垃圾 清运不及时 学区 划分 医保 报销比例 退休手续 人民路 开发区 镇政府 𠮷祥家园 "
    "小区 业主 物业 停车收费 贷款审批 流程 不清楚 要求 有关部门 督促整改"
)


@dataclass(frozen=True)
class Sources:
    """Where the states lie and what each holds, by state."""

    rows: int
    urls: Mapping[str, str]
    contents: Mapping[str, Content]
    csv: Path


def prepare(server: Server, folder: Path, rows: int) -> Sources:
    """Make the states that are not there yet and read each once, so that the cache is alike for all who copy."""
    statements = [first(rows), *(changes(rows, version) for version in (1, 2))]
    digest = hashlib.sha256(repr((TABLE, statements)).encode()).hexdigest()[:8]
    names = [f"ticket_{rows}_{digest}_{state}" for state in STATES]
    for number, name in enumerate(names):
        if not _exists(server, name):
            _make(server, name, statements[number], names[number - 1] if number else None)
    urls = {state: server.url(name) for state, name in zip(STATES, names, strict=True)}
    csv = folder / f"{names[0]}.csv"
    if not csv.exists():
        _write_csv(urls["v0"], csv)
    return Sources(rows, urls, {state: content(url, "ticket") for state, url in urls.items()}, csv)


def first(rows: int) -> str:
    """The statements that fill v0."""
    sentences = min(rows, _SENTENCES)
    return f"""
CREATE TEMP TABLE sentence AS
SELECT i AS n, string_agg({_one_of(_WORDS, 1, "i * 32 + k")}, '' ORDER BY k) || '。' AS words
FROM generate_series(0::bigint, {sentences - 1}) i, generate_series(1, 24) k WHERE k <= 6 + {_draw(2, 18)} GROUP BY i;

INSERT INTO ticket
SELECT i, 'TK' || to_char(created_at, 'YYYYMMDD') || lpad(i::text, 10, '0'), created_at, updated_at,
  CASE WHEN {_draw(3, 10)} < 8 THEN created_at + INTERVAL '5 days' END, CASE WHEN {_draw(4, 10)} < 7 THEN updated_at END,
  upper('11' || left(md5(department), 16)), department, category,
  {_one_of(_CHANNELS, 5)}, {_one_of(_STATUSES, 6)},
  '关于' || category || '的诉求第' || {_draw(7, 100_000)} || '号', words || {_draw(8, 1_000_000)},
  CASE WHEN {_draw(9, 2)} = 0 THEN {_draw(10, 10_000_000)} / 100.0 END, CASE WHEN {_draw(11, 10)} < 6 THEN {_draw(12, 101)} END
FROM (
  SELECT i, created_at, created_at + {_draw(13, 7 * _DAY)} * INTERVAL '1 microsecond' AS updated_at,
    {_one_of(_DEPARTMENTS, 14)} AS department, {_one_of(_CATEGORIES, 15)} AS category
  FROM (
    SELECT i, TIMESTAMP '2026-01-01' + {_draw(16, 170 * _DAY)} * INTERVAL '1 microsecond' AS created_at
    FROM generate_series(1::bigint, {rows}) i
  ) AS dated
) AS drawn JOIN sentence ON n = {_draw(17, sentences)} ORDER BY i;
"""


def changes(rows: int, version: int) -> str:
    """The statements that lead to v1 and v2: 8 % of the first rows changed, others each time, and 2 % new ones."""
    at = f"TIMESTAMP '2026-{8 + version:02}-01' + ticket_id * INTERVAL '1 millisecond'"
    return f"""
UPDATE ticket SET status = '改派{version}', score = coalesce(score, 0) + 1, content = content || '第{version}次补充', updated_at = {at}
WHERE ticket_id <= {rows} AND ticket_id % 25 IN ({2 * version}, {2 * version + 1});

INSERT INTO ticket
SELECT {rows} + {version - 1} * ({rows} / 50) + ticket_id, 'TN{version}' || lpad(ticket_id::text, 10, '0'), {at}, {at}, {at} + INTERVAL '5 days', NULL,
  dept_code, dept_name, category, channel, '待派单', title, content || '新', amount, score
FROM ticket WHERE ticket_id <= {rows} / 50;
"""


def _draw(salt: int, choices: int, number: str = "i") -> str:
    """SQL of a whole number from 0 to choices - 1 that depends on the row's number and nothing else."""
    return f"((hashint8extended({number}, {salt}) & 9223372036854775807) % {choices})"


def _one_of(words: str, salt: int, number: str = "i") -> str:
    """SQL of one of the words, drawn like a number; NULL where the word is NULL."""
    return f"(string_to_array('{words}', ' ', 'NULL'))[1 + {_draw(salt, len(words.split()), number)}]"


def _exists(server: Server, name: str) -> bool:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def _make(server: Server, name: str, statements: str, older: str | None) -> None:
    """Build under another name, so that a state that was interrupted is not taken for whole."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS building WITH (FORCE)")
        connection.execute(f"CREATE DATABASE building TEMPLATE {older or 'template1'} STRATEGY file_copy")
        with psycopg.connect(server.url("building"), autocommit=True) as building:
            if older is None:
                building.execute(TABLE)
            building.execute(statements)
            if older is None:
                building.execute("ALTER TABLE ticket ADD PRIMARY KEY (ticket_id)")
                building.execute("CREATE INDEX ON ticket (updated_at)")
            building.execute("VACUUM (FULL, ANALYZE) ticket")
        connection.execute(f"ALTER DATABASE building RENAME TO {name}")


def _write_csv(url: str, path: Path) -> None:
    rows = f"SELECT {', '.join(COLUMNS)} FROM ticket ORDER BY ticket_id"
    half = path.with_suffix(".part")
    with half.open("wb") as file:
        command = [
            str(binaries() / "psql"),
            "-Xq",
            url,
            "-c",
            f"COPY ({rows}) TO STDOUT (FORMAT csv, HEADER, ENCODING 'GB18030')",
        ]
        subprocess.run(command, stdout=file, check=True)
    half.rename(path)
