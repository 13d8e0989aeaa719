"""
Operators for items of any kind, a file for each operator or family. They know the core alone.
"""
