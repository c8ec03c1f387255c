"""Every block of Python in docs/python.md, in order, in one folder; and what the stubs and the module agree on."""

import ast
import inspect
import re
from pathlib import Path

import safelight
from safelight import _safelight

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_works_as_written(capsys):
    text = (ROOT / "docs/python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 5
    names = {"__name__": "__main__"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"docs/python.md block {number}", "exec"), names)


def test_every_name_is_documented():
    for name in safelight.__all__:
        assert name == "__version__" or inspect.getdoc(getattr(safelight, name)), name
        assert hasattr(safelight, name)


def test_the_stubs_have_what_the_module_has():
    stubs = ast.parse((Path(safelight.__file__).parent / "_safelight.pyi").read_text())
    declared = {
        node.name: node for node in stubs.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))
    }
    found = {name for name in dir(_safelight) if not name.startswith("_")}
    assert set(declared) == found
    for name, node in declared.items():
        if not isinstance(node, ast.ClassDef):
            continue
        methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)} - {"__new__", "__call__"}
        own = {known for known in vars(getattr(_safelight, name)) if not known.startswith("_")}
        assert methods == own, name
        for method in own:
            assert inspect.getdoc(getattr(getattr(_safelight, name), method)), f"{name}.{method}"


def test_the_stubs_name_every_option():
    pages = (ROOT / "docs/pipeline.md").read_text()
    stubs = (Path(safelight.__file__).parent / "_safelight.pyi").read_text()
    for step, name in (("restore", "Restorer"), ("embed", "Embedder")):
        section = re.search(rf"^#+ `?{step}`?\n(.*?)(?=^#+ )", pages, re.MULTILINE | re.DOTALL).group(1)
        options = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) - {"model", "column", "when"}
        assert options, section
        declared = re.search(rf"class {name}:.*?\) -> {name}", stubs, re.DOTALL).group(0)
        assert options == set(re.findall(r"^        (\w+):", declared, re.MULTILINE)) - {"model", "threads"}
