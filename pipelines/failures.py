"""What a failed step does next: run again when that can help, else stop and tell.

A RetryPolicy retries every exception, and a dead source is the only one worth it: a wrong file or a changed
delivery fails the same way each time, and hammering a department's system with it harms. Such an error becomes
`dg.Failure(allow_retries=False)`, which stops the step's retries but not those of the run; for these the run
itself is marked. An unforeseen error's text may quote a row, so it goes to a private log and only its kind is told.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from schemas.errors import HubError

# 30 s, 60 s, 120 s, each ±: a source that restarts is back by then, one that is down is left to the next schedule.
RETRY = dg.RetryPolicy(max_retries=3, delay=30, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
NO_RUN_RETRY = {"dagster/retry_on_asset_or_op_failure": "false"}


@contextmanager
def told(context: dg.OpExecutionContext | dg.AssetExecutionContext, logs: Path) -> Iterator[None]:
    """Raise errors of the body so that Dagster repeats what can succeed by repeating, and nothing else.

    Raises:
        dagster.Failure: always in place of the error; `allow_retries` says whether the step's RetryPolicy applies.
    """
    try:
        yield
    except dg.Failure:
        raise
    except HubError as error:
        if not error.retryable:
            context.instance.add_run_tags(context.run.run_id, NO_RUN_RETRY)
        raise dg.Failure(str(error), metadata=_metadata(error), allow_retries=error.retryable) from None
    except Exception as error:
        context.instance.add_run_tags(context.run.run_id, NO_RUN_RETRY)
        path = _keep(logs, context.run.run_id, error)
        what = f"{type(error).__name__}：程序没有料到的错误。详情在 {path}，请交给数据工程师"
        raise dg.Failure(what, allow_retries=False) from None


def _metadata(error: HubError) -> dict[str, str]:
    return {
        name: text for name, text in (("哪里", error.where), ("什么不对", error.what), ("怎么办", error.cure)) if text
    }


def _keep(logs: Path, run: str, error: Exception) -> Path:
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = logs / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{run[:8]}.log"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as file:
        file.write("".join(traceback.format_exception(error)))
    return path
