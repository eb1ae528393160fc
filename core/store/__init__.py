"""What taskdeck remembers: the only room with SQL."""
