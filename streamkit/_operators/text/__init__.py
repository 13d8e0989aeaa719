"""
Text: where it is cut, and when its pieces go on.
"""
