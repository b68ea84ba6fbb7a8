"""The typed stubs say what the extension has; mypy's stubtest does not understand pybind11."""

from __future__ import annotations

import ast
import pathlib
import re
from typing import Dict, List

import rwp
from rwp import _native

STUB = ast.parse((pathlib.Path(rwp.__file__).parent / "_native.pyi").read_text())
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}


def public(names: List[str]) -> List[str]:
    return sorted(name for name in names if not name.startswith("_") or name in (
        "__init__", "__iter__", "__next__", "__enter__", "__exit__"))


def runtime_parameters(signature: str) -> List[str]:
    """['self', 'kind', '*', …] of "submit(self: rwp._native.Client, kind: handle, *, …) -> …"."""
    inside = signature[signature.index("(") + 1:signature.rindex(") ->")]
    depth, text, parts = 0, "", []
    for letter in inside + ",":
        if letter == "," and depth == 0:
            parts.append(text.strip())
            text = ""
            continue
        depth += (letter in "([{") - (letter in ")]}")
        text += letter
    return [re.split(r"[:=]", part)[0].strip() for part in parts if part]


def stub_parameters(function: ast.FunctionDef) -> List[str]:
    given = function.args
    names = [one.arg for one in given.args]
    if given.kwonlyargs:
        names += ["*", *(one.arg for one in given.kwonlyargs)]
    return names


def test_the_stubs_name_just_what_is_there() -> None:
    classes = {name for name, thing in vars(_native).items() if isinstance(thing, type)}
    assert set(CLASSES) == classes
    for name, node in CLASSES.items():
        members = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
        there = [member for member in vars(getattr(_native, name))]
        # pybind11 gives every class an __init__, which refuses where there is no constructor.
        if "__init__" not in members:
            there = [member for member in there if member != "__init__"]
        assert public(list(members)) == public(there), name


def test_the_stubs_have_the_same_parameters() -> None:
    compared = 0
    for name, node in CLASSES.items():
        for item in node.body:
            if not isinstance(item, ast.FunctionDef) or item.name == "__exit__":
                continue
            if any(isinstance(one, ast.Name) and one.id == "property"
                   for one in item.decorator_list):
                assert isinstance(vars(getattr(_native, name))[item.name], property), item.name
                continue
            documentation = vars(getattr(_native, name))[item.name].__doc__
            assert runtime_parameters(documentation.splitlines()[0]) == stub_parameters(item), (
                name, item.name)
            compared += 1
    assert compared > 20


def test_everything_public_is_documented() -> None:
    undocumented: Dict[str, List[str]] = {}
    for name in rwp.__all__:
        thing = getattr(rwp, name)
        if isinstance(thing, type) and not thing.__doc__:
            undocumented.setdefault(name, [])
    assert undocumented == {}
    for method in ("submit", "submit_many", "wait", "get", "list", "cancel", "progress"):
        text = vars(rwp.Client)[method].__doc__
        assert len(text.splitlines()) > 2, method
