"""Finds every sentence that a view may have to say: in our code, in plugins, in templates."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from automation.procedures.checks import CLOSED, FELLOWS, HOST_CHECKS

ROOT = Path(__file__).parents[3]
CALLS = frozenset({"Message", "message", "t", "translate", "_translate"})
CALLS |= {"mistake", "unfit", "wants", "Doubt"}  # parts of a venue file's sentences
ERRORS = frozenset({"UsageError", "Refused", "RacedayError", "__init__"})  # sentence, and hint
ERRORS |= {"did_you_mean", "similar_name"}  # what to say instead stands behind other words
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


def sentences() -> frozenset[str]:
    """All catalogue keys that the project uses."""
    code = (*ROOT.glob("automation/**/*.py"), *ROOT.glob("plugins/**/*.py"))
    pages = ROOT.glob("automation/views/**/*.j2")
    roles = ROOT.glob("roles/**/*.yml")
    found = {text for path in code for text in _in_code(path)}
    found |= {text for path in pages for text in _in_page(path)}
    found |= {text for path in roles for text in _in_role(path)}
    return frozenset((found | {*HOST_CHECKS, *CLOSED, FELLOWS}) - {""})


def placeholders(text: str) -> frozenset[str]:
    """The names a sentence wants."""
    return frozenset(PLACEHOLDER.findall(text))


def _in_code(path: Path) -> Iterator[str]:
    """Literals given to a call of ours, constants named in one, and texts with placeholders."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants, plain = dict(_constants(tree)), dict(_constants(tree, deep=False))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and _name(node.func) in CALLS:
            first = node.args[0]
            if isinstance(first, ast.IfExp):
                yield from _literals(first)
            elif isinstance(first, ast.Name):
                yield from constants.get(first.id, ())
            else:
                yield from _literals(first, deep=False)
        if isinstance(node, ast.Call) and _name(node.func) in ERRORS:
            yield from (text for arg in node.args for text in _words(arg, plain))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_sentence = PLACEHOLDER.search(node.value) and "\n" not in node.value
            yield from [node.value] if is_sentence else []


def _words(arg: ast.expr, constants: Mapping[str, list[str]]) -> Sequence[str]:
    if isinstance(arg, ast.Name):
        return constants.get(arg.id, ())
    return list(_literals(arg, deep=False))


def _constants(tree: ast.AST, *, deep: bool = True) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, list(_literals(node.value, deep=deep))


def _literals(node: ast.AST, *, deep: bool = True) -> Iterator[str]:
    inner = ast.walk(node) if deep else (node,)
    for item in inner:
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            yield item.value


def _name(node: ast.expr) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


def _in_page(path: Path) -> Iterator[str]:
    tree = Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
    for _, _, text in extract_from_ast(tree, gettext_functions=("t",)):
        if isinstance(text, str):
            yield text
        elif isinstance(text, tuple):
            yield from (part for part in text if isinstance(part, str))


def _in_role(path: Path) -> Iterator[str]:
    """The names of its checks, and what its transactions say when one does not hold."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.parts[-2:] == ("meta", "raceday.yml"):
        yield from (name for names in content.get("checks", {}).values() for name in names)
    if path.parts[-2] == "tasks":
        yield from _said(content)


def _said(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (node[key] for key in ("why", "next") if isinstance(node.get(key), str))
    if isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from _said(child)


def is_sentence(text: str) -> bool:
    """Whether anything but placeholders and punctuation is left to translate."""
    return any(char.isalpha() for char in PLACEHOLDER.sub("", text))
