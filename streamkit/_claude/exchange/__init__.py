"""
The exchange with the Messages API until an answer is whole: retries, restarts, continuations, pauses.
"""
