"""Read and judge `${{ ... }}`: plain paths by our own lines, everything else by CEL."""
