"""Writes a run's views into its folder. Each file is whole at every moment, and 0600."""

import os
import tempfile
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType

from automation.run.state import State
from automation.views.document import Report
from automation.views.i18n import Translator
from automation.views.junit import render_junit
from automation.views.report import build_report, dump_report

REPORT, PAGE, JUNIT, METRICS = "report.json", "report.html", "junit.xml", "metrics.prom"


def write_report(folder: Path, state: State, now: datetime, journal_head: str) -> Report:
    """Write `report.json` alone, as it is done while the run goes on. Raises OSError."""
    report = build_report(state, now, journal_head)
    replace_file(folder / REPORT, dump_report(report))
    return report


def write_views(
    folder: Path,
    state: State,
    now: datetime,
    journal_head: str,
    *,
    translate: Translator,
    last_go: datetime | None = None,
) -> Report:
    """Write every view of the run; `last_go` is the last GO of an earlier run. Raises OSError."""
    report = write_report(folder, state, now, journal_head)
    replace_file(folder / PAGE, _page(report, translate))
    replace_file(folder / JUNIT, render_junit(report, state))
    replace_file(folder / METRICS, _imported_late("metrics").render_metrics(report, last_go))
    return report


def write_page(folder: Path, report: Report, translate: Translator) -> None:
    """Write the report and its page anew, in the translator's language. Raises OSError."""
    replace_file(folder / REPORT, dump_report(report))
    replace_file(folder / PAGE, _page(report, translate))


def replace_file(path: Path, text: str) -> None:
    """Put `text` in place of a file in one act; a reader sees the old one or the new one."""
    replace_file_bytes(path, text.encode("utf-8", "backslashreplace"))


def replace_file_bytes(path: Path, data: bytes) -> None:
    """The same for bytes."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _page(report: Report, translate: Translator) -> str:
    page: str = _imported_late("html").render_html(report, translate)
    return page


def _imported_late(view: str) -> ModuleType:
    """jinja2 and prometheus_client cost 0.1 s, which no server need wait for."""
    return import_module(f"automation.views.{view}")
