"""Compare a system's race card with the official one; see plugins/modules/race_card.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.raceday.core.plugins.plugin_utils.hot_path import check, message, result

NAME = "the race card equals the official one"


class ActionModule(ActionBase):
    """Runs on the controller: the official card is a file of the venue."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return `raceday`: one check, whose reason names the first horse that differs."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        component, args = self._task.args["component"], self._task.args
        official = _official(variables, self._task.args["official"])
        differences = list(compare(official, args["observed"] or {}, component))
        found = check(
            NAME,
            f"{len(_runners(official))} runners in {len(official['races'])} races, as official",
            f"{len(differences)} differences" if differences else "equal",
            passed=not differences,
            why=differences[0] if differences else None,
            following=message("Correct the entry in the system that is wrong; sales stay closed."),
        )
        host = variables["inventory_hostname"]
        report = {"component": component, "host": host, "state": "ok", "checks": [found]}
        return result([report])


def compare(
    official: Mapping[str, Any], observed: Mapping[str, Any], system: str
) -> Iterator[dict[str, Any]]:
    """Every difference as a sentence that names race, horse, and what each side says."""
    dates = {"system": system, "theirs": observed.get("date"), "official": official.get("date")}
    if dates["theirs"] != dates["official"]:
        text = "%(system)s holds the race card of %(theirs)s, the official one is of %(official)s"
        yield message(text, **dates)
    ours, theirs = _runners(official), _runners(observed)
    for race, number in sorted({*ours, *theirs}):
        own, other = ours.get((race, number)), theirs.get((race, number))
        if own != other:
            yield _difference(system, race, number, own, other)


def _difference(
    system: str,
    race: int,
    number: int,
    official: tuple[str, bool] | None,
    observed: tuple[str, bool] | None,
) -> dict[str, Any]:
    name = (official or observed or ("?", False))[0]
    args = {"system": system, "race": race, "number": number, "name": name}
    if official is None:
        text = "Race %(race)s, horse %(number)s (%(name)s) is in %(system)s but not on the official race card"
    elif observed is None:
        text = "Race %(race)s, horse %(number)s (%(name)s) is on the official race card but not in %(system)s"
    elif official[0] != observed[0]:
        args["other"] = observed[0]
        text = "Race %(race)s, horse %(number)s is %(name)s on the official race card but %(other)s in %(system)s"
    elif official[1]:
        text = "Race %(race)s, horse %(number)s (%(name)s) is withdrawn on the official race card but still running in %(system)s"
    else:
        text = "Race %(race)s, horse %(number)s (%(name)s) is withdrawn in %(system)s but running on the official race card"
    return message(text, **args)


def _runners(card: Mapping[str, Any]) -> dict[tuple[int, int], tuple[str, bool]]:
    return {
        (int(race["number"]), int(runner["number"])): (runner["name"], bool(runner["withdrawn"]))
        for race in card.get("races", ())
        for runner in race["runners"]
    }


def _official(variables: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The official card. Its path is relative to the inventory's directory."""
    file = Path(variables.get("inventory_dir") or ".") / path
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise AnsibleError(f"The official race card {file} cannot be read: {error}") from error
