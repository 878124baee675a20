"""What the relay and the consumers share as programs: configuration, connections, wakes, logs and stopping."""
