"""
Which hub a URL names.
"""

from __future__ import annotations

from streamkit._core.checks import seconds, whole_number
from streamkit._core.keyword_hints import keyword_hints
from streamkit.hub._hub import Hub
from streamkit.hub._metrics import MakesMeters, metrics_of
from streamkit.hub._stores.contract import Limits
from streamkit.hub._stores.urls import store_kind, store_maker

__all__ = ["connect"]


@keyword_hints
def connect(
    url: str,
    *,
    ttl: float = 86_400.0,
    max_bytes: int = 64 * 1024 * 1024,
    lease: float = 5.0,
    metrics: bool | MakesMeters = False,
) -> Hub:
    """
    A hub, for `async with`. It may be opened anew when it was left.

    Args:
        url: Where the runs are kept: `"memory:"` in this process, `"sqlite:///runs.db"` in a file for the processes of one
            machine, `"redis://localhost"` for several machines.
        ttl: Seconds that a run is kept after its last record.
        max_bytes: The most bytes that the records of one run may have together.
        lease: Seconds after which a run whose process gives no sign of life is taken for dead.
        metrics: True measures runs, viewers and delays with OpenTelemetry, as `docs/hub-operations.md` lists them; a
            `MeterProvider` does so with that one.

    Raises:
        TypeError: An argument is of another type.
        ValueError: The URL names no store, or a number is not above 0.
        ImportError: The client of the store is not installed, or OpenTelemetry's API.
    """
    make_store = store_maker(url)
    limits = Limits(
        seconds("hub.connect", ttl, of="ttl"),
        whole_number("hub.connect", max_bytes, least=1, of="max_bytes"),
    )
    if limits.ttl < seconds("hub.connect", lease, of="lease"):
        raise ValueError(f"hub.connect(ttl={ttl!r}) must be at least lease={lease!r}")
    return Hub(make_store, limits=limits, lease=float(lease), metrics=metrics_of(metrics, store_kind(url)))
