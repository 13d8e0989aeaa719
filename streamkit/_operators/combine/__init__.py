"""
Combine: several streams as one.
"""
