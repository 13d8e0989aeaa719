"""
FakeClaude: a scripted Messages API on loopback, the replies that it gives, and their faults (in `faults/`).
"""
