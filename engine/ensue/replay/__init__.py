"""The log, folded again: verification, rebuilds, looking back, and the same rules asked about recorded history.

Nothing here is given a store that it could write to, unless its name says so.
"""
