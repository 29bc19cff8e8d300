"""The steps of a history by which models are told of, decided on, served and watched."""

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.histories.people import Wish
from tests.histories.turmoil import SECONDS, TROUBLE, Turmoil, Wrong

WISHES: tuple[Wish, ...] = ("approve", "reject")


class Deciding(Turmoil):
    """What people decide, and what the functions do about it."""

    @precondition(lambda self: "tell" in self.world.functions.waiting())
    @rule(trouble=TROUBLE)
    def tell(self, trouble: Wrong) -> None:
        """People are told what there is to tell, and something goes wrong meanwhile."""
        with self.with_trouble(trouble):
            self.world.functions.wake("tell")

    @precondition(lambda self: "promote" in self.world.functions.waiting())
    @rule(trouble=TROUBLE, ends=st.booleans())
    def promote(self, trouble: Wrong, ends: bool) -> None:
        """What was decided on is looked at, and something goes wrong meanwhile; an update may end at once."""
        with self.with_trouble(trouble):
            self.world.functions.wake("promote")
        if ends:
            self.world.end_update()

    @precondition(lambda self: self.world.account.registry.packages)
    @rule(unlike=st.booleans(), past_the_api=st.booleans(), back=st.booleans())
    def serve(self, unlike: bool, past_the_api: bool, back: bool) -> None:
        """The newest model goes into service, without any trouble, unless it answers otherwise.

        Somebody may have approved it in the console before, or take it back at once.
        """
        newest = max(self.world.account.registry.packages)
        if unlike:
            self.world.comparing.unlike.add(self.world.account.registry.arn(newest))
        if past_the_api:
            self.world.approve(newest)
            self.world.functions.wake("promote")
        self.world.serve()
        if back:
            self.world.reject(newest)

    @precondition(lambda self: self.world.watching.there and self.world.account.cloudformation.package)
    @rule(drifting=st.booleans(), worse=st.booleans(), trouble=TROUBLE)
    def look(self, drifting: bool, worse: bool, trouble: Wrong) -> None:
        """Calls come for a day and are looked at; something goes wrong when the findings are there."""
        world = self.world
        world.watching.drifting, world.watching.worse = drifting, worse
        world.watching.call(3)
        world.advance(90_000)
        world.tick("look")
        world.functions.wake("monitor")
        for execution in world.account.pipelines.executing(world.watching.name):
            world.finish(execution)
        with self.with_trouble(trouble):
            world.functions.wake("monitor")

    @precondition(lambda self: self.world.account.registry.packages)
    @rule(data=st.data(), approves=st.booleans(), breaks=st.booleans(), unlike=st.booleans())
    def review(self, data: st.DataObject, approves: bool, breaks: bool, unlike: bool) -> None:
        """A person approves a version, or rejects it; it may not survive its deployment, or a comparison."""
        registry = self.world.account.registry
        version = data.draw(st.sampled_from(sorted(registry.packages)))
        if breaks:
            self.world.account.cloudformation.broken.add(registry.arn(version))
        if unlike:
            self.world.comparing.unlike.add(registry.arn(version))
        if approves:
            self.world.approve(version)
        else:
            self.world.reject(version)

    @precondition(lambda self: self.world.people.needed and self.world.account.registry.packages)
    @rule(data=st.data(), who=st.sampled_from(["ann", "bob"]), wish=st.sampled_from(WISHES), trouble=TROUBLE)
    def decide(self, data: st.DataObject, who: str, wish: Wish, trouble: Wrong) -> None:
        """A person decides by the signed API, and the function may break while it writes that down."""
        version = data.draw(st.sampled_from(sorted(self.world.account.registry.packages)))
        with self.with_trouble(trouble):
            self.world.people.decide(version, who, wish)

    @precondition(lambda self: self.world.people.needed and self.world.people.links())
    @rule(
        data=st.data(),
        wishes=st.lists(st.sampled_from(WISHES), min_size=1, max_size=2),
        seconds=SECONDS,
        trouble=TROUBLE,
    )
    def follow_link(self, data: st.DataObject, wishes: Sequence[Wish], seconds: int, trouble: Wrong) -> None:
        """Somebody follows one of the links that were sent, and perhaps once more."""
        self.world.advance(seconds)
        token = data.draw(st.sampled_from(self.world.people.links()[-2:]))
        self.world.people.open(token)
        for number, wish in enumerate(wishes, start=1):
            with self.with_trouble(trouble if number == len(wishes) else {}):
                self.world.people.follow(token, wish)

    @precondition(lambda self: self.world.watching.there)
    @rule(
        files=st.integers(0, 3),
        drifting=st.booleans(),
        worse=st.booleans(),
        labels=st.booleans(),
        day=st.booleans(),
    )
    def call(self, files: int, drifting: bool, worse: bool, labels: bool, day: bool) -> None:
        """The model in service is asked, by what changes or not; the truth may come, or the next look."""
        watching = self.world.watching
        watching.drifting, watching.worse = drifting, worse
        watching.call(files)
        if labels:
            watching.label()
        if day:
            self.world.advance(90_000)
            self.world.tick("look")

    @rule()
    def end_update(self) -> None:
        """The update of the serving stack ends."""
        self.world.end_update()
