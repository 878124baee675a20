"""The wire shapes of the event stream: the only code that Django, the stream programs and Flask share."""
