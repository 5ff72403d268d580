"""A room imports only what stands below it, and no modules import each other in a circle."""

import ast
from pathlib import Path

import pytest

import bornnet

ROOT = Path(bornnet.__file__).parents[1]
LAYERS = (
    {"errors", "data", "guide"},
    {"config", "compute", "files"},
    {"physics", "networks"},
    {"diagrams", "training", "targets"},
    {"learners", "datasets"},
    {"series"},
    {"runs"},
    {"comparison"},
    {"solving"},
    {"studies", "report"},
    {"cli", "__main__"},
)
BESIDE = {
    ("networks", "physics"): "neither knows of the other",
    ("physics", "networks"): "neither knows of the other",
    ("learners", "datasets"): "learners know problems, not where they come from",
    ("datasets", "learners"): "data know nothing of what learns from them",
    ("files", "config"): "primitives",
    ("config", "files"): "names and keys alone",
    ("report", "studies"): "a report is of comparisons",
    ("studies", "report"): "a study leaves results",
}
"""Rooms of one layer that must not know each other either, and why."""

LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


def modules():
    for folder, package in (("bornnet", "bornnet"), ("cli", "bornnet.cli"), ("data", "bornnet.data")):
        for file in sorted((ROOT / folder).rglob("*.py")):
            parts = [package, *file.relative_to(ROOT / folder).with_suffix("").parts]
            yield ".".join(part for part in parts if part != "__init__"), file


MODULES = dict(modules())


def imported(name, file, lazy=True):
    """The modules of bornnet that a module imports, at its top or (`lazy`) within functions too; what stands
    under TYPE_CHECKING never runs, and is left out."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found = set()

    def visit(node, inside):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            for alias in node.names:
                found.add(f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base)
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        deeper = isinstance(node, ast.FunctionDef | ast.Lambda | ast.AsyncFunctionDef)
        if deeper and not lazy:
            return
        for child in ast.iter_child_nodes(node):
            visit(child, inside or deeper)

    visit(ast.parse(file.read_text(encoding="utf-8")), False)
    return {module for module in found if module in MODULES and module not in (name, "bornnet")}


def room(module):
    return module.split(".")[1]


@pytest.mark.parametrize("name", [name for name in MODULES if name != "bornnet"])
def test_a_room_imports_only_what_stands_below_it(name):
    for other in imported(name, MODULES[name]):
        mine, theirs = room(name), room(other)
        assert LEVEL[theirs] <= LEVEL[mine], f"{name} imports {other}, which stands above it"
        assert (mine, theirs) not in BESIDE, f"{name} imports {other}: {BESIDE[mine, theirs]}"


def test_no_circles():
    edges = {name: imported(name, file, lazy=False) for name, file in MODULES.items()}
    done = set()

    def walk(name, path):
        assert name not in path, "circle: " + " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for other in sorted(edges[name]):
                walk(other, [*path, name])
            done.add(name)

    for name in edges:
        walk(name, [])


def test_every_room_has_its_place():
    assert {room(name) for name in MODULES if name != "bornnet"} == set(LEVEL)


DRAWN = {"comparison", "config", "errors", "files", "report"}
"""All that a figure or a page is made from. A comparison holds kernels, terms, waves and records."""


def test_figures_draw_what_a_comparison_holds():
    """Nothing of physics, learners, series or runs is in reach of a chart, but the layout of a diagram."""
    for name in (name for name in MODULES if name.startswith("bornnet.report")):
        others = {other for other in imported(name, MODULES[name]) if room(other) not in DRAWN}
        assert others <= {"bornnet.diagrams.drawing"}, f"{name} imports {others}"


def private(tree):
    """Names of one underscore that a test takes from bornnet: imported, as attributes, or to be patched."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bornnet"):
            yield from (a.name for a in node.names if a.name.startswith("_") and a.name != "__version__")
        elif isinstance(node, ast.Attribute):
            of_itself = isinstance(node.value, ast.Name) and node.value.id in ("self", "os")
            shown = node.attr.startswith("_repr_")  # how notebooks show things
            if node.attr.startswith("_") and not (node.attr.startswith("__") or of_itself or shown):
                yield node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", None) == "setattr":
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            yield from (name for text in texts if (name := text.rpartition(".")[2]).startswith("_"))


@pytest.mark.parametrize("file", sorted((ROOT / "tests").rglob("*.py")), ids=lambda file: file.name)
def test_tests_take_public_names_alone(file):
    assert not list(private(ast.parse(file.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("file", sorted(MODULES.values()), ids=lambda file: "/".join(file.parts[-2:]))
def test_files_are_short_or_say_why(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 300 or any(line.startswith("Over 300 lines: ") for line in lines[:5])


def classes():
    """Every class of the package, by module, with the names of its methods and of its annotated fields."""
    for name, file in MODULES.items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
                annotated = (part.target for part in node.body if isinstance(part, ast.AnnAssign))
                yield f"{name}.{node.name}", methods, {t.id for t in annotated if isinstance(t, ast.Name)}


def test_rows_have_one_view_between_file_and_optimizer():
    """Rows that are had when asked for are a source (on the disk, or drawn from bits) or the one view of it:
    nothing else wraps them."""
    assert {name for name, methods, _ in classes() if {"__len__", "__getitem__"} <= methods} == {
        "bornnet.files.view.RowSource",
        "bornnet.files.view.View",
        "bornnet.datasets.stored.StoredArray",
        "bornnet.series.iteration.Directions",
    }


@pytest.mark.parametrize(
    ("fields", "only"),
    [
        ({"potentials", "values", "strength"}, {"bornnet.datasets.labelled.Labelled"}),
        ({"inputs", "targets", "weights"}, {"bornnet.training.problem.Samples"}),
    ],
)
def test_a_row_has_one_type(fields, only):
    """Rows of data are `Labelled`, whether read, given, held out or kept; what a fit takes are `Samples`. An
    answer beside its question has terms too, and is none."""
    assert {name for name, _, found in classes() if fields <= found and "terms" not in found} == only


def test_no_two_types_of_rows_share_a_name():
    names = [name.rpartition(".")[2] for name, _, _ in classes()]
    for name in ("View", "RowSource", "Labelled", "Samples", "Batch"):
        assert names.count(name) == 1
    assert "Rows" not in names
