"""The ways to do a step: ansible-runner, and the simulator."""
