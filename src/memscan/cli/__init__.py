"""The door to the terminal: click, exit codes, and the one place that speaks to people."""
