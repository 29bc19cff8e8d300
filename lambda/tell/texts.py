"""What people read: what happened, why, what it costs, and what to do. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tell.facts import Failure, Model

# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: a subject has less than 100 ASCII characters.
SUBJECT_LENGTH = 99
# A mail of SNS has 256 KB at most; chats show less.
LONGEST_LINE = 2_000
KINDS = {
    "schedule": "the schedule",
    "drift": "a change of the calls",
    "quality": "worse answers",
}


@dataclass(frozen=True)
class Text:
    """A message: its subject on one line, and its paragraphs."""

    subject: str
    lines: Sequence[str]

    @property
    def body(self) -> str:
        """The paragraphs, without those that say nothing."""
        return "\n\n".join(line[:LONGEST_LINE] for line in self.lines if line)


@dataclass(frozen=True)
class Writer:
    """Writes for one project; `people` have to approve a model (0: none), which an endpoint then `serves`."""

    project: str
    people: int = 1
    serves: bool = True

    def waits(self, model: Model, link: str = "") -> Text:
        """A new model that a person decides on."""
        return self._text(
            f"version {model.version} waits for your decision",
            f"A new model of {self.project}, version {model.version}, has passed its gates and waits "
            "for your decision.",
            f"Why: {model.verdict}" if model.verdict else "",
            model.cost,
            f"What it is worth: sageloop report {model.version} --open -p {self.project}",
            self._approve(model.version),
            self._by_link(link) if link else "",
            self._until_then(),
        )

    def _approve(self, version: int) -> str:
        what = "put it into service" if self.serves else "approve it"
        return f"To {what}: sageloop approve {version} -p {self.project}{self._people()}"

    def _people(self) -> str:
        return " (two different people have to, each with this command)" if self.people > 1 else ""

    def _by_link(self, link: str) -> str:
        counts = ", which counts as one of the two" if self.people > 1 else ""
        return f"Or approve or reject it in your browser{counts}: {link}"

    def _until_then(self) -> str:
        return "Until then the model in service stays as it is." if self.serves else ""

    def still_waits(self, model: Model, days: int) -> Text:
        """The same, some days later."""
        return self._text(
            f"version {model.version} still waits for your decision",
            f"Version {model.version} of {self.project} has waited for {days} days, and is the newest.",
            f"Why: {model.verdict}" if model.verdict else "",
            f"What it is worth: sageloop report {model.version} --open -p {self.project}",
            self._approve(model.version),
            "You will not be reminded again.",
        )

    def approved_by_its_gates(self, model: Model) -> Text:
        """A new model that nobody is asked about."""
        goes = "goes into service by itself" if self.serves else "is the one that new ones are compared with"
        return self._text(
            f"version {model.version} has passed its gates",
            f"A new model of {self.project}, version {model.version}, has passed its gates and {goes}.",
            f"Why: {model.verdict}" if model.verdict else "",
            model.cost,
            f"How far it is: sageloop status -p {self.project}",
            f"To go back to the one before: sageloop rollback -p {self.project}",
        )

    def incomplete(self, detail: Mapping[str, Any]) -> Text:
        """An approval that is not enough."""
        version = detail.get("version")
        return self._text(
            f"version {version} needs another approval",
            f"Version {version} of {self.project} is not in service yet.",
            f"Why: {detail.get('reason', 'two different people have to approve it')}.",
            f"To approve it as another person: sageloop approve {version} -p {self.project}",
        )

    def refused(self, execution: str, failure: Failure) -> Text:
        """A training whose model is not good enough."""
        return self._text(
            "a trained model did not pass its gates",
            f"Run {execution} of {self.project} has trained a model that did not pass its gates.",
            f"Why: {failure.reason}",
            failure.cost,
            "The model in service stays as it is: there is nothing that you have to do.",
            f"The comparison: sageloop report {execution} --open -p {self.project}",
        )

    def failed(self, execution: str, failure: Failure) -> Text:
        """A training that broke."""
        where = f" in step {failure.step}" if failure.step else ""
        return self._text(
            f"a training failed{where}",
            f"Run {execution} of {self.project} failed{where}.",
            f"Why: {failure.reason}",
            "The model in service stays as it is.",
            f"What was written until then: sageloop logs --run {execution} -p {self.project}",
            f"Once that is repaired: sageloop retrain -p {self.project}",
        )

    def skipped(self, detail: Mapping[str, Any], kinds: Sequence[str]) -> Text:
        """A training that was wanted, and for which there is nothing new to learn from."""
        wanted = " and ".join(KINDS[kind] for kind in kinds)
        return self._text(
            "nothing new to learn from",
            f"{wanted[:1].upper()}{wanted[1:]} asked for a training of {self.project}, and none was started.",
            f"Why: {detail.get('reason', 'there is nothing new')}. The same rows would give the same model.",
            f"What helps: new rows with their labels (sageloop upload FILES -p {self.project}).",
            f"To train on the same rows all the same: sageloop retrain -p {self.project}",
        )

    def quarantined(self, detail: Mapping[str, Any]) -> Text:
        """Data that training could not use."""
        objects: Sequence[Mapping[str, Any]] = detail.get("objects", ())
        more = int(detail.get("more", 0))
        lines = [_refused(each) for each in objects]
        lines += [f"and {more} more objects"] if more else []
        count = len(objects) + more
        several = "files were" if count != 1 else "file was"
        return self._text(
            f"{count} {several} refused",
            f"{count} {several} refused by the training of {self.project} and put apart. The others are "
            "used.",
            "\n".join(line[:LONGEST_LINE] for line in lines),
            f"To upload what you have corrected, under its old name: sageloop upload FILE -p {self.project}",
            f"To let pass what is right as it is: sageloop quarantine release FILE -p {self.project}",
            f"To list them: sageloop quarantine -p {self.project}",
        )

    def found(self, kind: str, detail: Mapping[str, Any], model: Model | None) -> Text:
        """A look that found the calls changed, or the answers worse."""
        drift = kind == "drift"
        what = "the calls have changed" if drift else "the answers have become worse"
        asked = (
            "A training is asked for by itself, and starts if files came since the last one: upload new rows "
            f"with their labels (sageloop upload FILES -p {self.project})."
        )
        by_hand = f"To train: sageloop retrain --reason {kind} -p {self.project}"
        like = f"A training is about as dear as the last one. {model.cost}" if model and model.cost else ""
        return self._text(
            what,
            f"{what[:1].upper()}{what[1:]} for version {detail.get('version')} of {self.project}.",
            f"Why: {detail.get('reason', '')}",
            like,
            asked if detail.get("asks_for_training") else by_hand,
            f"The report: sageloop monitor --report -p {self.project}" if detail.get("report") else "",
        )

    def silent(self, detail: Mapping[str, Any]) -> Text:
        """No calls, or none that was captured."""
        return self._text(
            "no calls to look at",
            f"There are no calls of {self.project} to look at.",
            f"Why: {detail.get('reason', '')}",
            "If that is not expected, see whether its callers still reach the API: "
            f"sageloop status -p {self.project}",
        )

    def clear(self, detail: Mapping[str, Any]) -> Text:
        """All is well again."""
        return self._text(
            "all is well again",
            f"The last look at the calls of {self.project} found nothing to report any more.",
            str(detail.get("reason", "")),
            "There is nothing to do.",
        )

    def _text(self, subject: str, *lines: str) -> Text:
        said = "".join(c if c.isascii() and c.isprintable() else "?" for c in f"{self.project}: {subject}")
        return Text(said[:SUBJECT_LENGTH], lines)


def _refused(found: Mapping[str, Any]) -> str:
    stays = f" (it stays where it was: {found['stays']})" if found.get("stays") else ""
    key = str(found.get("key", ""))
    # Most reasons begin with the name of the file.
    reason = str(found.get("reason", "")).removeprefix(f"{key.removeprefix('data/')}: ")
    return f"- {key}: {reason}{stays}"
