"""What touches the world: stores, the command line. May import everything below it."""
