"""
Requests until the answer is whole: retries, restarts, continuations, pauses.
"""
