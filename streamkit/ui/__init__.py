"""
The protocols that front-ends speak: each room here turns a stream into one of them, and its requests into parameters.
"""
