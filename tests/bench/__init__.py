"""Side by side: the hot path, ordinary Ansible tasks, and plain ssh. Figures, no verdict."""
