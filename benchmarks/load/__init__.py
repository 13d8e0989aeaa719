"""
Many streams over real connections, between a server and contenders in processes of their own.
"""
