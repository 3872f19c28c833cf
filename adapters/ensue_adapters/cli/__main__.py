"""`python -m ensue_adapters.cli`, for a Python whose scripts are not on the path."""

from __future__ import annotations

import sys

from ensue_adapters.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
