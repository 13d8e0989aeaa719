"""
How it arrives: the SDK, its HTTP client, and the limits on waiting.
"""
