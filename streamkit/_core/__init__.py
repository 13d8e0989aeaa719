"""
The core: streams, operators and sinks, and the runs that they are opened as. It knows nothing of Claude or HTTP.

This file imports nothing, because `import streamkit` loads the core for its table of adapters alone.
"""
