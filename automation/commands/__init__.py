"""One module per command: request -> call -> render -> exit code."""
