"""A checksum of a model's state, by which a damaged file is told from a sound one.

It covers the attributes that are plain data: numbers, strings, arrays, random generators, and
lists, tuples and dicts of them. Objects of other classes, such as an activation or a callback of
the user's own, may refer back to the model. They need not come out of a file as what went in. It
names the attributes that hold such objects, and leaves them out.
"""

import types
import zlib

import numpy as np
from sklearn.preprocessing import LabelBinarizer

_SCALARS = (bool, int, float, complex, str, bytes, type(None))
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, type)  # stand in a file by their names


class ChecksumWhenPickled(int):
    """The checksum of a state, computed only if it is pickled: a copy in memory costs nothing.

    It is a number, 0, because skops writes numbers as they are. Its archives, which are zip files,
    have checksums of their own.
    """

    def __new__(cls, state):
        """Make the number, which is computed when it is pickled."""
        checksum = super().__new__(cls, 0)
        checksum.state = state
        return checksum

    def __reduce__(self):
        pieces, left_out = [], []
        for name in sorted(self.state):
            try:
                pieces += _pieces_of(name, self.state[name])
            except (TypeError, RecursionError):  # the second, of a list that contains itself
                left_out.append(name)
        return tuple, ((*_checksum(pieces), tuple(left_out)),)

    def __deepcopy__(self, memo):
        return 0


def is_sound(state, checksum):
    """Return whether a state is the one whose `checksum` was pickled.

    The numbers in arrays that are mapped into memory stay where they are, unread and unchecked.
    """
    if isinstance(checksum, int):
        return checksum == 0  # was not pickled
    try:
        of_bytes, of_arrays, left_out = checksum
        names = sorted(state.keys() - set(left_out))
        pieces = [piece for name in names for piece in _pieces_of(name, state[name])]
    except (TypeError, ValueError):
        return False
    if any(isinstance(piece, np.memmap) for piece in pieces):
        return _checksum(piece for piece in pieces if isinstance(piece, bytes))[0] == of_bytes
    return _checksum(pieces) == (of_bytes, of_arrays)


def _checksum(pieces):
    """Return the CRC-32 of all bytes, and the CRC-32 of the numbers in all arrays.

    It is sure to tell single bits and short runs of them. CRC-32 takes 0.5 ms per MB, on a machine
    where SHA-256 takes 1.0 and BLAKE2 2.2.
    """
    of_bytes = of_arrays = 0
    for piece in pieces:
        if isinstance(piece, bytes):
            of_bytes = zlib.crc32(piece, of_bytes)
        else:
            of_arrays = zlib.crc32(_little_endian(piece).reshape(-1).view(np.uint8), of_arrays)
    return of_bytes, of_arrays


def _pieces_of(name, value):
    """Return what an attribute consists of: arrays, and bytes for all else."""
    pieces = []
    _collect((name, value), pieces)
    return pieces


def _collect(value, pieces):
    """Append what `value` consists of; raise a TypeError if it is not plain data."""
    kind = type(value)  # a class derived from one of these may be another one in a file
    if kind in _SCALARS:
        pieces.append(_text(value))
    elif kind in (np.ndarray, np.memmap) or isinstance(value, np.generic):
        _collect_array(np.asanyarray(value), pieces)
    elif kind in (list, tuple):
        _collect_sequence(value, pieces)
    elif kind is dict:
        pieces.append(b"dict %d\n" % len(value))
        for item in value.items():
            _collect(item, pieces)
    elif kind is np.random.RandomState:
        _collect(value.get_state(legacy=False), pieces)
    elif kind is np.random.Generator:
        _collect(value.bit_generator.state, pieces)
    elif kind is LabelBinarizer:
        _collect(vars(value), pieces)
    elif isinstance(value, _FUNCTIONS):
        pieces.append(b"function\n")
    else:
        raise TypeError(f"{kind} is not plain data")


def _text(value):
    text = hex(value) if isinstance(value, int) else ascii(value)  # no limit to its digits
    return f"{type(value).__name__} {text}\n".encode()


def _collect_sequence(value, pieces):
    pieces.append(b"%s %d\n" % (type(value).__name__.encode(), len(value)))
    types = set(map(type, value))
    if types == {float}:  # a curve, which may have a million of them
        pieces.append(np.array(value, dtype="<f8").tobytes())
    elif types == {int}:
        pieces.append(ascii([*map(hex, value)]).encode())
    else:
        for item in value:
            _collect(item, pieces)


def _collect_array(array, pieces):
    pieces.append(f"array {array.dtype.newbyteorder('<').str} {array.shape}\n".encode())
    if array.dtype.hasobject:
        _collect(array.ravel().tolist(), pieces)
    else:
        pieces.append(array)


def _little_endian(array):
    """Return an array as it would be on any machine, without a copy where it is so on this one."""
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
