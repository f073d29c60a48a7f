"""The county hub from Python: queries as pandas, Arrow or polars, by personal token.

    from hub_client import Hub
    hub = Hub("https://hub.example.gov", token="hub_…")        # or HUB_URL and HUB_TOKEN
    df = hub.query("SELECT * FROM hotline_overdue_open WHERE town = :t", t="城东街道")

Codes stay texts, decimals stay decimals. An answer that had to be cut raises Truncated unless a limit was given.
"""

from hub_client.client import Dataset, Hub
from hub_client.errors import HubClientError, NotAllowed, NotFound, SqlError, Truncated, Unavailable

__all__ = ["Dataset", "Hub", "HubClientError", "NotAllowed", "NotFound", "SqlError", "Truncated", "Unavailable"]
