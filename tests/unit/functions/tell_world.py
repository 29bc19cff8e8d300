"""SageMaker, the table, the topic and the chats, as telling sees them: in memory."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from tell import messages
from tell.channels import NotPosted
from tell.facts import Failure, Model
from tell.messages import Event, Notice
from tell.news import DAY, News
from tell.texts import Text, Writer

NOW = 1_790_000_000


class Crash(Exception):
    """The function's process died."""


class World:
    """SageMaker, the table, the topic and the chats, in memory; `crash` is at the nth write."""

    def __init__(self, *, people: int = 1, chats: Sequence[str] = ()) -> None:
        self.models: dict[int, Model] = {}
        self.failures: dict[str, Failure] = {}
        self.told: dict[str, str] = {}
        self.published: list[Text] = []
        self.posted: list[tuple[str, Notice]] = []
        self.broken: set[str] = set()
        self.now = NOW
        self.crash_in = -1
        self.people, self.chat_names = people, chats

    # Facts
    def model(self, arn: str) -> Model | None:
        return self.models.get(int(arn.rpartition("/")[2]))

    def newest(self, approval: str | None = None) -> Model | None:
        found = [m for m in self.models.values() if approval in (None, m.approval)]
        return max(found, key=lambda m: m.version, default=None)

    def failure(self, execution_arn: str) -> Failure:
        return self.failures[execution_arn]

    # Memory
    def value(self, id_: str) -> str | None:
        assert len(id_.encode()) <= 2_048
        return self.told.get(id_)

    def remember(self, id_: str, told: str = "") -> None:
        self._write()
        self.told[id_] = told

    # Topic
    def publish(self, text: Text) -> None:
        self._write()
        self.published.append(text)

    def _write(self) -> None:
        self.crash_in -= 1
        if self.crash_in == 0:
            raise Crash

    def chat(self, name: str) -> Any:
        def post(notice: Notice) -> None:
            if name in self.broken:
                raise NotPosted(f"{name} is down")
            self.posted.append((name, notice))

        return SimpleNamespace(name=name, post=post)

    def news(self) -> News:
        writer = Writer("flights", people=self.people)
        return News(
            writer,
            facts=self,
            memory=self,
            topic=self,
            chats=[self.chat(name) for name in self.chat_names],
            link=lambda version: f"https://api/link?t=for-{version}",
            clock=lambda: self.now,
        )

    def hears(self, kind: str, **detail: Any) -> list[Text]:
        """What is published of an event."""
        before = len(self.published)
        self.news().take(Event(kind, detail))
        return self.published[before:]

    def add(self, version: int, approval: str = "PendingManualApproval", *, age_days: float = 0) -> Model:
        created = int(self.now - age_days * DAY)
        self.models[version] = Model(
            version,
            f"arn/{version}",
            approval,
            created,
            "auc 0.75 is at least 0.7",
            "Its training took 62 s.",
        )
        return self.models[version]

    def registered(self, version: int, approval: str = "PendingManualApproval") -> list[Text]:
        """What is published of a package's event."""
        return self.hears(
            messages.PACKAGE,
            ModelPackageArn=f"arn/{version}",
            ModelApprovalStatus=approval,
            ModelPackageStatus="Completed",
        )
