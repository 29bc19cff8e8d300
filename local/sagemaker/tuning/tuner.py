"""One tuning job at work: begins its trials, learns from them, and ends."""

import hashlib
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from local.errors import ValidationException
from local.sagemaker.context import Context, now
from local.sagemaker.jobs.training import TrainingJobs
from local.sagemaker.store import Record
from local.sagemaker.tuning.plan import Plan, plan
from local.sagemaker.tuning.search import Known, learns, suggest
from local.sagemaker.tuning.stopping import first_below, median_bars
from local.sagemaker.tuning.training_request import training_request
from local.sagemaker.tuning.trials import RUNNING, TRAINING, TUNING, keep, not_improving, trials, values

_ATTEMPTS = 5
"""Training jobs without an objective after which AWS gives up a tuning job that has had none."""

logger = logging.getLogger(__name__)
Outcome = tuple[str, str | None]
"""The final status of a tuning job, and the reason of a failure."""
Finish = Callable[[str, str, str | None], None]
"""Commits the outcome of the tuning job of that name."""


@dataclass
class Trial:
    """A trial; what its training job gave is in `curve`, once it is told.

    `curve` ends where a rule stops the job, whether or not the job did stop there: what the search learns
    does not depend on how fast a job can be stopped.
    """

    number: int
    name: str
    texts: dict[str, str]
    known: int
    curve: Sequence[float] = ()
    cut: bool = False

    @property
    def gain(self) -> float | None:
        """The objective that the search learns, more is better; None without one."""
        return self.curve[-1] if self.curve else None


class Tuner:
    """Runs one tuning job in the thread that calls `run`.

    Trials are told in the order of their numbers, and trial n of P parallel ones knows just the trials before
    n-P (all before it when P is 1): hyperparameters depend on the seed and the objectives, not on the timing.
    That it needs no newer result lets it begin while an older trial is a little late. A search that learns
    nothing (random, grid) does not wait at all.
    """

    def __init__(self, context: Context, training: TrainingJobs, record: Record, finish: Finish) -> None:
        self._context = context
        self._training = training
        self._record = record
        self._finish = finish
        self._name: str = record["HyperParameterTuningJobName"]
        self._plan: Plan = plan(record)
        self._inherited: Record = record.get("Inherited", {})
        self._changed = threading.Event()
        self._trials = [
            Trial(number, trial["TrainingJobName"], trial["TunedHyperParameters"], trial["Known"])
            for number, trial in enumerate(trials(context, self._name))
        ]
        self._by_name = {trial.name: trial for trial in self._trials}
        self._told = 0
        self._outcome: Outcome | None = None
        self._bars_of: dict[int, dict[int, float]] = {}
        self._most_epochs = self._plan.hyperband.most if self._plan.hyperband else sys.maxsize

    def wake(self) -> None:
        """Something has happened: a training job ended, the tuning job was stopped, or the service closes."""
        self._changed.set()

    def run(self) -> None:
        """Go on until the tuning job has ended or the service closes."""
        closing = self._context.closing
        try:
            while not closing.is_set():
                self._changed.clear()
                if self._advance():
                    return
                self._changed.wait(None if self._outcome else self._seconds_left())
        except Exception:
            # Nothing that happens here may leave a tuning job behind that never ends.
            logger.exception("tuning job %s", self._name)
            if not closing.is_set():
                self._finish(self._name, "Failed", "InternalServerError: Internal error of the embedded AWS.")

    def progressed(self, name: str, seen: Sequence[float]) -> None:
        """Stop the training job if the values that its log gave so far say so; called from its thread."""
        trial = self._by_name.get(name)
        # After a restart, jobs may go on before those that they are compared with are told again.
        if trial is None or trial.known > self._told:
            return
        gains = [self._plan.gain(value) for value in seen]
        if len(gains) >= self._most_epochs or first_below(gains, self._bars(trial)) is not None:
            self._stop(trial)

    def _advance(self) -> bool:
        """Do what can be done now; whether the tuning job has ended."""
        outcome = self._outcome = self._outcome or self._learn() or self._called_off()
        if outcome is None:
            while self._may_begin():
                self._begin(len(self._trials))
            return False
        running = [trial for trial in self._trials[self._told :] if self._runs(trial)]
        for trial in running:
            self._stop(trial)
        if not running:
            self._finish(self._name, *outcome)
        return not running

    def _learn(self) -> Outcome | None:
        """Tell the trials that have ended, in order, up to the one that decides the tuning job."""
        while self._told < len(self._trials) and self._tell(self._trials[self._told]):
            self._told += 1
            if outcome := self._decided():
                return outcome
        return None

    def _tell(self, trial: Trial) -> bool:
        """Learn what the training job of a trial gave; False while it runs."""
        job = self._context.store.get(TRAINING, trial.name)
        if job is None or job["TrainingJobStatus"] in RUNNING:
            return job is None
        if job["TrainingJobStatus"] != "Failed":
            gains = [self._plan.gain(value) for value in values(job)[: self._most_epochs]]
            below = first_below(gains, self._bars(trial))
            trial.cut = below is not None
            trial.curve = gains if below is None else gains[: below + 1]
        return True

    def _called_off(self) -> Outcome | None:
        """The outcome, if somebody has stopped the tuning job or its time is up."""
        job = self._context.store.get(TUNING, self._name)
        if job is None or job["HyperParameterTuningJobStatus"] == "Stopping":
            return "Stopped", None
        if self._seconds_left() == 0:
            return self._best_so_far()
        return None

    def _decided(self) -> Outcome | None:
        """The outcome, if the trials that are told decide it."""
        plan = self._plan
        gains = [trial.gain for trial in self._trials[: self._told] if trial.gain is not None]
        done = self._told >= plan.jobs or (not gains and self._told >= _ATTEMPTS)
        reached = plan.target is not None and any(gain >= plan.gain(plan.target) for gain in gains)
        stuck = plan.patience is not None and not_improving(gains) >= plan.patience
        return self._best_so_far() if done or reached or stuck else None

    def _best_so_far(self) -> Outcome:
        told = self._trials[: self._told]
        if any(trial.gain is not None for trial in told):
            return "Completed", None
        return "Failed", self._nothing_found(told)

    def _nothing_found(self, told: Sequence[Trial]) -> str:
        jobs = [self._context.store.get(TRAINING, trial.name) for trial in told]
        if all(job is None or job["TrainingJobStatus"] == "Failed" for job in jobs):
            return (
                f"No training job succeeded after {len(told)} attempts. For additional details, please take "
                "a look at the training job failures by listing training jobs for the hyperparameter tuning "
                "job."
            )
        return (
            f"No objective metrics found after running {len(told)} training jobs. Please ensure that the "
            "custom algorithm is emitting the objective metric as defined by the regular expression provided."
        )

    def _may_begin(self) -> bool:
        number = len(self._trials)
        if number >= self._plan.jobs:
            return False
        running = [trial for trial in self._trials[self._told :] if self._runs(trial)]
        return len(running) < self._plan.parallel and self._told >= self._known(number)

    def _begin(self, number: int) -> None:
        first = self._inherited.get("First", []) if self._plan.strategy != "Grid" else []
        known = self._known(number)
        texts = first[number] if number < len(first) else suggest(self._plan, number, self._knowledge(known))
        made = f"{self._record['HyperParameterTuningJobArn']}/{self._record['CreationTime']}/{number}"
        name = f"{self._name}-{number + 1:03}-{hashlib.sha256(made.encode()).hexdigest()[:8]}"
        trial = Trial(number, name, texts, known)
        self._trials.append(trial)
        self._by_name[name] = trial
        kept = {"TrainingJobName": name, "TunedHyperParameters": texts, "Known": trial.known}
        with self._context.store.transaction():
            keep(self._context, self._name, number, kept)
            self._training.begin(
                training_request(self._record, self._plan, name, texts),
                TuningJobArn=self._record["HyperParameterTuningJobArn"],
                TuningJobName=self._name,
            )

    def _known(self, number: int) -> int:
        """How many trials the search knows when it proposes this one."""
        if not learns(self._plan):
            return self._told
        return max(0, number - self._plan.parallel) if self._plan.parallel > 1 else number

    def _knowledge(self, count: int) -> list[Known]:
        """What the search may know when the results of the first `count` trials count."""
        if not learns(self._plan):
            return []
        known = [Known(item["Texts"], item["Gain"]) for item in self._inherited.get("Known", [])]
        for trial in self._trials[:count]:
            if trial.gain is not None:
                known.append(Known(trial.texts, trial.gain, len(trial.curve) if trial.cut else None))
        return known + [Known(trial.texts) for trial in self._trials[count:]]

    def _bars(self, trial: Trial) -> dict[int, float]:
        """The bars of a trial, by those that were told when it began; they do not change."""
        if trial.number not in self._bars_of:
            earlier = [other for other in self._trials[: trial.known] if other.curve]
            bars: dict[int, float] = {}
            if self._plan.hyperband:
                curves = {other.number: other.curve for other in earlier}
                bars = self._plan.hyperband.bars(trial.number, curves)
            elif self._plan.stops_early:
                finished = [other.curve for other in earlier if not other.cut]
                bars = median_bars(finished, [other.curve for other in earlier if other.cut])
            self._bars_of[trial.number] = bars
        return self._bars_of[trial.number]

    def _runs(self, trial: Trial) -> bool:
        job = self._context.store.get(TRAINING, trial.name)
        return job is not None and job["TrainingJobStatus"] in RUNNING

    def _stop(self, trial: Trial) -> None:
        # A job that has ended meanwhile, or is stopping already, is left alone.
        with suppress(ValidationException):
            self._training.stop({"TrainingJobName": trial.name})

    def _seconds_left(self) -> float | None:
        if self._plan.max_seconds is None:
            return None
        created: float = self._record["CreationTime"]
        return max(0.0, created + self._plan.max_seconds - now())
