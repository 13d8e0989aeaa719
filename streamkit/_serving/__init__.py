"""
What every way to a screen shares.
"""
