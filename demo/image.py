"""The one image of all demo hosts, built from Debian's packages and named after its recipe."""

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from demo.engine import Engine
from demo.errors import DemoError
from demo.progress import Progress

ROOT = Path(__file__).resolve().parent
RECIPE = ROOT / "image"
SERVERS = ROOT / "servers"
RACE_CARD = ROOT.parent / "inventories" / "demo" / "race_card.json"

NAME = "localhost/raceday-demo"
SUITES = {"debian-12": "bookworm", "debian-13": "trixie"}
PLATFORM = "debian-12"
POCKETS = {f"{suite}{at}" for suite in SUITES.values() for at in ("", "-updates", "-security")}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
INSIDE = "/opt/raceday-demo"


def image_name(platform: str = PLATFORM) -> str:
    """The image that today's recipe makes; any change to recipe or servers changes the name."""
    digest = hashlib.sha256()
    for file in _recipe_files():
        digest.update(f"{file.relative_to(ROOT.parent)}\0".encode())
        digest.update(file.read_bytes())
    return f"{NAME}:{SUITES[platform]}-{digest.hexdigest()[:12]}"


def ensure_image(engine: Engine, progress: Progress, platform: str = PLATFORM) -> str:
    """Build the image of this platform unless it is there; return its name."""
    image = image_name(platform)
    if not engine.works("image", "inspect", image):
        _build(engine, image, SUITES[platform], progress)
        progress.say(f"image {image} is ready")
    return image


def remove_images(engine: Engine) -> None:
    """Remove every image the demo has ever built here."""
    images = _images(engine)
    if images:
        engine.call("rmi", *images)


def remove_older_images(engine: Engine, image: str) -> None:
    """Remove what earlier recipes of its release left; what a container still uses stays."""
    release, _, _ = image.rpartition("-")
    for older in _images(engine) - {image}:
        if older.startswith(release):
            engine.works("rmi", older)


def _images(engine: Engine) -> set[str]:
    listing = engine.call("images", "--format", "{{.Repository}}:{{.Tag}}")
    return {name for name in listing.split() if name.startswith(f"{NAME}:")}


def _recipe_files() -> Iterator[Path]:
    yield RACE_CARD
    for folder in (RECIPE, SERVERS):
        yield from sorted(
            file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts
        )


def _build(engine: Engine, image: str, suite: str, progress: Progress) -> None:
    if shutil.which("mmdebstrap") is None:
        raise DemoError("mmdebstrap is not installed", "on Debian: apt-get install mmdebstrap")
    if not KEYRING.exists():
        raise DemoError(f"{KEYRING} is missing", "install the package debian-archive-keyring")
    progress.say("building the image from Debian packages, about a minute")
    with tempfile.TemporaryDirectory(prefix="raceday-demo-") as folder:
        archive = Path(folder) / "image.tar"
        _make_root(_mmdebstrap_arguments(Path(folder), archive, suite), progress)
        progress.say("importing the image")
        engine.call("import", "--change", "LABEL raceday.demo=true", str(archive), image)


def _make_root(command: list[str], progress: Progress) -> None:
    log = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            log.append(line)
            if line.startswith("I: ") and line.rstrip().endswith("..."):
                progress.say(f"image: {line[3:].rstrip()}")
    if process.returncode:
        raise DemoError("mmdebstrap could not build the image", "".join(log[-15:]))


def _mmdebstrap_arguments(folder: Path, archive: Path, suite: str) -> list[str]:
    packages = ",".join(_lines("packages.txt"))
    return [
        *("mmdebstrap", "--variant=minbase", f"--include={packages}"),
        *(f"--dpkgopt=path-exclude={path}" for path in _lines("left-out.txt")),
        *("--dpkgopt=force-unsafe-io", '--aptopt=APT::Install-Recommends "false"'),
        *(f"--aptopt={option}" for option in _apt_options()),
        f"--customize-hook=mkdir -p $1{INSIDE}",
        f"--customize-hook=copy-in {RECIPE} {SERVERS} {RACE_CARD} {INSIDE}",
        f'--customize-hook=chroot "$1" sh {INSIDE}/image/setup.sh',
        *(suite, str(archive), *_sources(folder, suite)),
    ]


def _lines(name: str) -> list[str]:
    return (RECIPE / name).read_text().split()


def _apt_options() -> list[str]:
    """How this machine's apt reaches its mirrors: proxies, timeouts, validity of old mirrors."""
    if shutil.which("apt-config") is None:
        return []
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True)
    wanted = re.compile(r'Acquire::(https?|Check)\S* "[^"]+";')
    return [line for line in dump.stdout.splitlines() if wanted.fullmatch(line)]


def _sources(folder: Path, suite: str) -> list[str]:
    """This machine's own mirrors of Debian, for this suite; none means mmdebstrap's default."""
    apt = Path("/etc/apt")
    lists = [apt / "sources.list", *sorted(apt.glob("sources.list.d/*.list"))]
    lines = [line for file in lists if file.exists() for line in file.read_text().splitlines()]
    stanzas = [
        stanza
        for file in sorted(apt.glob("sources.list.d/*.sources"))
        for stanza in re.split(r"\n\s*\n", file.read_text())
    ]
    found = {
        "debian.list": "\n".join(filter(_line_is_ours, lines)),
        "debian.sources": "\n\n".join(filter(_stanza_is_ours, stanzas)),
    }
    ours = re.compile(rf"\b({'|'.join(SUITES.values())})\b")
    return [_written(folder / name, ours.sub(suite, text)) for name, text in found.items() if text]


def _line_is_ours(line: str) -> bool:
    words = re.sub(r"\[.*?\]", "", line).split()
    return words[:1] == ["deb"] and words[2] in POCKETS


def _stanza_is_ours(stanza: str) -> bool:
    suites = re.search(r"^Suites:(.*)$", stanza, re.MULTILINE)
    return suites is not None and set(suites[1].split()) <= POCKETS


def _written(file: Path, text: str) -> str:
    file.write_text(text + "\n")
    return str(file)
