"""
Logs in Redis or Valkey.
"""

from __future__ import annotations

from streamkit.hub._stores.redis.store import RedisStore

__all__ = ["RedisStore"]
