"""
The tools of an application: what a tool is, and how the tools of one turn run beside its events.
"""
