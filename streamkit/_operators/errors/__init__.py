"""
Operators for the moment when a stream fails or ends.
"""
