"""What the tests of the stream programs and of the analytics service share. No program imports it."""
