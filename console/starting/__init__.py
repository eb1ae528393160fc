"""Starting: what the command line says, who starts an engine, and the console as plain lines."""
