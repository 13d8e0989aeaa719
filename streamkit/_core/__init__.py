"""
The core: streams, operators, sinks and runs. It knows nothing of Claude or HTTP.
"""

from streamkit._core import (
    operator as operator,  # the algebra is recursive: this is where the recursion is opened
)
