"""The relay: gives every committed event its place in the one order."""
