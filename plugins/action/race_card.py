"""Compare a system's race card with the official one; see plugins/modules/race_card.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.raceday.core.plugins.plugin_utils.hot_path import check, message, result

NAME = "the race card equals the official one"
ARGUMENTS = {
    "component": {"type": "str", "required": True},
    "official": {"type": "path", "required": True},
    "observed": {"type": "raw", "required": True},
}
WRONG_SHAPE = (AttributeError, KeyError, TypeError, ValueError)


class Runner(NamedTuple):
    """A horse in a race as one system knows it."""

    name: str = "?"
    withdrawn: bool = False


class ActionModule(ActionBase):
    """Runs on the controller: the official card is a file of the venue."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return `raceday`: one check, whose reason names the first horse that differs.

        Raises AnsibleError when the official card cannot be read.
        """
        super().run(tmp, task_vars)
        _, params = self.validate_argument_spec(ARGUMENTS)
        variables, component = task_vars or {}, params["component"]
        official = _official(variables, params["official"])
        found = _check(official, params["observed"], component)
        host = variables["inventory_hostname"]
        report = {"component": component, "host": host, "state": "ok", "checks": [found]}
        return result([report])


def _check(official: Mapping[str, Any], observed: Any, system: str) -> dict[str, Any]:
    try:
        differences = list(compare(official, observed, system))
        seen = f"{len(differences)} differences" if differences else "equal"
    except WRONG_SHAPE as error:
        why = f"{type(error).__name__}: {error}"
        text = "The race card that %(system)s gave cannot be read: %(why)s"
        differences, seen = [message(text, system=system, why=why)], "not readable"
    return check(
        NAME,
        f"{len(_runners(official))} runners in {len(official['races'])} races, as official",
        seen,
        passed=not differences,
        why=differences[0] if differences else None,
        following=message("Correct the entry in the system that is wrong; sales stay closed."),
    )


def compare(
    official: Mapping[str, Any], observed: Mapping[str, Any], system: str
) -> Iterator[dict[str, Any]]:
    """Every difference as a sentence that names race, horse, and what each side says."""
    theirs, date = observed.get("date"), official.get("date")
    if theirs != date:
        yield message(
            "%(system)s holds the race card of %(theirs)s, the official one is of %(date)s",
            system=system,
            theirs=theirs,
            date=date,
        )
    ours, found = _runners(official), _runners(observed)
    for race, number in sorted({*ours, *found}):
        own, other = ours.get((race, number)), found.get((race, number))
        if own != other:
            yield _difference(system, race, number, own, other)


def _difference(
    system: str, race: int, number: int, official: Runner | None, observed: Runner | None
) -> dict[str, Any]:
    name = (official or observed or Runner()).name
    where = {"system": system, "race": race, "number": number, "name": name}
    if official is None:
        return message(
            "Race %(race)s, horse %(number)s (%(name)s) is in %(system)s "
            "but not on the official race card",
            **where,
        )
    if observed is None:
        return message(
            "Race %(race)s, horse %(number)s (%(name)s) is on the official race card "
            "but not in %(system)s",
            **where,
        )
    if official.name != observed.name:
        return message(
            "Race %(race)s, horse %(number)s is %(name)s on the official race card "
            "but %(other)s in %(system)s",
            **where,
            other=observed.name,
        )
    if official.withdrawn:
        return message(
            "Race %(race)s, horse %(number)s (%(name)s) is withdrawn on the official race card "
            "but still running in %(system)s",
            **where,
        )
    return message(
        "Race %(race)s, horse %(number)s (%(name)s) is withdrawn in %(system)s "
        "but running on the official race card",
        **where,
    )


def _runners(card: Mapping[str, Any]) -> dict[tuple[int, int], Runner]:
    return {
        (int(race["number"]), int(runner["number"])): Runner(runner["name"], runner["withdrawn"])
        for race in card["races"]
        for runner in race["runners"]
    }


def _official(variables: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The official card. Its path is relative to the inventory's directory."""
    file = Path(variables.get("inventory_dir") or ".") / path
    try:
        card = dict(json.loads(file.read_text(encoding="utf-8")))
        _runners(card)
    except (OSError, *WRONG_SHAPE) as error:
        why = f"{type(error).__name__}: {error}"
        raise AnsibleError(f"The official race card {file} cannot be read: {why}") from error
    return card
