"""Sealed files: pieces, compressed one by one, and after them the digest of all before it.

A file that was cut short, or of which one bit is another, does not fit its seal.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

__all__ = ["SealedWriter", "is_sealed", "pieces"]

_MAGIC = b"ensue snapshot\n"
_SEAL = 32
_READ = 1 << 20


class SealedWriter:
    """A file on its way: it has its name once it is whole and sealed, and takes the place of one of that name."""

    def __init__(self, path: Path) -> None:
        self._path, self._part = path, path.with_name(f"{path.name}.{os.getpid()}.part")
        self._file = self._part.open("wb")
        self._digest = blake2b(digest_size=_SEAL)
        self._put(_MAGIC)

    def piece(self, said: bytes) -> None:
        """Write a piece."""
        packed = zlib.compress(said, 1)
        self._put(len(packed).to_bytes(4, "big") + packed)

    def seal(self) -> None:
        """Write the seal and give the file its name, durably."""
        self._put(bytes(4))
        self._file.write(self._digest.digest())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def give_up(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        self._part.unlink(missing_ok=True)

    def _put(self, said: bytes) -> None:
        self._file.write(said)
        self._digest.update(said)


def is_sealed(file: BinaryIO) -> bool:
    """Whether the last bytes of a file are the digest of all before them."""
    size = file.seek(0, os.SEEK_END) - _SEAL
    if size < len(_MAGIC):
        return False
    file.seek(0)
    digest = blake2b(digest_size=_SEAL)
    while size > 0:
        said = file.read(min(_READ, size))
        if not said:
            return False
        digest.update(said)
        size -= len(said)
    return digest.digest() == file.read(_SEAL)


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """Yield what a sealed file holds, piece by piece. Raises `ValueError` where it is no such file."""
    file.seek(0)
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("it is no snapshot")
    while length := int.from_bytes(file.read(4), "big"):
        yield zlib.decompress(file.read(length))
