"""What the operator asked for outside of any one command: read once, passed down."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Settings:
    """The global options, resolved. `lang` is "en" or "ko", `format` "text" or "json"."""

    venue: str
    reports: Path
    lang: str
    format: str
    verbose: int = 0

    @property
    def search_roots(self) -> tuple[Path, ...]:
        """Where a venue's name is looked up, nearest first."""
        return (Path.cwd() / "inventories", content_root() / "inventories")


def find_inventory(name_or_path: str, search: Iterable[Path]) -> Path | None:
    """The inventory of a venue given by its name in a search root, or by any path."""
    candidates = (*(root / name_or_path for root in search), Path(name_or_path).expanduser())
    return next((path.absolute() for path in candidates if name_or_path and path.exists()), None)


def content_root() -> Path:
    """The folder that holds playbooks/, roles/ and plugins/: in the wheel, or the clone."""
    installed = PACKAGE / "content"
    return installed if installed.is_dir() else PACKAGE.parent


def ansible_config() -> str:
    """By which configuration every process of Ansible is run: the one that is named, else ours."""
    return os.environ.get("ANSIBLE_CONFIG") or str(content_root() / "ansible.cfg")


def read_settings(
    venue: str | None, reports: Path | None, lang: str | None, output: str, verbose: int
) -> Settings:
    """Options first, then the environment, then the defaults."""
    return Settings(
        venue=venue if venue is not None else os.environ.get("RACEDAY_VENUE") or "demo",
        reports=(reports or Path(os.environ.get("RACEDAY_REPORTS") or "reports")).absolute(),
        lang=chosen_language(lang),
        format=output,
        verbose=verbose,
    )


def chosen_language(lang: str | None) -> str:
    """What was asked for, else what the locale speaks."""
    spoken = lang or _spoken()
    return "ko" if spoken.startswith("ko") else "en"


def _spoken() -> str:
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    return next((os.environ[name] for name in names if os.environ.get(name)), "")
