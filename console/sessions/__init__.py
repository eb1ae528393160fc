"""The console on an engine of this machine, of a remote host, of this process, or as lines."""
