"""
Operators that read Claude's events, this library's or the SDK's. A new one is a file here, published in `streamkit/_api.py`;
CONTRIBUTING.md has the recipe.
"""
