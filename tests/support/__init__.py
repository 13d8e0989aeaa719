"""
What several tests share. A test imports it as `tests.support.NAME`: pytest's import mode knows `tests` as a package of the
checkout, without the checkout's root on `sys.path`, so that `streamkit` is the installed one.
"""
