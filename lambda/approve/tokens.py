"""What a link says, and how it is written: two parts of base64, the claim and KMS's signature of it."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

ALGORITHM: Literal["HMAC_SHA_256"] = "HMAC_SHA_256"
# Ours have less than 300 characters.
LONGEST = 1_000


class BadToken(ValueError):
    """No link of ours: who shows it is not told what is wrong with it."""


@dataclass(frozen=True)
class Claim:
    """A link for one version of a project until an epoch second; the nonce tells it from all others."""

    project: str
    version: int
    expires: int
    nonce: str

    @property
    def message(self) -> bytes:
        """What is signed."""
        said = {"p": self.project, "v": self.version, "e": self.expires, "n": self.nonce}
        return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()

    @property
    def id(self) -> str:
        """A name of the link that does not give it away."""
        return sha256(self.nonce.encode()).hexdigest()

    def token(self, mac: bytes) -> str:
        """The claim with its signature, for an address."""
        return f"{_encoded(self.message)}.{_encoded(mac)}"


@dataclass(frozen=True)
class Signed:
    """A claim as somebody shows it, and the bytes and the signature that KMS is to verify."""

    claim: Claim
    message: bytes
    mac: bytes


def read(token: str) -> Signed:
    """The parts of a token, not verified yet; raises BadToken."""
    message, dot, mac = token.partition(".")
    if not dot or len(token) > LONGEST:
        raise BadToken("it has not two parts")
    try:
        content, signature = _decoded(message), _decoded(mac)
        match json.loads(content):
            case {"p": str(project), "v": int(version), "e": int(expires), "n": str(nonce)}:
                return Signed(Claim(project, version, expires, nonce), content, signature)
    except (ValueError, RecursionError, binascii.Error) as error:
        raise BadToken("it is not JSON in base64") from error
    raise BadToken("it says something else")


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
