"""Packages that are asked for only where they are used."""

from importlib import import_module
from typing import Any


def optional(module: str, extra: str = "interop") -> Any:
    """Import a module of a package that an extra installs."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f'{package} is needed for this: pip install "sknn-scratch[{extra}]".'
        ) from error
