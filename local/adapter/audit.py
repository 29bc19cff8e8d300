"""Which policy statements matter: each decision is taken again without each of the statements behind it.

A statement is needed for an action once leaving it out would have changed a decision about that action. The
record is a JSON file named by SAGELOOP_AUDIT, and nothing is recorded without that variable.
"""

import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from local.adapter import seams

_WRITE_SECONDS = 1.0


def install() -> None:
    """Begin to record, if SAGELOOP_AUDIT names a file; what an earlier server recorded there is kept."""
    if target := os.environ.get("SAGELOOP_AUDIT"):
        _Audit(Path(target)).watch()


class _Audit:
    def __init__(self, target: Path) -> None:
        self._target = target
        kept = json.loads(target.read_text()) if target.exists() else []
        self._needed = {_key(**found) for found in kept}
        self._written = len(self._needed)
        self._lock = threading.Lock()
        evaluator = seams.iam_evaluator
        self._evaluate = evaluator.evaluate
        self._evaluate_resource = evaluator.evaluate_resource_policy
        self._combine = evaluator.combine_resource_policy
        # One decision may be part of another, which alone counts then.
        self._inside = threading.local()

    def watch(self) -> None:
        """Put the record around the functions through which every decision goes."""
        seams.iam_evaluator.evaluate = self._identity
        seams.iam_evaluator.evaluate_resource_policy = self._resource
        seams.iam_evaluator.combine_resource_policy = self._combined
        threading.Thread(target=self._write_for_ever, name="audit", daemon=True).start()

    def _identity(self, context: Any, policies: Sequence[Sequence[Any]], *limits: Any) -> Any:
        """A decision by the policies of the caller."""
        result = self._evaluate(context, policies, *limits)
        if getattr(self._inside, "resource", False):
            return result
        role = context.principal_arn.split("/")[1] if ":assumed-role/" in context.principal_arn else ""
        for number, document in enumerate(policies):
            for statement in document:
                rest = [other for other in document if other is not statement]
                changed = [*policies[:number], rest, *policies[number + 1 :]]
                without = partial(self._evaluate, context, changed, *limits)
                self._look(context, role, _as_written(statement), result, without)
        return result

    def _resource(self, document: Any, context: Any, *arguments: Any, **options: Any) -> Any:
        """A decision by the policy of a resource alone, as about a service."""
        return self._decide(
            document,
            context,
            lambda policy: self._evaluate_resource(policy, context, *arguments, **options),
        )

    def _combined(self, identity: Any, context: Any, document: Any, *rest: Any, **options: Any) -> Any:
        """A decision by the caller's policies and the resource's policy."""
        return self._decide(
            document, context, lambda policy: self._combine(identity, context, policy, *rest, **options)
        )

    def _decide(self, document: Any, context: Any, decide: Callable[[Any], Any]) -> Any:
        if getattr(self._inside, "resource", False):
            return decide(document)
        self._inside.resource = True
        try:
            result = decide(document)
            parsed = json.loads(document) if isinstance(document, str) and document else document
            for statement in _statements(parsed):
                changed = {**parsed, "Statement": [s for s in _statements(parsed) if s is not statement]}
                self._look(context, "", statement, result, partial(decide, changed))
            return result
        finally:
            self._inside.resource = False

    def _look(
        self, context: Any, role: str, statement: Mapping[str, Any], result: Any, without: Callable[[], Any]
    ) -> None:
        """Record the statement if it matters for this action and is not recorded for it yet."""
        actions, others = (_listed(statement.get(name, [])) for name in ("Action", "NotAction"))
        if not seams.iam_evaluator._action_matches(context.action, actions, others):
            return
        key = _key(role, statement, context.action)
        if key not in self._needed and without().decision != result.decision:
            with self._lock:
                self._needed.add(key)

    def _write_for_ever(self) -> None:
        pause = threading.Event()
        while not pause.wait(_WRITE_SECONDS):
            with self._lock:
                found = sorted(self._needed)
            if len(found) != self._written:
                draft = self._target.with_suffix(".new")
                draft.write_text("[" + ",\n".join(found) + "]\n")
                draft.replace(self._target)
                self._written = len(found)


def _key(role: str, statement: Mapping[str, Any], action: str) -> str:
    """One line of the record; no role for the policy of a resource."""
    return json.dumps({"role": role, "statement": statement, "action": action}, sort_keys=True, default=str)


def _as_written(parsed: Any) -> dict[str, Any]:
    """A statement of the evaluator's in the form that policies have."""
    members = {
        "Sid": parsed.sid,
        "Effect": parsed.effect,
        "Action": parsed.actions,
        "NotAction": parsed.not_actions,
        "Resource": parsed.resources,
        "NotResource": parsed.not_resources,
        "Condition": parsed.conditions,
    }
    return {name: value for name, value in members.items() if value}


def _statements(document: Mapping[str, Any] | None) -> list[Any]:
    return _listed((document or {}).get("Statement", []))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
