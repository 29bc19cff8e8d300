"""Events leave after the commit that they tell of, at least once, in order."""

import logging
import threading

from local.sagemaker.context import Context

_AGAIN_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Outbox:
    """Sends the events that the store has queued; one that the cloud had not yet on disk is sent again.

    Amazon's own word on its events: SageMaker may send several for each state change
    (docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html).
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to send."""
        self._thread = self._context.spawn(self._run, name="sagemaker-outbox")

    def close(self) -> None:
        """Stop; what is queued stays queued."""
        if self._thread:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        store, closing = self._context.store, self._context.closing
        while True:
            store.wait(lambda: closing.is_set() or bool(store.outbox()))
            if closing.is_set():
                return
            try:
                self._send()
            except Exception:
                # Whatever it is, the events stay queued, and later ones must not be lost with them.
                logger.exception("events could not be sent")
                closing.wait(_AGAIN_SECONDS)

    def _send(self) -> None:
        host, store = self._context.host, self._context.store
        messages = store.outbox()
        for _, message in messages:
            host.emit("aws.sagemaker", message["detail_type"], message["detail"], message["resources"])
        host.checkpoint()
        store.sent(up_to=messages[-1][0])
