"""Calls side by side, in threads of this process.

joblib does the same with `prefer="threads"`, but looks only every 10 ms whether they are done. A
round of a search then ends 5 ms late on average, in which several small networks could train.
"""

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import count
from queue import Empty, SimpleQueue

from sknn_scratch.estimators.interrupts import end_if_asked

# Between two waits it is seen that the calls around have ended, and on Windows Ctrl-C, too
_SECONDS = 0.2


def in_threads(function, arguments, n_threads, context, end, told=None):
    """Return the results of calls of `function` with each of these tuples of arguments.

    Each thread works in a context of its own, which ``context()`` returns. The first error of a
    call is raised at once, as is Ctrl-C. That sets the event `end`: no further calls begin, and
    those under way should end. ``told(n)`` is called, in any thread, when n calls have returned.
    """
    todo = SimpleQueue()
    results, numbers = [None] * len(arguments), count(1)
    for call in enumerate(arguments):
        todo.put(call)

    def work():
        with context():
            while not end.is_set():
                try:
                    place, of_call = todo.get_nowait()
                except Empty:
                    return
                results[place] = function(*of_call)
                if told is not None:
                    told(next(numbers))

    pool = ThreadPoolExecutor(n_threads)
    try:
        running = {pool.submit(work) for _ in range(n_threads)}
        while running:
            done, running = wait(running, _SECONDS, FIRST_EXCEPTION)
            end_if_asked()  # by another such call, if this is one of its threads
            for thread in done:
                thread.result()  # which raises its error
    except BaseException:
        end.set()
        raise
    finally:
        pool.shutdown(wait=False)
        # The traceback of an error leads here: they would keep each other alive
        done = running = thread = None
    return results
