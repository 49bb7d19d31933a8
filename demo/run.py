"""The one error boundary of the demo's commands."""

import argparse
import sys

from demo.errors import DemoError

FAILED = 1
INTERRUPTED = 130


def run(options: argparse.Namespace) -> int:
    """Run one command; every expected error is a sentence and a hint."""
    try:
        return int(options.run(options))
    except DemoError as error:
        print(f"demo: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return INTERRUPTED
