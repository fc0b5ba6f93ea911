"""Screenshots of the page for the documents."""
