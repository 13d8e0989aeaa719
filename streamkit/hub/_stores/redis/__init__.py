"""
Logs in Redis or Valkey.
"""

from __future__ import annotations

from streamkit.hub._stores.redis.address import parse_address
from streamkit.hub._stores.redis.store import RedisStore

__all__ = ["RedisStore", "parse_address"]
