"""Changes of groups: instances made, aligned, decided on and run again."""
