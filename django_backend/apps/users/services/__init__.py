"""All writes of people, teams and sessions: keyword-only, plain values in, model out, one transaction each."""
