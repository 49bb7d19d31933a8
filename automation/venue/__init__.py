"""What a site is: its inventory, its venue file, its start-up graph."""
