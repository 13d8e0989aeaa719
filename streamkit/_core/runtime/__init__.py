"""
What an opened stream is made of.
"""
