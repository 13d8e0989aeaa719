"""
The base of the responses: Starlette's own `Response` where it is installed, so that Starlette and FastAPI take them for one, and
their headers, cookies and background tasks work. Elsewhere a class with the same few attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.responses import Response as StarletteResponse
else:
    try:
        from starlette.responses import Response as StarletteResponse
    except ModuleNotFoundError:

        class StarletteResponse: ...


__all__ = ["StarletteResponse"]
