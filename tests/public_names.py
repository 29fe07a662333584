"""What users may import."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import sknn_scratch
from sknn_scratch import engine


def public_modules():
    """Return the public modules that say what they hold.

    The classes of `estimators` are imported from the package itself.
    """
    modules = ["sknn_scratch"]
    for package in (sknn_scratch, engine):
        path = Path(package.__file__).parent
        for module in iter_modules([str(path)]):
            if module.name.startswith("_") or module.name == "estimators":
                continue
            file = (
                path / module.name / "__init__.py" if module.ispkg else path / f"{module.name}.py"
            )
            if "__all__" in file.read_text("utf-8"):
                modules.append(f"{package.__name__}.{module.name}")
    return [import_module(name) for name in modules]
