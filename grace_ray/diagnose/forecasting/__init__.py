"""Forecasting: what metrics will be, how far that was right, whether trouble comes, and which model speaks."""
