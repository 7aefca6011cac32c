"""Where the forecaster's records stand: the names of their views in the store."""

BOOKS = "forecast_books"  # a series: when it was looked at and forecast, and how its forecasts went
FORECASTS = "forecasts"  # a series: its present forecast
TRAILS = "forecast_trails"  # a series: the last point of each forecast so far
INCIDENTS = "incidents"  # a warning
TRAINING_RUNS = "training_runs"  # a training
CHANGES = "changes"  # a trained version's way to the champion's place
OWN = "forecaster"  # the one record of what belongs to no series
