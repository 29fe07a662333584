"""What is collected: the kernels cannot be imported where numba is not installed."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("numba") else ["sknn_scratch/_kernels/*"]
