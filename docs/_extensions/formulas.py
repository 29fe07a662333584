"""Formulas are set by KaTeX, which travels with the pages: they need no other site.

``docs/_static/katex`` is KaTeX 0.19.1 as npm has it: script, style sheet, fonts, licence. A page
without formulas does not load it. Without JavaScript the reader sees LaTeX.
"""

from docutils import nodes

CLASS = "math notranslate nohighlight"  # as Sphinx writes them for MathJax; themes rely on it


def _visit_inline(writer, node):
    writer.body.append(writer.starttag(node, "span", "", CLASS=CLASS))
    writer.body.append(f"{writer.encode(node.astext())}</span>")
    raise nodes.SkipNode


def _visit_block(writer, node):
    writer.body.append(writer.starttag(node, "div", "", CLASS=CLASS))
    writer.body.append(f"{writer.encode(node.astext())}</div>\n")
    raise nodes.SkipNode


def _add_katex(app, pagename, templatename, context, doctree):
    if context.get("has_maths_elements"):
        app.add_css_file("katex/katex.min.css")
        app.add_js_file("katex/katex.min.js", loading_method="defer")
        app.add_js_file("formulas.js", loading_method="defer")


def setup(app):
    """Make KaTeX the renderer."""
    app.add_html_math_renderer(
        "katex", inline_renderers=(_visit_inline, None), block_renderers=(_visit_block, None)
    )
    app.connect("html-page-context", _add_katex)
    return {"parallel_read_safe": True}
