"""Functions of the journal: the terminal, the report, the metrics."""
