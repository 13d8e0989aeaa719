"""
All that a stream of `messages()` raises, for one `except`. Importing it imports the SDK.
"""

from __future__ import annotations

from typing import Final

import anthropic

from streamkit._core.errors import StreamError

__all__ = ["ERRORS"]

ERRORS: Final = (StreamError, anthropic.AnthropicError)
"""
What a stream of `messages()` can raise: the SDK's errors before it begins, a `StreamError` from then on.

What your own functions and sinks raise, and an argument that is wrong, is not among them.
"""
