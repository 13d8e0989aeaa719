"""
Operators that decide when items go on, or how long they may be waited for.
"""
