"""What a site begins with when it writes something of its own."""
