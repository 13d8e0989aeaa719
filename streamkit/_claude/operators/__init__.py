"""
Operators that read Claude's events, this library's or the SDK's.
"""
