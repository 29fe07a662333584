"""scikit-learn's switch for its halving searches, in each process that runs examples.

The gallery looks for the shortest name of a class; for these searches it is an error without.
"""


def enable(gallery_conf, example):
    """Import the switch before an example."""
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
