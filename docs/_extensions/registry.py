"""The directive ``registry`` documents the entries of a registry of the package.

``.. registry:: sknn_scratch.engine.schedules.SCHEDULES`` makes a table of the names, and of what
the docstrings say in their first lines. With the option ``:classes:`` there is the whole
documentation of each class, with a link to its source. A new entry is listed by its docstring.
"""

import inspect
from importlib import import_module

from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective


class Registry(SphinxDirective):
    """See above."""

    required_arguments = 1
    option_spec = {"classes": directives.flag}  # noqa: RUF012

    def run(self):
        """Return the nodes."""
        module, name = self.arguments[0].rsplit(".", 1)
        self.env.note_dependency(inspect.getsourcefile(import_module(module)))
        registry = getattr(import_module(module), name)
        lines = _classes(registry) if "classes" in self.options else _table(registry)
        return self.parse_text_to_nodes("\n".join(lines))


def _table(registry):
    lines = [".. list-table::", "   :header-rows: 1", "", "   * - name", "     - what it is"]
    for name, entry in registry.items():
        summary = inspect.getdoc(entry).partition("\n\n")[0].replace("\n", " ")
        lines += [f"   * - ``{name!r}``", f"     - {summary}"]
    return lines


def _classes(registry):
    for name, entry in registry.items():
        path = f"{entry.__module__}.{entry.__qualname__}"
        yield from [f".. rubric:: {name}", "", f".. autoclass:: {path}", ""]


def setup(app):
    """Add the directive."""
    app.add_directive("registry", Registry)
    return {"parallel_read_safe": True}
