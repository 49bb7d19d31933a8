"""Messages go out over real sockets, and nothing about them delays or breaks a run."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Thread
from threading import Event as Flag

import pytest

from automation.errors import UsageError
from automation.run.events import Event
from automation.run.state import State, fold
from automation.settings import Settings
from automation.views.i18n import Translator
from automation.views.notices import Notice, Occasion, Rule
from automation.views.notify import Notifier, open_notifier, previous_outcome, read_longer
from automation.views.report import build_report, dump_report
from automation.views.targets import read_targets
from tests.unit.views.samples import HEAD, RUN_ID, Story, go, morning_plan, no_go, running

ALWAYS = Rule()
FOREVER = 100  # seconds; only a test that fails takes so long
TOKEN = "xoxb-canary-token"


class Post:
    """A web server on loopback that keeps what it is sent; while it `hangs` it answers nobody."""

    def __init__(self) -> None:
        self.received: list[dict[str, str]] = []
        self._came = Condition()
        self.release = Flag()
        self.release.set()
        post = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                post.release.wait()
                post.take(json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_port}/"

    def take(self, message: dict[str, str]) -> None:
        """One more has come."""
        with self._came:
            self.received.append(message)
            self._came.notify_all()

    def has_come(self, count: int) -> bool:
        """Wait until so many have come; how long that may take is no matter of the tests."""
        with self._came:
            return self._came.wait_for(lambda: len(self.received) >= count, FOREVER)


@pytest.fixture
def post() -> Iterator[Post]:
    """A server for one test."""
    with open_post() as found:
        yield found


@contextmanager
def open_post() -> Iterator[Post]:
    """A server that goes with the block."""
    found = Post()
    Thread(target=found.server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield found
    finally:
        found.release.set()
        found.server.shutdown()
        found.server.server_close()


def config(folder: Path, *lines: str, name: str = "notify.cfg") -> Path:
    """A configuration file in Apprise's own form."""
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def watch(notifier: Notifier, story: Story) -> None:
    """Let a notifier observe a run to its end."""
    state: State | None = None
    for event, at in story.events:
        state = fold(state, event, at)
        notifier(state, event)


def notifier_of(path: Path, lang: str = "en", rule: Rule = ALWAYS) -> tuple[Notifier, io.StringIO]:
    """A notifier, and what it says on stderr."""
    stream = io.StringIO()
    targets = read_targets(path)
    return Notifier(targets, rule, Translator(lang), stream=stream), stream


@pytest.mark.parametrize(
    ("lang", "title"),
    [
        ("en", "✗ NO-GO · Demo racecourse · Morning start-up"),
        ("ko", "✗ 개장 불가 · Demo racecourse · 오전 기동"),
    ],
)
def test_a_message_arrives_in_the_language_of_the_run(
    tmp_path: Path, post: Post, lang: str, title: str
) -> None:
    """Title and body, for the tag that was asked for only."""
    notifier, stream = notifier_of(config(tmp_path, f"verdict={post.url}"), lang)
    watch(notifier, no_go())
    assert post.has_come(1)
    notifier.close()
    assert [item["title"] for item in post.received] == [title]
    assert post.received[0]["type"] == "failure"
    assert post.received[0]["message"].splitlines()[-1].endswith(RUN_ID)
    assert stream.getvalue() == ""


def test_tags_choose_and_all_is_everything(tmp_path: Path, post: Post) -> None:
    """Two targets of one file; YAML is read as well."""
    lines = ["urls:", f"  - {post.url}:", "    - tag: all"]
    notifier, _ = notifier_of(config(tmp_path, *lines, name="notify.yml"))
    watch(notifier, go())
    assert post.has_come(3)
    notifier.close()
    said = [item["title"].split(" · ")[0] for item in post.received]
    assert said == ["▸ Started", "✓ GO", "✓ GO"]


@pytest.mark.slow
def test_a_target_that_hangs_delays_neither_the_run_nor_the_others(
    tmp_path: Path, post: Post
) -> None:
    """What it does not take is lost while it still hangs, and said once without its address."""
    with open_post() as hanging:
        hanging.release.clear()
        lines = (f"all={hanging.url}{TOKEN}?rto=600", f"all={post.url}")
        notifier, stream = notifier_of(config(tmp_path, *lines))
        watch(notifier, go())
        assert post.has_come(3)
        notifier.close()
        assert hanging.received == []
    assert stream.getvalue() == "raceday: Messages that did not arrive: JSON #1 (3)\n"


def test_a_target_that_refuses_is_told_of_once(tmp_path: Path) -> None:
    """Nobody listens there; Apprise itself says nothing."""
    with open_post() as gone:
        url = gone.url
    notifier, stream = notifier_of(config(tmp_path, f"verdict,finished={url}"), "ko")
    watch(notifier, go())
    notifier.close()
    assert stream.getvalue() == "raceday: 전달되지 않은 알림: JSON #1 (2)\n"


class Broken:
    """A target whose every call fails."""

    name = "Broken"

    def wants(self, occasion: Occasion) -> bool:
        """Everything but the start, where it fails."""
        if occasion is Occasion.STARTED:
            raise RuntimeError("no")
        return True

    def send(self, notice: Notice) -> bool:
        """Never."""
        raise RuntimeError(notice.title)


def test_a_broken_target_breaks_nothing() -> None:
    """Its messages are lost."""
    stream = io.StringIO()
    notifier = Notifier([Broken()], Rule(), Translator(), stream=stream)
    watch(notifier, go())
    notifier.close()
    assert stream.getvalue() == "raceday: Messages that did not arrive: Broken (2)\n"


def test_a_run_that_hangs_is_told_without_an_event(tmp_path: Path, post: Post) -> None:
    """The notifier's own clock wakes it."""
    rule = Rule(usual_seconds=0.1, slow_after=0.2)
    notifier, _ = notifier_of(config(tmp_path, f"slow={post.url}"), rule=rule)
    watch(notifier, running())
    assert post.has_come(1)
    notifier.close()
    assert [item["title"].split(" · ")[0] for item in post.received] == ["▲ Longer than usual"]


@pytest.mark.slow
def test_a_hanging_target_does_not_keep_the_process(tmp_path: Path) -> None:
    """Its thread dies with it."""
    code = (
        "import sys; from pathlib import Path; from tests.unit.views.test_notify import *\n"
        "notifier, stream = notifier_of(Path(sys.argv[1])); watch(notifier, go())\n"
        "notifier.close(); print(stream.getvalue(), end='')"
    )
    with open_post() as hanging:
        hanging.release.clear()
        path = config(tmp_path, f"all={hanging.url}?rto=600")
        done = subprocess.run(
            [sys.executable, "-c", code, path],
            capture_output=True,
            text=True,
            timeout=FOREVER,
            check=True,
        )
        assert hanging.received == []
    assert done.stdout == "raceday: Messages that did not arrive: JSON #1 (3)\n"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "makes sense to Apprise."),
        (
            ("verdict=json://127.0.0.1", f"verdict=discord://{TOKEN}"),
            "makes sense to Apprise (see 2).",
        ),
        (("verdict=json://127.0.0.1", f"nosuch://{TOKEN}@host"), "makes sense to Apprise"),
        (("verdit=json://127.0.0.1",), "has a tag that raceday knows"),
        (("json://127.0.0.1",), "has a tag that raceday knows"),
    ],
)
def test_a_wrong_configuration_is_a_clear_error(
    tmp_path: Path, lines: tuple[str, ...], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """It names the file and the line, and never quotes what may be a token."""
    path = config(tmp_path, *lines)
    with pytest.raises(UsageError) as caught:
        read_targets(path)
    assert str(path) in caught.value.message
    assert said in caught.value.message
    assert TOKEN not in caught.value.message + caught.value.hint + "".join(capfd.readouterr())


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    """And so is one that is no text."""
    with pytest.raises(UsageError, match="No such file"):
        read_targets(tmp_path / "nowhere")
    (tmp_path / "odd").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_targets(tmp_path / "odd")


@pytest.mark.parametrize(
    ("text", "after"),
    [("20%", 120.0), ("0%", 100.0), ("+5m", 400.0), ("+30s", 130.0), ("+1h", 3700.0)],
)
def test_longer_than_usual_is_a_share_or_a_time(text: str, after: float) -> None:
    """Of a run that usually takes 100 seconds."""
    assert read_longer(text).than(100.0) == pytest.approx(after)


@pytest.mark.parametrize("text", ["20", "5m", "+5", "-5%", "+5 m", "1.5%", "²%", "20%\n"])
def test_anything_else_is_wrong_usage(text: str) -> None:
    """With the two forms in the hint."""
    with pytest.raises(UsageError, match="RACEDAY_NOTIFY_LONGER"):
        read_longer(text)


def settings(reports: Path) -> Settings:
    """The global options of a run."""
    return Settings("demo", reports, "en", "text")


def test_who_asks_for_no_messages_gets_no_notifier(tmp_path: Path) -> None:
    """Nor does check mode, in which nothing happens."""
    environ = {"RACEDAY_NOTIFY": str(config(tmp_path, "all=json://127.0.0.1"))}
    assert open_notifier(settings(tmp_path), morning_plan(), {}) is None
    assert open_notifier(settings(tmp_path), morning_plan(check=True), environ) is None
    notifier = open_notifier(settings(tmp_path), morning_plan(), environ)
    assert isinstance(notifier, Notifier)
    notifier.close()


@pytest.mark.parametrize(
    ("name", "value"), [("RACEDAY_NOTIFY_LONGER", "long"), ("RACEDAY_NOTIFY_ON_CHANGE", "yes")]
)
def test_a_wrong_setting_is_wrong_usage(tmp_path: Path, name: str, value: str) -> None:
    """Before anything starts."""
    environ = {"RACEDAY_NOTIFY": str(config(tmp_path, "all=json://127.0.0.1")), name: value}
    with pytest.raises(UsageError, match=name):
        open_notifier(settings(tmp_path), morning_plan(), environ)


def test_the_run_before_is_the_last_finished_one_of_its_procedure(tmp_path: Path) -> None:
    """What is unreadable, of another procedure or not finished is passed over."""
    assert previous_outcome(tmp_path, "morning") is None
    for number, story in enumerate((no_go(), go(), running()), start=1):
        folder = tmp_path / f"2026112{number}T000000Z-morning-0000"
        folder.mkdir()
        (folder / "report.json").write_text(dump_report(build_report(story.state, story.now, HEAD)))
    torn = tmp_path / "20261129T000000Z-morning-0000"
    torn.mkdir()
    (torn / "report.json").write_text("torn")
    assert previous_outcome(tmp_path, "morning") == "GO"
    assert previous_outcome(tmp_path, "evening") is None


def test_an_observer_is_all_that_it_is() -> None:
    """The loop's own type for it fits."""
    observe: object = Notifier([], Rule(), Translator())
    assert callable(observe)
    story = go()
    event: Event = story.events[-1][0]
    observe(story.state, event)
