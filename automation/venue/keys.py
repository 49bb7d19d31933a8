"""What every block of the venue file has in common."""

from pydantic import BaseModel, ConfigDict

from automation.venue.fields import mistake


class Keys(BaseModel):
    """A block of the file: frozen, unknown keys refused, nothing converted behind one's back."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def check_one_of(block: Keys, kinds: tuple[str, ...]) -> None:
    """Raises a mistake unless exactly one of these keys is given."""
    given = [kind for kind in kinds if getattr(block, kind) is not None]
    if len(given) != 1:
        found = " and ".join(given) if given else "none of them"
        raise mistake(f"takes exactly one of {', '.join(kinds)}, but has {found}; keep one")
