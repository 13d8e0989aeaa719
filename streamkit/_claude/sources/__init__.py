"""
Where events come from: requests, streams of the SDK, bytes, recordings.
"""
