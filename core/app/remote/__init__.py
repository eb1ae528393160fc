"""Another machine over ssh: this end, and the end there.

`ssh_host` runs here for `--host`, `stdio_bridge` there, for `taskdeck dial-stdio`.
"""
