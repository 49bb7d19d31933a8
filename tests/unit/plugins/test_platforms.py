"""Units that are called otherwise on another platform; the planner and the plugins agree."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from automation.errors import VenueError
from automation.settings import content_root
from automation.venue.inventory import Inventory
from automation.venue.platforms import usual_unit

type Plugin = Callable[[str], ModuleType]

FILES = sorted(content_root().glob("roles/*/vars/*.yml"))


def at(*platforms: str | None) -> Inventory:
    """An inventory with one host per platform."""
    variables = [{"raceday_platform": platform} if platform else {} for platform in platforms]
    hosts = {f"h{number}": found for number, found in enumerate(variables)}
    return Inventory(Path("/site"), {"all": tuple(hosts)}, hosts)


def unit(role: str, inventory: Inventory) -> str | None:
    """The unit of a role on all of these hosts."""
    return usual_unit(role, list(inventory.hosts), inventory)


@pytest.mark.parametrize(
    ("role", "platform", "expected"),
    [
        ("postgresql", "debian-12", "postgresql@15-main"),
        ("postgresql", "debian-13", "postgresql@17-main"),
        ("redis", "debian-13", "redis-server"),
        ("wagering", "debian-13", None),
        ("redis", "redhat-9", "redis"),
        ("postgresql", None, None),
    ],
)
def test_a_platform_names_the_unit(role: str, platform: str | None, expected: str | None) -> None:
    """Where it says nothing, what is usual for the kind holds."""
    assert unit(role, at(platform)) == expected


def test_a_platform_that_no_role_knows_is_a_mistake() -> None:
    """A misspelt one would start the wrong unit, or none."""
    with pytest.raises(VenueError) as caught:
        unit("postgresql", at("debain-13"))
    text = "raceday_platform is debain-13, which no role knows; did you mean debian-13?"
    assert str(caught.value) == text


def test_hosts_of_two_platforms_cannot_share_a_name() -> None:
    """A component has one unit on all its hosts."""
    with pytest.raises(VenueError) as caught:
        unit("postgresql", at("debian-12", "debian-13"))
    text = "raceday_platform differs among h0, h1; write the unit in the venue file."
    assert str(caught.value) == text


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parents[1].name}-{file.stem}")
def test_planner_and_plugins_read_the_same(plugin: Plugin, file: Path) -> None:
    """The unit that is started is the one whose log is shown."""
    role, platform = file.parents[1].name, file.stem
    spec = plugin("plugin_utils.spec")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spec.constants, "DEFAULT_ROLES_PATH", [str(content_root() / "roles")])
        told = spec.role_knowledge(role, {"raceday_platform": platform})
    assert told["unit"] == unit(role, at(platform))
