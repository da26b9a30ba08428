"""Who may build from the configuration, and what constructors may be given."""

import ast
from pathlib import Path

import ganexp

PACKAGE = Path(ganexp.__file__).parent
BUILDERS = {"instantiate", "get_class", "get_method"}
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def names_in(module):
    tree = ast.parse((PACKAGE / module).read_text())
    return {
        getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "name", None)
        for node in ast.walk(tree)
    }


def constructors(module):
    for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
        if isinstance(node, ast.ClassDef):
            yield from (part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__")


def builds(module):
    """Whether a module builds objects from the configuration."""
    return bool(names_in(module) & {"instantiate", "get_class", "get_method"})


def constructors_of_configurations(module):
    """The constructors of a module that take a configuration."""
    for constructor in constructors(module):
        given = {
            getattr(node, "id", None) or getattr(node, "value", None)
            for argument in ast.walk(constructor.args)
            if isinstance(argument, ast.arg) and argument.annotation
            for node in ast.walk(argument.annotation)
            if isinstance(node, ast.Name | ast.Constant)
        }
        if given & {"DictConfig", "ListConfig", "omegaconf.DictConfig"}:
            yield f"{module}:{constructor.lineno}"


def test_only_config_builds_from_the_configuration():
    assert [str(module) for module in MODULES if builds(module)] == ["config/build.py"]


def test_no_constructor_takes_a_configuration():
    assert not [place for module in MODULES for place in constructors_of_configurations(module)]


def test_the_rules_see_what_they_forbid(tmp_path, monkeypatch):
    constructor = "class A:\n    def __init__(self, cfg: DictConfig | None): instantiate(cfg)\n"
    (tmp_path / "bad.py").write_text(f"from hydra.utils import instantiate\n{constructor}")
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    assert builds(Path("bad.py"))
    assert list(constructors_of_configurations(Path("bad.py"))) == ["bad.py:3"]


def test_pictures_are_opened_in_one_place_where_no_program_is_started_for_them():
    opening = [str(module) for module in MODULES if "Image.open(" in (PACKAGE / module).read_text()]
    assert opening == ["files/pictures.py"]
