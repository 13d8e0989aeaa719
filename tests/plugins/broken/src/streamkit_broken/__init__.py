"""
Everything that a plugin can get wrong.
"""
