"""
How a response arrives: the SDK, its HTTP client, what they raise, and the limits on waiting.
"""
