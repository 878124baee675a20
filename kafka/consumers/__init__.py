"""The consumers: each folds the log into tables of its own."""
