"""The documentation site: ``sphinx-build -W -j auto docs docs/_build/html`` makes it.

The pages are Markdown that is readable where it lies as well; the reference is made from the
docstrings, the gallery by running ``examples/plot_*.py``.
"""

import re
import sys
from pathlib import Path
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import sknn_scratch

project = "sknn_scratch"
author = "The sknn_scratch developers"
copyright = author
version = release = sknn_scratch.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "registry",
    "formulas",
    "course",
    "playground.directive",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
default_role = "literal"
highlight_language = "none"  # formulas in docstrings are no Python
smartquotes = False  # 'relu' is
toc_object_entries_show_parents = "hide"
nitpicky = True

# Markdown: `[text](page.md#section)` is checked, and ```math is displayed, as on GitHub
myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 3

# The reference
autodoc_typehints = "none"  # types, with shapes, are in the docstrings
autosummary_generate = True
numpydoc_show_class_members = False  # the template lists them
numpydoc_xref_param_type = False

# The gallery
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "examples",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"(^|/)(?!plot_)[^/]*$",  # scripts for the command line
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sknn_scratch",),
    "reference_url": {"sknn_scratch": None},
    "abort_on_example_error": True,
    "parallel": True,  # as many processes as -j of sphinx-build says
    "reset_modules": ("matplotlib", "halving.enable"),
    "capture_repr": ("_repr_html_",),  # not the addresses of figures
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,  # they choose the picture that stands for an example
    "write_computation_times": False,
}

# Other packages
PACKAGES = {
    "numpy": "https://numpy.org/doc/stable/",
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "sklearn": "https://scikit-learn.org/stable/",
    "joblib": "https://joblib.readthedocs.io/en/stable/",
}


def _can_be_reached(address):
    try:
        with urlopen(address + "objects.inv", timeout=5):
            return True
    except OSError:
        return False


# Without a network the names of other packages are plain text: Sphinx itself would warn of the
# missing inventory, and -W make an error of it. Nor is it one if another site does not know a name.
intersphinx_mapping = {
    name: (address, None) for name, address in PACKAGES.items() if _can_be_reached(address)
}
nitpick_ignore_regex = [("py:.*", rf"{name}\..*") for name in PACKAGES]
# numpydoc refers to it, since it is a property; scikit-learn's class defines it
nitpick_ignore = [("py:obj", "estimators_samples_")]

# The theme
html_theme = "pydata_sphinx_theme"
html_title = "sknn_scratch"
html_show_sourcelink = False
html_sidebars = {"**": ["all_pages.html"]}
html_math_renderer = "katex"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/logo.svg"
html_theme_options = {
    "logo": {"image_light": "_static/logo.svg", "image_dark": "_static/logo.svg", "text": project},
    "navbar_center": [],  # all pages are in the sidebar
    "navbar_align": "right",
    "show_prev_next": True,
    "show_toc_level": 2,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": [],
}


def _link_pages(app, docname, source):
    """Turn links that are right in the repository into those of the site.

    An item of a list that is no more than a link to an example shows its picture, too.
    """
    text = re.sub(
        r"^- \[(.*)\]\(\.\./examples/(plot_\w+)\.py\)$",
        r"- [![](examples/images/thumb/sphx_glr_\2_thumb.png) \1](examples/\2.rst)",
        source[0],
        flags=re.M,
    )
    text = re.sub(r"\]\(\.\./examples/(plot_\w+)\.py\)", r"](examples/\1.rst)", text)
    text = text.replace("](../examples)", "](examples/index.rst)")
    source[0] = text.replace("](../CHANGELOG.md)", "](changelog.md)")


def _skip_member(app, what, name, member, skip, options):
    """Leave out what scikit-learn's base classes bring: its docstrings refer to its own pages."""
    function = getattr(member, "fget", member)  # of a property
    module = getattr(function, "__module__", None) or ""
    return True if module.startswith("sklearn.") else None


def setup(app):
    """Connect the functions above."""
    app.connect("source-read", _link_pages)
    app.connect("autodoc-skip-member", _skip_member)
