"""The one moment at which several readers of a table begin."""

from __future__ import annotations

import threading

from connectors.mysql_spool import Moment


def _read_together(readers: int, failing: int | None = None) -> tuple[list[str], list[BaseException]]:
    """Each waits, begins, and gives up at its end, as one does whose rows are few; what was done, and what went wrong."""
    done: list[str] = []
    wrong: list[BaseException] = []
    moment = Moment(readers, lambda: done.append("lock"), lambda: done.append("unlock"))

    def read(number: int) -> None:
        try:
            if number != failing:
                moment.ready()
                moment.begun()
        except threading.BrokenBarrierError as error:
            wrong.append(error)
        finally:
            moment.give_up()

    threads = [threading.Thread(target=read, args=(number,)) for number in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return done, wrong


def test_one_that_is_done_at_once_disturbs_no_other() -> None:
    for _ in range(20):
        assert _read_together(8) == (["lock", "unlock"], [])


def test_one_that_fails_lets_nobody_wait() -> None:
    done, wrong = _read_together(3, failing=1)
    assert done == []
    assert len(wrong) == 2
