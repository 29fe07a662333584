"""The orders of several epochs, as numpy's RandomState draws them.

numpy's own `shuffle` keeps Python's lock: of networks that train in threads, one can shuffle at a
time. Matsumoto and Nishimura, "Mersenne twister", ACM Transactions on Modeling and Computer
Simulation 8(1), 1998.
"""

import numpy as np

from sknn_scratch.engine.kernels.compiler import cached, compiled

_N, _M = 624, 397


@compiled
def _twisted(number, following):
    y = (number & 0x80000000) | (following & 0x7FFFFFFF)
    return (y >> 1) ^ (y & 1) * 0x9908B0DF


@compiled
def _renew(key):
    """Compute the next 624 numbers of the generator from the last ones."""
    for i in range(_N - _M):
        key[i] = key[i + _M] ^ _twisted(key[i], key[i + 1])
    for i in range(_N - _M, _N - 1):
        key[i] = key[i + _M - _N] ^ _twisted(key[i], key[i + 1])
    key[_N - 1] = key[_M - 1] ^ _twisted(key[_N - 1], key[0])


@compiled
def _temper(key, drawn):
    """Write the random numbers of 32 bits that the numbers of the generator stand for."""
    for i in range(_N):
        y = np.int64(key[i])
        y ^= y >> 11
        y ^= (y << 7) & 0x9D2C5680
        y ^= (y << 15) & 0xEFC60000
        drawn[i] = y ^ (y >> 18)


@cached
def shuffle(key, position, order, orders):
    """Shuffle `order` in place for each row of `orders`, into which it is copied.

    `key` and `position` are the state of MT19937. The key is overwritten by the new one, and the
    new position is returned.
    """
    # All 624 at a time: the compiler does several at once, and the whole takes 0.6 of the time
    drawn = np.empty(_N, np.int64)
    _temper(key, drawn)
    for epoch in range(orders.shape[0]):
        mask = 0
        while mask < order.size - 1:
            mask = 2 * mask + 1
        for i in range(order.size - 1, 0, -1):
            if i <= mask >> 1:
                mask >>= 1
            j = i + 1
            while j > i:  # too large a number is drawn again
                if position == _N:
                    _renew(key)
                    _temper(key, drawn)
                    position = 0
                j = drawn[position] & mask
                position += 1
            order[i], order[j] = order[j], order[i]
        orders[epoch] = order
    return position
