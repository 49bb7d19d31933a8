"""The demo venue: a small racecourse of containers. Run `python -m demo up`."""
