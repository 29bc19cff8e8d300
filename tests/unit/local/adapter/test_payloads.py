"""Text and binary bodies through an API, by the rows of AWS's tables."""

import base64
import binascii

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from local.adapter.payloads import TO_BINARY, TO_TEXT, given, taken


@examples(st.binary())
def test_a_binary_request_passes_unless_it_is_to_be_text(body: bytes) -> None:
    assert taken(body, None, binary=True) == taken(body, TO_BINARY, binary=True) == body
    assert taken(body, TO_TEXT, binary=True) == base64.b64encode(body)


@examples(st.text())
def test_a_text_passes_and_is_decoded_where_binary_is_wanted(text: str) -> None:
    body = text.encode("utf-8", "replace")
    assert taken(body, None, binary=False) == taken(body, TO_TEXT, binary=False) == body
    assert taken(base64.b64encode(body), TO_BINARY, binary=False) == body
    assert given(body, None, binary=False, accepts_binary=False) == body
    assert given(body, TO_TEXT, binary=False, accepts_binary=True) == body


def test_what_is_not_declared_binary_is_taken_for_utf_8() -> None:
    assert taken(b"PAR1\xff", None, binary=False) == "PAR1\ufffd".encode()


@examples(st.binary())
def test_a_binary_answer_is_base64_for_who_accepts_text(body: bytes) -> None:
    assert given(body, None, binary=True, accepts_binary=True) == body
    assert given(body, TO_BINARY, binary=True, accepts_binary=False) == body
    assert given(body, None, binary=True, accepts_binary=False) == base64.b64encode(body)
    assert given(body, TO_TEXT, binary=True, accepts_binary=True) == base64.b64encode(body)


def test_a_text_for_who_accepts_binary_must_be_base64() -> None:
    assert given(b"YQ==", None, binary=False, accepts_binary=True) == b"a"
    with pytest.raises(binascii.Error):
        given(b'{"code":"BadRow"}', None, binary=False, accepts_binary=True)
