"""The county hub from Python: queries as pandas, Arrow or polars, by personal token.

    from hub_client import Hub
    hub = Hub("https://hub.example.gov", token="hub_…")        # or HUB_URL and HUB_TOKEN
    df = hub.query("SELECT * FROM hotline_overdue_open WHERE town = :t", t="城东街道")
    hub.export("SELECT * FROM rectification_ledger", "台账.xlsx")
    engine = hub.engine(password="…")                          # SQLAlchemy on the same database, as the same role

Codes stay texts, decimals stay decimals. An answer that had to be cut raises Truncated unless a limit was given.
"""

from hub_client.client import Dataset, Hub
from hub_client.errors import (
    HubClientError,
    NotAllowed,
    NotFound,
    QueryTimeout,
    Refused,
    SqlError,
    Truncated,
    Unavailable,
)

__all__ = [
    "Dataset",
    "Hub",
    "HubClientError",
    "NotAllowed",
    "NotFound",
    "QueryTimeout",
    "Refused",
    "SqlError",
    "Truncated",
    "Unavailable",
]
