"""What each optimizer keeps for a parameter, to the byte."""
