"""What every block of the venue file has in common."""

from typing import Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict

from automation.venue.fields import mistake


class Keys(BaseModel):
    """A block of the file: frozen, unknown keys refused, nothing converted behind one's back."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def check_one_of(block: Keys, kinds: tuple[str, ...]) -> None:
    """Raises a mistake unless exactly one of these keys is given."""
    given = [kind for kind in kinds if getattr(block, kind) is not None]
    words = ", ".join(kinds)
    if not given:
        raise mistake("takes exactly one of %(words)s, but has none of them; give one", words=words)
    if len(given) > 1:
        text = "takes exactly one of %(words)s, but has %(given)s; keep one"
        raise mistake(text, words=words, given=", ".join(given))


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def _named_apart[Item: _Named](items: tuple[Item, ...]) -> tuple[Item, ...]:
    names = [item.name for item in items]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise mistake('has two of the name "%(name)s"; give each its own name', name=twice)
    return items


NAMED_APART = AfterValidator(_named_apart)
