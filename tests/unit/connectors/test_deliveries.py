"""Batches of a delivery, and probes that cannot hang."""

import time

import pyarrow as pa

from connectors import probe
from connectors.batches import text_array, without_nul
from connectors.drivers.base import Delivery, regrouped
from connectors.references import Secrets
from schemas.errors import ConfigError


def batches(*sizes):
    return [pa.RecordBatch.from_pydict({"a": pa.array(range(size), pa.int64())}) for size in sizes]


def test_small_batches_are_put_together():
    assert [b.num_rows for b in regrouped(batches(10, 0, 20, 30), rows=50)] == [30, 30]
    assert [b.num_rows for b in regrouped(batches(*[10_000] * 12))] == [30_000] * 4


def test_large_batches_are_passed_on_uncopied():
    large = batches(40_000)
    assert next(iter(regrouped(large))) is large[0]


def test_an_empty_batch_is_given_only_alone():
    assert [b.num_rows for b in regrouped(batches(0, 0))] == [0]
    assert [b.num_rows for b in regrouped(batches(0, 5))] == [5]
    assert list(regrouped([])) == []


def test_nul_is_replaced_only_where_it_is():
    clean = pa.RecordBatch.from_pydict({"a": ["x", None], "b": [1, 2]})
    assert without_nul(clean) is clean
    assert without_nul(pa.RecordBatch.from_pydict({"a": ["x\0", None]})).to_pydict() == {"a": ["x\ufffd", None]}


def test_blank_texts_are_null():
    assert text_array(["a", "", None, " "]).to_pylist() == ["a", None, None, " "]


def test_findings_are_told_once():
    delivery = Delivery("x", "full", lambda d: [])
    delivery.find("a", "b")
    delivery.find("a", "b")
    assert len(delivery.findings) == 1


class Slow:
    where = "dept/x"

    def __init__(self, *steps):
        self.secrets, self._steps, self.cancelled = Secrets(), steps, False
        self.secrets.add("geheim")

    def steps(self):
        return self._steps

    def cancel(self):
        self.cancelled = True


def test_probe_gives_up_on_a_step_that_hangs(monkeypatch):
    monkeypatch.setattr(probe, "STEP_SECONDS", 0.1)
    slow = Slow(("resolve", lambda: time.sleep(1) or ""), ("connect", lambda: ""))
    [step] = probe.run(slow)
    assert (step.name, step.ok, slow.cancelled) == ("resolve", False, True)
    assert "没有结果" in step.message


def test_probe_hides_secrets_and_reports_whatever_happens():
    def refuse():
        raise ConfigError("dept/x", "geheim 不对", "改 geheim")

    def break_down():
        raise RuntimeError("geheim")

    for action in (refuse, break_down):
        [step] = probe.run(Slow(("login", action)))
        assert not step.ok
        assert "geheim" not in step.message + step.cure
