"""Bugs that were planted on purpose: histories that do not find them would not find others either.

Each is a small change of the real code, as somebody may make it who simplifies.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from tests.histories import bugs_of_others, bugs_of_retrain

Plant = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Bug:
    """A bug, what is wrong with it, and the project whose histories should find it."""

    name: str
    wrong: str
    project: str
    plant: Plant


BUGS: Mapping[str, Bug] = {
    bug.name: bug
    for bug in (
        Bug(
            "covers at the end",
            "what is asked for during a run counts as done",
            "flights",
            bugs_of_retrain.covers_at_the_end,
        ),
        Bug(
            "new token for each try",
            "a start that is tried again starts twice",
            "flights",
            bugs_of_retrain.new_token_for_each_try,
        ),
        Bug(
            "writes over others", "of two writers one is lost", "flights", bugs_of_retrain.writes_over_others
        ),
        Bug(
            "forgets when busy",
            "a throttle drops what is pending",
            "flights",
            bugs_of_retrain.forgets_when_busy,
        ),
        Bug(
            "acknowledges before it counts",
            "messages are deleted that were not counted",
            "flights",
            bugs_of_retrain.acknowledges_before_it_counts,
        ),
        Bug(
            "a person passes the lock",
            "two executions at once",
            "flights",
            bugs_of_retrain.a_person_passes_the_lock,
        ),
        Bug(
            "compares names alone",
            "an overwritten file is not new",
            "flights",
            bugs_of_retrain.compares_names_alone,
        ),
        Bug(
            "trusts its list",
            "a file that changes for a moment during a run stays unread",
            "flights",
            bugs_of_retrain.trusts_its_list,
        ),
        Bug(
            "never looks for what is lost",
            "an object whose event got lost stays unread",
            "flights",
            bugs_of_retrain.never_looks_for_what_is_lost,
        ),
        Bug(
            "quarantines whatever is there",
            "a corrected file is taken away",
            "flights",
            bugs_of_retrain.quarantines_whatever_is_there,
        ),
        Bug(
            "trains without cause", "a late duplicate trains", "flights", bugs_of_retrain.trains_without_cause
        ),
        Bug("sees no stranger", "starts beside a person's run", "flights", bugs_of_retrain.sees_no_stranger),
        Bug(
            "one bad message spoils the batch",
            "good events become dead letters",
            "flights",
            bugs_of_retrain.one_bad_message_spoils_the_batch,
        ),
        Bug(
            "never takes less",
            "a few files wait for others for ever",
            "prices",
            bugs_of_retrain.never_takes_less,
        ),
        Bug(
            "deploys the oldest approval",
            "not the newest approved model serves",
            "flights",
            bugs_of_others.deploys_the_oldest_approval,
        ),
        Bug(
            "promotes what one approved",
            "four eyes are two",
            "prices",
            bugs_of_others.promotes_what_one_approved,
        ),
        Bug(
            "takes a link twice",
            "who approved by it can reject by it",
            "prices",
            bugs_of_others.takes_a_link_twice,
        ),
        Bug(
            "remembers before it tells",
            "a crash swallows a message",
            "flights",
            bugs_of_others.remembers_before_it_tells,
        ),
        Bug(
            "keeps the end of an approval",
            "what was approved past the API never serves",
            "prices",
            bugs_of_others.keeps_the_end_of_an_approval,
        ),
        Bug(
            "one token for each approval",
            "what served before never comes back",
            "tips",
            bugs_of_others.one_token_for_each_approval,
        ),
        Bug(
            "believes every shadow",
            "a model serves whose answers are otherwise",
            "routes",
            bugs_of_others.believes_every_shadow,
        ),
        Bug(
            "posts once whatever comes of it",
            "a chat that refuses is told nothing",
            "tips",
            bugs_of_others.posts_once_whatever_comes_of_it,
        ),
        Bug(
            "ends a look before it tells",
            "a crash swallows a reason to train",
            "flights",
            bugs_of_others.ends_a_look_before_it_tells,
        ),
    )
}
