"""What can go wrong with the demo on somebody's machine, said so that they can mend it."""


class DemoError(Exception):
    """An expected failure: what failed, and what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
