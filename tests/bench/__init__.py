"""What is measured, never asserted: `make bench`."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SSH = ("ssh", "-F", str(ROOT / "demo/.state/ssh_config"))
