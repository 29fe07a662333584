"""Files that are there as a whole or not at all."""

import os
from contextlib import contextmanager


@contextmanager
def replaced(path, unfinished=None):
    """Give a file to write to, which takes the place of `path` if the block ends well.

    `unfinished` is its path until then; by default one beside `path` that no other process has.
    """
    if unfinished is None:
        unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # or a crash of the machine could leave a name without content
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
