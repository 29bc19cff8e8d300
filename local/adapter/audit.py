"""Which policy statements matter: each decision is taken again without each of the statements behind it.

A statement counts as needed once leaving it out would have changed a decision. The record is a JSON file
named by SAGELOOP_AUDIT, and nothing is recorded without that variable.
"""

import json
import os
import threading
from collections.abc import Mapping, Sequence
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
        self._needed: set[str] = set(json.loads(target.read_text())) if target.exists() else set()
        self._written = len(self._needed)
        self._lock = threading.Lock()
        self._evaluate = seams.iam_evaluator.evaluate
        self._evaluate_resource = seams.iam_evaluator.evaluate_resource_policy
        self._in_resource_policy = threading.local()

    def watch(self) -> None:
        """Put the record around the two functions through which every decision goes."""
        seams.iam_evaluator.evaluate = self._identity
        seams.iam_evaluator.evaluate_resource_policy = self._resource
        threading.Thread(target=self._write_for_ever, name="audit", daemon=True).start()

    def _identity(self, context: Any, policies: Sequence[Sequence[Any]], *limits: Any) -> Any:
        result = self._evaluate(context, policies, *limits)
        if getattr(self._in_resource_policy, "active", False):
            return result
        role = context.principal_arn.split("/")[1] if ":assumed-role/" in context.principal_arn else ""
        for number, document in enumerate(policies):
            for statement in document:
                key = json.dumps([role, vars(statement)], sort_keys=True, default=str)
                if key in self._needed:
                    continue
                rest = [other for other in document if other is not statement]
                changed = [*policies[:number], rest, *policies[number + 1 :]]
                if self._evaluate(context, changed, *limits).decision != result.decision:
                    self._add(key)
        return result

    def _resource(self, document: Any, context: Any, *arguments: Any, **options: Any) -> Any:
        self._in_resource_policy.active = True
        try:
            result = self._evaluate_resource(document, context, *arguments, **options)
            parsed = json.loads(document) if isinstance(document, str) else document
            for statement in _statements(parsed):
                key = json.dumps(["", statement], sort_keys=True, default=str)
                if key in self._needed:
                    continue
                changed = {**parsed, "Statement": [s for s in _statements(parsed) if s is not statement]}
                without = self._evaluate_resource(changed, context, *arguments, **options)
                if without.decision != result.decision:
                    self._add(key)
            return result
        finally:
            self._in_resource_policy.active = False

    def _add(self, key: str) -> None:
        with self._lock:
            self._needed.add(key)

    def _write_for_ever(self) -> None:
        pause = threading.Event()
        while not pause.wait(_WRITE_SECONDS):
            with self._lock:
                found = sorted(self._needed)
            if len(found) != self._written:
                draft = self._target.with_suffix(".new")
                draft.write_text(json.dumps(found, indent=0))
                draft.replace(self._target)
                self._written = len(found)


def _statements(document: Mapping[str, Any] | None) -> list[Any]:
    found = (document or {}).get("Statement", [])
    return [found] if isinstance(found, Mapping) else list(found)
