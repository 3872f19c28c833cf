"""Import each module named on standard input in a process of its own, and say what that did.

A program, not a test: an interpreter that has imported none of the modules forks a child for each of them,
so each import is the first one of its process at the price of a fork. It prints a line of JSON for each.
"""

import json
import os
import stat
import sys
import threading
import traceback


def main() -> None:
    """Answer for each name in the JSON list on standard input."""
    for name in json.load(sys.stdin):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(2, 1)
            os.write(write, json.dumps(what_importing_does(name)).encode())
            os._exit(0)
        os.close(write)
        with open(read, encoding="utf-8") as answer:
            text = answer.read()
        _, status = os.waitpid(child, 0)
        did = json.loads(text) if text else {"error": f"the process ended with status {status}"}
        print(json.dumps([name, did]), flush=True)


def what_importing_does(name: str) -> dict[str, object]:
    """The error that importing `name` raised, or what it left running or open."""
    before = open_files()
    try:
        __import__(name)
    except BaseException:
        return {"error": traceback.format_exc()}
    return {
        "threads": [thread.name for thread in threading.enumerate()[1:]],
        "files": [f"{fd} {kind}" for fd, kind in open_files().items() if fd not in before],
        "children": has_children(),
    }


def open_files() -> dict[int, str]:
    """The numbers of the open files, sockets and pipes, with the kind of each as `ls -l` shows it."""
    found: dict[int, str] = {}
    for fd in map(int, os.listdir("/dev/fd")):
        try:
            found[fd] = stat.filemode(os.fstat(fd).st_mode)
        except OSError:
            continue  # the listing's own, closed by now
    return found


def has_children() -> bool:
    """Whether this process has started another, running or ended."""
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


if __name__ == "__main__":
    main()
