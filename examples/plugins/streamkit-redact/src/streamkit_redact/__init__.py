"""
Secrets and e-mail addresses, taken out of text while it streams.

    chat | sk.text() | Redact()

streamkit finds it by name too, once this is installed: `sk.ops.redact()`, `streamkit replay FILE --through redact`.
"""

from .operator import Redact
from .patterns import LONGEST, redacted

__all__ = ["LONGEST", "Redact", "redacted"]

__streamkit_api__ = 1
