"""One step of the load benchmark, as a whole process: what a cron job of the hub would do.

Environment: SOURCE_URL, TARGET_URL (postgresql://…), STATE_DIR (the hub home), STEP a_initial | b_cursor | c_full | w2_csv, CSV.
The rows end up in shared.ticket. Great Expectations is left out, as the peers judge nothing; rules, landing,
history and provenance are in.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run the step named in STEP and print what became of the rows, one JSON object a delivery."""
    os.environ["HUB_CONTRACTS"] = str(HERE / "contracts")
    os.environ["HUB_DATABASE_URL"] = os.environ["TARGET_URL"]
    os.environ["HUB_SOURCE_BENCH_URL"] = os.environ.get("SOURCE_URL", "")
    os.environ["HUB_SOURCE_BENCH_CSV"] = os.environ.get("CSV", "")
    from connectors.spec import load as load_connector
    from warehouse.home import Home
    from warehouse.load import load

    step = os.environ["STEP"]
    name = "csv" if step == "w2_csv" else "cursor"
    connector = load_connector(HERE / "departments" / "bench" / f"{name}.yaml")
    if step == "c_full":
        connector = replace(connector, mode="full")
    for result in load(connector, Home(os.environ["STATE_DIR"])):
        print(json.dumps(asdict(result), ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
