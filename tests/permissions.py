"""Root obeys file permissions: a test run by root gives the right to ignore them up (capabilities(7))."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

_VERSION_3 = 0x20080522
_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_IGNORING = 1 << _CAP_DAC_OVERRIDE | 1 << _CAP_DAC_READ_SEARCH


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _privileged() -> bool:
    return os.geteuid() == 0 and sys.platform == "linux"


def _set_effective(mask: int, ignoring: bool) -> None:
    """Change this thread's effective capabilities; threads it starts inherit them."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, data = _Header(_VERSION_3, 0), (_Data * 2)()
    if libc.capget(ctypes.byref(header), data):
        raise OSError(ctypes.get_errno(), "capget")
    data[0].effective = data[0].effective | mask if ignoring else data[0].effective & ~mask
    if libc.capset(ctypes.byref(header), data):
        raise OSError(ctypes.get_errno(), "capset")


@contextmanager
def obeyed() -> Generator[None]:
    """Obey permissions in this thread, and in those it starts, while the block lasts."""
    if not _privileged():
        yield
        return
    _set_effective(_IGNORING, False)
    try:
        yield
    finally:
        _set_effective(_IGNORING, True)


def obey() -> None:
    """Obey permissions from here on, in what is executed too: for a child process before it starts."""
    if _privileged():
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl")
        _set_effective(_IGNORING, False)
