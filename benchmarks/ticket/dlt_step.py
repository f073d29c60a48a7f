"""One step done by dlt, run by the Python of its own venv; same environment as step.py.

The quickest of its documented ways: connectorx reading Arrow in binary, the table replaced at first, then upserted;
for CSV, Arrow batches transcoded by pyarrow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import dlt
from dlt.sources.sql_database import sql_table

STEP, STATE = os.environ["STEP"], os.environ["STATE_DIR"]


def from_database() -> Any:
    """The source's table; with the cursor, only what came since the last step."""
    url = os.environ["SOURCE_URL"]
    return sql_table(
        credentials=url.replace("postgresql://", "postgresql+psycopg2://"),
        table="ticket",
        schema="public",
        backend="connectorx",
        backend_kwargs={"conn": url, "protocol": "binary"},
        reflection_level="full_with_precision",
        primary_key="ticket_id",
        incremental=None if STEP == "c_full" else dlt.sources.incremental("updated_at"),
    )


@dlt.resource(name="ticket", primary_key="ticket_id")
def from_csv() -> Iterator[Any]:
    """The file in Arrow tables of the source's types."""
    import pyarrow as pa
    import pyarrow.csv as pc

    instants = dict.fromkeys(("created_at", "updated_at", "due_at", "closed_at"), pa.timestamp("us"))
    types = {"ticket_id": pa.int64(), "amount": pa.decimal128(12, 2), "score": pa.int64(), **instants}
    texts = dict.fromkeys(
        ("ticket_no", "dept_code", "dept_name", "category", "channel", "status", "title", "content"), pa.string()
    )
    reader = pc.open_csv(
        os.environ["CSV"],
        read_options=pc.ReadOptions(encoding="gb18030", block_size=16 << 20),
        convert_options=pc.ConvertOptions(column_types={**types, **texts}, null_values=[""], strings_can_be_null=True),
    )
    for batch in reader:
        yield pa.Table.from_batches([batch])


def main() -> None:
    """Run the step named in STEP; the rows end up in bench.ticket."""
    pipeline = dlt.pipeline(
        "bench", pipelines_dir=STATE, destination=dlt.destinations.postgres(os.environ["TARGET_URL"]), dataset_name="bench"
    )  # fmt: skip
    resource = from_csv() if STEP == "w2_csv" else from_database()
    if STEP in {"a_initial", "w2_csv"}:
        resource.apply_hints(write_disposition="replace")
    else:
        merge = {"disposition": "merge", "strategy": "upsert"}
        resource.apply_hints(write_disposition={**merge, "skip_unchanged_rows": True} if STEP == "c_full" else merge)
    pipeline.run(resource).raise_on_failed_jobs()


if __name__ == "__main__":
    main()
