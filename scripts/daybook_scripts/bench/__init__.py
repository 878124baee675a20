"""`scripts/bench`: each case beside its floor, measured in the same run. Ratios are what counts; machines differ."""
