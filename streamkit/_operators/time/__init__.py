"""
Time: when items go on.
"""
