"""
The core: streams, operators, sinks and runs. It knows nothing of Claude or HTTP.
"""

# `operator` comes first: the algebra is recursive, and this is where the recursion is opened.
from . import operator as operator  # isort: skip
