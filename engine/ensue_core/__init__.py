"""The words of the engine and its ports: values, facts, ids, errors, and what a store must offer.

This package imports nothing of ours. Everything else in the tree stands on it.
"""
