"""The engine: a journal, two pure functions over it, and the one loop that does I/O."""
