"""
Operators for items of any kind: a file for each operator or family of operators. They import nothing but the core.
A new one is published in `streamkit/_api.py`; CONTRIBUTING.md has the recipe.
"""
