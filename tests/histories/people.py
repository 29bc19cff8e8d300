"""The people of a history who decide on models: by the signed API, or by a link out of a message."""

import json
import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.histories.aws.account import Account
from tests.histories.functions import Functions
from tests.histories.wiring import Wiring

Wish = Literal["approve", "reject"]
LINK = "whoever has the message"
_ADDRESS = re.compile(r"https://\S+/link\?t=\S+")


@dataclass
class People:
    """Whoever may decide; `tried` are the different ones who have ever tried to approve a version."""

    account: Account
    functions: Functions
    wiring: Wiring
    wrong: list[str]
    tried: dict[int, set[str]] = field(default_factory=dict)
    used: dict[str, Wish] = field(default_factory=dict)

    @property
    def needed(self) -> int:
        """How many different people have to approve a model; 0 where the stacks have no API for that."""
        found = self.wiring.functions.get(f"{self.wiring.project}-approve")
        return int(found.environment["PEOPLE"]) if found else 0

    def decide(self, version: int, who: str, wish: Wish) -> int:
        """A person calls the API, as `sageloop approve` does; the status, 0 for no answer."""
        if wish == "approve":
            self.tried.setdefault(version, set()).add(who)
        return self._call(
            "POST",
            "/versions/{version}",
            pathParameters={"version": f"{version}"},
            requestContext={"identity": {"userArn": f"arn:aws:iam::000000000000:user/{who}"}},
            body=json.dumps({"decision": wish, "reason": "because"}),
        )

    def links(self) -> list[str]:
        """The tokens of all links that were sent, oldest first."""
        texts = [message["Message"] for message in self.account.sns.published]
        addresses = [found for text in texts for found in _ADDRESS.findall(text)]
        return [parse_qs(urlsplit(address).query)["t"][0] for address in addresses]

    def open(self, token: str) -> int:
        """Somebody, or a program that checks mails, opens a link."""
        return self._call("GET", "/link", queryStringParameters={"t": token})

    def follow(self, token: str, wish: Wish) -> int:
        """Somebody opens a link and presses a button; what it once was used for it may not undo."""
        if wish == "approve":
            self.tried.setdefault(_version(token), set()).add(LINK)
        status = self._call("POST", "/link", body=urlencode({"t": token, "decision": wish}))
        if status == 200:
            before = self.used.setdefault(token, wish)
            if before != wish:
                self.wrong.append(f"a link that was used to {before} was used to {wish}")
        return status

    def enough(self, version: int) -> bool:
        """Whether as many people have approved a version as the table of approvals says, if it matters."""
        if self.needed < 2:
            return True
        item = self.account.dynamodb.item(f"{self.wiring.project}-approvals", f"version#{version}")
        approvers: list[Any] = item["approvers"]["L"] if item else []
        return len({each["M"]["who"]["S"] for each in approvers}) >= self.needed

    def _call(self, method: str, resource: str, **more: Any) -> int:
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html."""
        event = {
            "httpMethod": method,
            "resource": resource,
            "pathParameters": None,
            "queryStringParameters": None,
            "requestContext": {"identity": {"userArn": None}},
            "body": None,
            "isBase64Encoded": False,
            **more,
        }
        answer = self.functions.call("approve", event)
        return int(answer["statusCode"]) if answer else 0


def _version(token: str) -> int:
    """The version that a link is for."""
    message = token.partition(".")[0]
    claim = json.loads(urlsafe_b64decode(message + "=" * (-len(message) % 4)))
    return int(claim["v"])
