"""
Virtual time on asyncio and on trio: the one folder that knows both event loops, because each needs a clock of its own.
"""
