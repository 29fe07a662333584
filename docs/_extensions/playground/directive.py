"""The directive ``playground``, and the files that its page loads.

``.. playground:: networks`` and ``.. playground:: prox`` are the two parts of the page. Each stands
behind a figure that scripts hide; the content of the directive is the caption of that figure.
The weights are trained, and the figures drawn, before Sphinx reads the pages: again only if the
package or this extension has changed.
"""

import hashlib
import json
from pathlib import Path

import matplotlib as mpl
from docutils import nodes
from sphinx.util.display import progress_message
from sphinx.util.docutils import SphinxDirective

import sknn_scratch
from playground import figures, grid, page

GENERATED = "generated/static"  # in the folder of the pages, as all that is generated
HERE = Path(__file__).parent

PARTS = {
    "networks": (
        lambda: page.networks(grid.GRID, grid.EPOCHS, grid.SEED),
        "Three decision boundaries around an inner circle: one hidden unit draws a straight line, "
        "two units a strip, three units a ring.",
    ),
    "prox": (
        page.prox,
        "A weight after the soft threshold against the weight before: zero around the middle, the "
        "wider the larger learning rate times penalty; a straight line on either side.",
    ),
}


class Playground(SphinxDirective):
    """See above."""

    required_arguments = 1
    has_content = True

    def run(self):
        """Return the nodes."""
        part = self.arguments[0]
        html, alternative = PARTS[part]
        self.env.metadata[self.env.docname]["playground"] = True
        image = nodes.image(uri=f"/{GENERATED}/playground/{part}.svg", alt=alternative)
        caption = nodes.container("", *self.parse_content_to_nodes(), classes=["pg-caption"])
        static = nodes.container(classes=["pg-static", f"pg-static-{part}"])
        static += [image, caption]
        return [static, nodes.raw("", html(), format="html")]


def checksum():
    """Return what changes with the package, or with how its networks are trained and drawn."""
    folders = (Path(sknn_scratch.__file__).parent, HERE)
    sources = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def generate(app):
    """Write the weights and the figures, unless those of this very code are there."""
    folder = Path(app.srcdir) / GENERATED / "playground"
    stamp = folder / "checksum.txt"
    app.config.html_static_path.append(GENERATED)
    now = checksum()
    if stamp.is_file() and stamp.read_text("utf-8") == now:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with progress_message("training the networks of the playground"):
        data = json.dumps(grid.train(), separators=(",", ":"))
    (folder / "data.js").write_text(f"playground.data = {data};\n", "utf-8")
    with mpl.rc_context({"svg.hashsalt": "playground"}):
        figures.draw_networks(folder / "networks.svg")
        figures.draw_prox(folder / "prox.svg")
    stamp.write_text(now, "utf-8")  # last: a build that is interrupted begins again


def add_files(app, pagename, templatename, context, doctree):
    """Have the page with the playground, and no other, load the scripts and the style sheet."""
    if app.env.metadata.get(pagename, {}).get("playground"):
        app.add_css_file(f"playground/{page.STYLE}")
        for script in page.SCRIPTS:
            app.add_js_file(f"playground/{script}", loading_method="defer")


def setup(app):
    """Add the directive and its files."""
    app.add_directive("playground", Playground)
    app.connect("builder-inited", generate)
    app.connect("html-page-context", add_files)
    return {"parallel_read_safe": True}
