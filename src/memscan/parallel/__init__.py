"""What each device holds of a model that several share."""
