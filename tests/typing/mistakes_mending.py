"""
What the types of buffers, and of what mends errors, refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamkit as sk

if TYPE_CHECKING:
    import anthropic

numbers = sk.from_iterable([1, 2, 3])


async def later(error: Exception) -> sk.Stream[int]:
    return numbers


def needs_an_argument(item: int) -> None: ...


sk.buffer(3, "drop_newest")  # error
sk.buffer("3")  # error
sk.catch(later)  # error
sk.catch(lambda error: [1, 2])  # error
sk.catch(numbers)  # error
sk.retry(3)  # error
sk.retry(sk.RetryPolicy(resume="sometimes"))  # error
sk.finalize(needs_an_argument)  # error
sk.finalize(None)  # error


def policies(client: anthropic.AsyncAnthropic) -> None:
    sk.Timeouts(first_event="20")  # error
    sk.messages(client, timeouts=20)  # error
    sk.http_client(transport="httpx")  # error
    sk.http_client(connections="many")  # error
