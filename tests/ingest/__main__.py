"""`python -m tests.ingest --seeds 500 --seed 0`: a longer hunt on the simulated store and topic."""

from __future__ import annotations

import argparse
import logging
import sys
import time
import traceback
from collections import Counter

from tests.ingest.simulated import run


def main() -> int:
    """Run seeds one after the other; print each that fails."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    logging.disable(logging.ERROR)
    began, counts, failed = time.monotonic(), Counter[str](), list[int]()
    for seed in range(asked.seed, asked.seed + asked.seeds):
        try:
            counts += run(seed)
        except Exception:
            failed.append(seed)
            print(f"seed {seed} failed:\n{traceback.format_exc()}")
    took = time.monotonic() - began
    print(f"{asked.seeds} seeds in {took:.0f} s, {len(failed)} failed {failed[:20]}; faults: {dict(counts)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
