"""Atomic file replacement, and a seal that reveals any change to a file."""

import errno
import os
import struct
import zlib
from contextlib import contextmanager, suppress

_SEAL = struct.Struct("<16sQI")  # a name, the size of what is before it, and its CRC-32
_SEAL_NAME = b"\nsknn_scratch 1\n"
_CHUNK = 2**20


@contextmanager
def replaced(path, unfinished=None):
    """Give a file to write to, which takes the place of `path` if the block ends well.

    `unfinished` is its path until then; by default one beside `path` that no other process has. An
    OSError names `path`, which is the one that the user knows.
    """
    if path.is_dir():  # or it would be known only after all has been written
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if unfinished is None:
        unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # or a crash of the machine could leave a name without content
        unfinished.replace(path)
    except OSError as error:
        if error.filename == str(unfinished):
            raise type(error)(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        with suppress(OSError):  # it is not there, or what stopped it from being written
            unfinished.unlink()


def seal(file):
    """Append a checksum to a file that has just been written, and is open for reading as well.

    Whoever knows from the content where it ends, as pickle does, reads it as before.
    """
    size = file.tell()
    checksum = _checksum(file, size)
    file.write(_SEAL.pack(_SEAL_NAME, size, checksum))


def seal_holds(file):
    """Return whether a file is what it was when it was sealed, or None if it has no seal."""
    size = file.seek(0, os.SEEK_END) - _SEAL.size
    if size < 0:
        return None
    file.seek(size)
    name, *expected = _SEAL.unpack(file.read(_SEAL.size))
    if name != _SEAL_NAME:
        return None
    return expected == [size, _checksum(file, size)]


def _checksum(file, size):
    """Return the CRC-32 of the first `size` bytes of a file, and stop behind them."""
    file.seek(0)
    checksum = 0
    for start in range(0, size, _CHUNK):
        checksum = zlib.crc32(file.read(min(_CHUNK, size - start)), checksum)
    return checksum
