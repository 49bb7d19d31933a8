"""What is run on a venue: each module turns a venue into a plan of steps."""
