"""
What holds for every good operator.
"""

from __future__ import annotations

from streamkit_redact import Redact

from streamkit.testing import OperatorSuite

KEY = "sk-ant-api03-AbCdEfGhIjKlMnOpQrStUvWxYz"


class TestWords(OperatorSuite[str, str]):
    """
    Pieces without a secret pass one by one.
    """

    inputs = ("Cold stone, ", "patient moss. ", "The river ", "forgets ")
    outputs = inputs

    def operator(self) -> Redact:
        return Redact()


class TestSecrets(OperatorSuite[str, str]):
    """
    Pieces that cut secrets.
    """

    inputs = ("my ke", "y is sk-a", KEY[4:20], KEY[20:], ", or ask jane@", "example.com. ")
    outputs = ("my ", "key is ", "#", ", or ask ", "#. ")

    def operator(self) -> Redact:
        return Redact(mark="#")
