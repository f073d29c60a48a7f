"""A synthetic county whose departments' systems really run.

    python -m examples.county start [--scale 1] [--seed 7] [--home var]
    python -m examples.county status | advance | expected | stop

| department | system | form |
| --- | --- | --- |
| 市场监管局 | PostgreSQL `scjg` | register, people, former names, inspections |
| 政务服务中心 | MariaDB `zwfw` (SQLite where there is none) | cases and their steps |
| 12345 热线办 | HTTP interface, token, pages | tickets, events, assignments, callbacks |
| 不动产登记中心 | PostgreSQL `bdc` | exchange table with I/U/D |
| 税务局 | monthly .xls, one .xlsx | filings, refunds |
| 住建局, 供水公司 | CSV in GB18030, CSV in UTF-8 with BOM | permits, connections |
| 供电公司, 金融办, 投促局, 营商环境建设局, 评估办 | .xlsx as clerks make them | connections, loans, survey, rectification, evaluation |

`expected.json` beside the data says what must come of them, row by row. Nothing here is real: the division is
assigned to no county, resident ids and phones to nobody, names are drawn by lot.
"""
