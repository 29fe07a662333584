"""The notebook for students: ``examples/plot_course.py`` with gaps in place of its solutions.

A solution stands between ``# BEGIN SOLUTION`` and ``# END SOLUTION``. Students get a gap in its
place; or, if comments after ``# FOR STUDENTS`` hold code that is wrong, that code.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
COURSE = ROOT / "examples" / "plot_course.py"
NOTEBOOK = ROOT / "docs" / "generated" / "course" / "from_one_neuron_to_a_network.ipynb"

SOLUTION = re.compile(
    r"^(?P<indent> *)# BEGIN SOLUTION\n(?P<solution>.*?)"
    r"(?:^ *# FOR STUDENTS\n(?P<given>.*?))?^ *# END SOLUTION\n",
    re.M | re.S,
)


def for_students(course):
    """Return the text of the course without its solutions."""
    return SOLUTION.sub(_gap, course)


def _gap(solution):
    """Return what students find in the place of a solution."""
    indent, given = solution["indent"], solution["given"]
    if given is None:
        todo = 'raise NotImplementedError("Write this function, and run its cell again.")'
        return f"{indent}# YOUR CODE HERE\n{indent}{todo}\n"
    code = re.sub(rf"^{indent}# ", indent, given, flags=re.M)
    return f"{indent}# YOUR CODE HERE: something is wrong below\n{code}"


def write_notebook(path=NOTEBOOK):
    """Write the notebook for students, as the gallery writes those of the examples."""
    from sphinx_gallery.gen_gallery import DEFAULT_GALLERY_CONF
    from sphinx_gallery.notebook import jupyter_notebook, save_notebook
    from sphinx_gallery.py_source_parser import split_code_and_text_blocks

    path.parent.mkdir(parents=True, exist_ok=True)
    script = path.with_suffix(".py")
    script.write_text(for_students(COURSE.read_text("utf-8")), "utf-8")
    _, blocks = split_code_and_text_blocks(str(script))
    save_notebook(jupyter_notebook(blocks, DEFAULT_GALLERY_CONF, str(path.parent)), path)


def setup(app):
    """Write the notebook before the pages are read, which offer it."""
    app.connect("builder-inited", lambda app: write_notebook())
    return {"parallel_read_safe": True}
