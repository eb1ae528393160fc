"""Starting: what the command line says, and the console as plain lines."""
