"""The page behind a link: what is decided on, with two buttons, and what became of it.

Opening it changes nothing, because programs open the links of mails before people do.
"""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape

from approve.decision import Outcome
from approve.registry import Package

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem}"
    "button{font:inherit;padding:.5rem 1.2rem;margin-right:.8rem}"
)
_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
# Nothing is loaded, framed, kept or passed on; the form goes nowhere but back here.
HEADERS: Mapping[str, str] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31536000",
}


def question(project: str, package: Package, token: str, people: int) -> str:
    """Whether to approve a version, which `people` have to."""
    both = "<p>Two people have to approve it; you count as one of them.</p>" if people > 1 else ""
    bound = f", {package.threshold} was asked for" if package.threshold else ""
    score = f"{package.metric} {package.value}{bound}." if package.metric else ""
    return _page(
        f"Version {package.version} of {project}",
        f"<p>{escape(score)}</p>{both}"
        '<form method="post" action="link">'
        f'<input type="hidden" name="t" value="{escape(token)}">'
        '<button name="decision" value="approve">Approve</button>'
        '<button name="decision" value="reject">Reject</button>'
        "</form>",
    )


def answer(project: str, outcome: Outcome) -> str:
    """What became of a decision."""
    more = f"{outcome.needed} more person has to approve it, with sageloop approve {outcome.version}."
    said = {
        "Approved": "It is approved, and goes into service by itself.",
        "Rejected": "It is rejected. The model in service stays.",
    }.get(outcome.status, more)
    return _page(f"Version {outcome.version} of {project}", f"<p>{escape(said)}</p>")


def invalid() -> str:
    """What everybody gets whose link is not valid, whatever the reason is."""
    return _page("This link is not valid", "<p>It was used, it is too old, or it was decided otherwise.</p>")


def _page(title: str, content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{content}</body></html>"
    )
