"""
Claude's layer: messages as streams of events, and the operators that read them.
"""
