"""
What is said: the events, and the message that they add up to.
"""
