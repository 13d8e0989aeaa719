"""
What every way from a stream to a screen shares: how the end of a run is told, and the response that sends one.
"""
