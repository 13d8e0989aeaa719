"""
Where events come from: requests, adopted streams, recordings.
"""
