"""An event-sourced trigger engine."""

__version__ = "0.1.0"
"""The version of this package."""

__all__ = ["__version__"]
