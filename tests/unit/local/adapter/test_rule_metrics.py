"""Events that match a rule are counted on any thread, and sent together."""

from threading import Thread

from local.adapter.rule_metrics import RuleMeter
from local.host import Metric


def test_matches_of_many_threads_are_one_datum_for_each_rule() -> None:
    meter = RuleMeter()

    def match() -> None:
        for _ in range(500):
            meter.record("new-data")
        meter.record("sweep")

    threads = [Thread(target=match) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meter.take() == [
        Metric("TriggeredRules", 1, "Count", {"RuleName": "new-data"}, None, 4000.0),
        Metric("TriggeredRules", 1, "Count", {"RuleName": "sweep"}, None, 8.0),
    ]
    assert meter.take() == []
