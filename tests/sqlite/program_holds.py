"""A foreign program that keeps a write transaction open: `program_holds.py FILE`; prints `held`."""

import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
