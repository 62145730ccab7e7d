"""The reference of the Python package: signatures from the .pyi files, texts from the docstrings of the .py files, names from
__all__. Nothing is imported, so that it needs no build."""

import ast
import copy
import functools
from pathlib import Path

from plain_text import to_rst

PACKAGE = Path(__file__).resolve().parents[1] / "bindings/python/sendconn"
# The public modules, in the order of the page. What begins with "_" is the package's own.
MODULES = ["sendconn", "sendconn.spf", "sendconn.dkim", "sendconn.dmarc", "sendconn.authentication", "sendconn.authres",
           "sendconn.ownership", "sendconn.limit", "sendconn.dns", "sendconn.address", "sendconn.mailer", "sendconn.smtp",
           "sendconn.aio", "sendconn.pytest_plugin", "sendconn.compat.dkim", "sendconn.compat.spf"]

# What the package's private bases give to its classes.
KINDS = {"Value": "A frozen value: compares by its attributes; ``as_dict()`` and ``replace()``.",
         "Word": "An enumeration whose members are strings, too."}


def file_of(module: str, suffix: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / f"__init__{suffix}" if path.is_dir() else path.with_suffix(suffix)


@functools.lru_cache(maxsize=None)
def tree(module: str, suffix: str) -> ast.Module:
    file = file_of(module, suffix)
    return ast.parse(file.read_text(encoding="utf-8")) if file.exists() else ast.parse("")


def names_of(module: str) -> list[str]:
    """__all__, or, where there is none, what the types declare."""
    for node in tree(module, ".py").body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    return [node.name for node in tree(module, ".pyi").body
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_")]


def find(module: str, name: str, suffix: str) -> tuple[str, list]:
    """The module that defines the name, through imports, and its statements there (several for overloads)."""
    found = []
    for node in tree(module, suffix).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            found.append(node)
        elif isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == name:
            found.append(node)
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            found.append(node)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("sendconn"):
            for alias in node.names:
                if (alias.asname or alias.name) == name and f"{node.module}.{alias.name}" not in MODULES:
                    return find(node.module, alias.name, suffix)
    if len(found) == 1 and isinstance(found[0], ast.Assign) and isinstance(found[0].value, ast.Name):
        return find(module, found[0].value.id, suffix)  # another name for the same
    return module, found


class Place:
    """Where annotations stand: on the page of one module, written in another. A name that several modules have is
    written out, so that it leads to the right one."""

    def __init__(self, page: str, home: str):
        self.page = page
        self.home = home

    def text(self, node) -> str:
        place = self

        class Written(ast.NodeTransformer):
            def visit_Name(self, name):  # noqa: N802 - ast's name
                return ast.copy_location(ast.Name(place.full(name.id)), name)

        return ast.unparse(Written().visit(copy.deepcopy(node)))

    def full(self, name: str) -> str:
        owners = [module for module in MODULES if name in names_of(module)]
        if len(owners) < 2 or self.page in owners:
            return name
        definition = find(self.home, name, ".pyi")
        if not definition[1]:  # in what a class inherits
            definition = find("sendconn._core", name, ".pyi")
        same = [module for module in owners if find(module, name, ".pyi") == definition]
        return f"{same[-1]}.{name}" if same else name


def docstring(node) -> list[str]:
    return to_rst((ast.get_docstring(node) or "").splitlines())


def indented(lines: list[str], by: str = "   ") -> list[str]:
    return [by + line if line else "" for line in lines]


def decorators(node) -> set[str]:
    return {ast.unparse(decorator).rpartition(".")[2].partition("(")[0] for decorator in node.decorator_list}


def signature(node, place: Place, *, bound: bool) -> str:
    arguments = node.args
    if bound:
        first = arguments.posonlyargs or arguments.args
        arguments = ast.arguments(**{field: getattr(arguments, field) for field in arguments._fields})
        if arguments.posonlyargs:
            arguments.posonlyargs = first[1:]
        else:
            arguments.args = first[1:]
    returns = f" -> {place.text(node.returns)}" if node.returns is not None and node.name != "__init__" else ""
    return f"({place.text(arguments)}){returns}"


def directive(kind: str, signatures: list[str], body: list[str], options: tuple[str, ...] = ()) -> list[str]:
    head = f".. py:{kind}:: "
    lines = [head + signatures[0], *(" " * len(head) + other for other in signatures[1:])]
    return [*lines, *indented([*(f":{option}:" for option in options), "", *body]), ""]


def function(name: str, nodes: list, doc: list[str], place: Place) -> list[str]:
    options = ("async",) if isinstance(nodes[0], ast.AsyncFunctionDef) else ()
    return directive("function", [name + signature(node, place, bound=False) for node in nodes], doc, options)


def method(name: str, nodes: list, doc: list[str], place: Place) -> list[str]:
    marks = decorators(nodes[0])
    if "property" in marks:
        type_of = f"type: {place.text(nodes[0].returns)}" if nodes[0].returns else ""
        lines = directive("property", [name], doc)
        return [lines[0], f"   :{type_of}", *lines[1:]] if type_of else lines
    static = "staticmethod" in marks
    options = [mark for mark in ("classmethod", "staticmethod") if mark in marks]
    if isinstance(nodes[0], ast.AsyncFunctionDef):
        options.append("async")
    return directive("method", [name + signature(node, place, bound=not static) for node in nodes], doc, tuple(options))


def members(node: ast.ClassDef) -> dict[str, list]:
    """The public ones, in order; the constructor belongs to the class's own line."""
    found: dict[str, list] = {}
    for statement in node.body:
        name = getattr(statement, "name", None)
        if isinstance(statement, (ast.AnnAssign, ast.Assign)):
            target = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
            name = getattr(target, "id", None)
        if name and (not name.startswith("_") or name in ("__aenter__", "__enter__", "__await__")):
            found.setdefault(name, []).append(statement)
    return found


def class_lines(name: str, node: ast.ClassDef, source: ast.ClassDef | None, place: Place) -> list[str]:
    texts = {statement.name: docstring(statement) for statement in (source.body if source else [])
             if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
    body = [*(docstring(source) if source else []), ""]
    inherited: list = []
    for base in map(ast.unparse, node.bases):
        if base in KINDS:
            body += [KINDS[base], ""]
        elif base.startswith("_core."):  # the package's own: its members are this class's
            inherited += [one for found in find("sendconn._core", base.partition(".")[2], ".pyi")[1] for one in found.body]
        elif not base.startswith("_"):
            body += [f"Based on :py:class:`{base}`.", ""]
    node = ast.ClassDef(name=node.name, bases=[], keywords=[], decorator_list=[], body=[*node.body, *(
        one for one in inherited if getattr(one, "name", None) not in {getattr(own, "name", "") for own in node.body})])
    makers = [statement for statement in node.body
              if isinstance(statement, ast.FunctionDef) and statement.name == "__init__"]
    heads = [name + signature(maker, place, bound=True) for maker in makers] or [name]
    for member, statements in members(node).items():
        first = statements[0]
        if isinstance(first, ast.ClassDef):
            body += class_lines(member, first, None, place)
        elif isinstance(first, (ast.FunctionDef, ast.AsyncFunctionDef)):
            getters = [one for one in statements if "setter" not in decorators(one)]
            body += method(member, getters, texts.get(member, []), place)
        else:
            body += attribute(member, first, place)
    return directive("class", heads, body)


def attribute(name: str, node, place: Place, kind: str = "attribute") -> list[str]:
    lines = [f".. py:{kind}:: {name}"]
    if isinstance(node, ast.AnnAssign):
        lines.append(f"   :type: {place.text(node.annotation)}")
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is ...):
        lines.append(f"   :value: {ast.unparse(node.value)}")
    return [*lines, ""]


def object_lines(module: str, name: str) -> list[str]:
    home, nodes = find(module, name, ".pyi")
    place = Place(module, home)
    _, sources = find(module, name, ".py")
    if not nodes:
        raise ValueError(f"{module}.{name} is in __all__, but its types do not declare it")
    node, source = nodes[0], next(iter(sources), None)
    if isinstance(node, ast.ClassDef):
        return class_lines(name, node, source if isinstance(source, ast.ClassDef) else None, place)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        has_text = isinstance(source, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        return function(name, nodes, docstring(source) if has_text else [], place)
    return attribute(name, node, place, "data")


def page(module: str) -> str:
    lines = [module, "=" * len(module), "", f".. py:module:: {module}", ""]
    lines += [*docstring(tree(module, ".py")), ""]
    for name in names_of(module):
        if f"{module}.{name}" not in MODULES:
            lines += object_lines(module, name)
    return "\n".join(lines)


def write_pages(folder: Path):
    (folder / "python").mkdir(parents=True)
    for module in MODULES:
        (folder / "python" / f"{module}.rst").write_text(page(module), encoding="utf-8")
    rows = [f"   python/{module}" for module in MODULES]
    text = ["Python", "======", "", "The package's modules. :doc:`../project/python` is their guide.", "", ".. toctree::",
            "   :maxdepth: 1", "", *rows, ""]
    (folder / "python.rst").write_text("\n".join(text), encoding="utf-8")
