"""The set-up is the same everywhere: constraints.txt names one version of each package that it installs."""

import re
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tooling.project import ROOT

LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in LINES)}
OLDEST = {"python_version": "3.11", "python_full_version": "3.11.0"}


def direct_requirements() -> list[Requirement]:
    """What pyproject.toml names: to build, to run, to test."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = settings["project"]
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    # An editable install asks for `editables` besides.
    return [
        Requirement(text)
        for text in (*settings["build-system"]["requires"], "editables", *project["dependencies"], *extras)
    ]


def wanted_by(requirement: Requirement) -> Iterable[Requirement]:
    """What a requirement asks for in its turn, with the extras that are asked of it: here, and on the oldest Python.

    What is for that alone may not be installed here; then nobody knows what it asks for."""
    with suppress(PackageNotFoundError):
        for text in requires(requirement.name) or []:
            further = Requirement(text)
            places = [{"extra": extra, **python} for extra in requirement.extras or {""} for python in ({}, OLDEST)]
            if further.marker is None or any(map(further.marker.evaluate, places)):
                yield further


def test_constraints_hold_names_and_versions_only() -> None:
    assert LINES
    odd = [line for line in LINES if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9._+!]+", line)]
    assert odd == []


def test_constraints_name_each_package_once_and_in_order() -> None:
    names = [line.partition("==")[0] for line in LINES]
    assert len(PINS) == len(LINES)
    assert names == sorted(names)


def test_every_direct_dependency_is_pinned_within_its_bounds() -> None:
    wrong = [
        str(requirement)
        for requirement in direct_requirements()
        if not requirement.specifier.contains(PINS.get(canonicalize_name(requirement.name), "0"))
    ]
    assert wrong == []


def test_every_transitive_dependency_is_pinned() -> None:
    seen: set[str] = set()
    waiting = direct_requirements()
    while waiting:
        requirement = waiting.pop()
        if str(requirement) not in seen:
            seen.add(str(requirement))
            waiting.extend(wanted_by(requirement))
    names = {canonicalize_name(Requirement(text).name) for text in seen}
    assert sorted(names - PINS.keys()) == []
    assert sorted(PINS.keys() - names) == [], "pinned, but nothing asks for it"
