"""Unattended work: what is due, whether it is allowed, whether nobody is at it. Doubt means no."""
