"""The one way in which a server says no to a customer."""


class Refusal(Exception):
    """The request cannot be served: an HTTP status and a sentence for the customer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
