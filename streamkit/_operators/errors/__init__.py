"""
Errors: what happens when a stream fails, and when it ends.
"""
