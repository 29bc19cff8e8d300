"""The calls that are captured while a model runs as a shadow beside the one in service."""

import json
from datetime import UTC, datetime

from tests.histories.aws.account import Account
from tests.histories.wiring import Wiring

REQUESTS = 3


class Comparing:
    """Calls of an endpoint whose two models answer; `unlike` are packages that answer otherwise.

    `seen` says of each package that was seen to do so how often another one had come into service before.
    """

    def __init__(self, account: Account, wiring: Wiring) -> None:
        self._account = account
        self._wiring = wiring
        self.unlike: set[str] = set()
        self.seen: dict[str, int] = {}

    def call(self) -> None:
        """Both models are asked, and their answers are captured.

        https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
        """
        settings = self._wiring.function("promote").environment
        now = datetime.fromtimestamp(self._account.now, UTC)
        serving = self._account.cloudformation
        apart = 100 if serving.shadow in self.unlike else 0
        if apart:
            self.seen[serving.shadow] = len(serving.served)
        for variant, more in zip(settings["VARIANTS"].split(), (0, apart), strict=True):
            lines = [_line(now, number, number + more) for number in range(REQUESTS)]
            key = f"{settings['CAPTURED_PREFIX']}{variant}/{now:%Y/%m/%d/%H}/{now:%M-%S}.jsonl"
            self._account.s3.put_object(
                Bucket=settings["CAPTURED_BUCKET"], Key=key, Body="".join(lines).encode()
            )


def _line(now: datetime, asked: int, answered: int) -> str:
    sides = {"endpointInput": asked, "endpointOutput": answered}
    data = {
        side: {"observedContentType": "text/csv", "data": f"{value}", "encoding": "CSV"}
        for side, value in sides.items()
    }
    return json.dumps({"captureData": data, "eventMetadata": {"inferenceTime": f"{now.isoformat()}"}}) + "\n"
