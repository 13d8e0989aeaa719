"""
It cannot be imported.
"""

raise RuntimeError("this plugin needs a flux capacitor")
