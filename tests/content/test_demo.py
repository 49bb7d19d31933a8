"""The demo's containers are shared by every copy of the project on a machine."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo import fleet
from demo.engine import Engine
from demo.errors import DemoError
from demo.progress import Progress

HOST = fleet.Host("db1", "plain", 2201)


@dataclass(frozen=True)
class OtherCopys(Engine):
    """An engine in which all hosts run, made from the folder `owner`."""

    owner: Path = Path()
    called: list[str] = field(default_factory=list)

    def call(self, *arguments: str) -> str:
        """What the engine would print."""
        self.called.append(arguments[0])
        return "demo-db1 Up 2 hours\n" if arguments[0] == "ps" else f"{self.owner}\n"

    def works(self, *_arguments: str) -> bool:
        """No network."""
        return False


def start(engine: Engine, own: fleet.Fleet) -> None:
    """As `python -m demo up` does it."""
    fleet.start(engine, own, "image", Progress())


@pytest.mark.parametrize("does", [start, fleet.remove])
def test_the_demo_of_another_copy_is_left_alone(
    tmp_path: Path, does: Callable[[Engine, fleet.Fleet], None]
) -> None:
    """Its folder is named, and no container is touched or waited for."""
    (other := tmp_path / "other" / ".state").mkdir(parents=True)
    engine = OtherCopys("podman", (), (), (), owner=other)
    own = fleet.Fleet("demo", "demo=true", tmp_path / ".state", (HOST,))
    with pytest.raises(DemoError) as error:
        does(engine, own)
    assert error.value.message == f"the hosts of demo were made by another copy, with {other}"
    assert set(engine.called) == {"ps", "inspect"}


def test_the_demo_of_a_copy_that_is_gone_can_be_removed(tmp_path: Path) -> None:
    """Nobody else could do it."""
    engine = OtherCopys("podman", (), (), (), owner=tmp_path / "gone")
    fleet.remove(engine, fleet.Fleet("demo", "demo=true", tmp_path / ".state", (HOST,)))
    assert "rm" in engine.called
