"""
Operators for text: `recut` cuts it elsewhere, `smooth` paces it, `until` ends it. A rule per file says where it is cut.
"""
