"""
Sources that combine several streams into one.
"""
