"""The grace command: arguments in, HTTP out."""
