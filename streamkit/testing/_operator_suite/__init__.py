"""
The tests of `OperatorSuite`, which a plugin author subclasses, and `Probe`, the source that they read from.
"""
