"""The same Kafka as a local Docker image under the official image's name, where no image registry is reached.

It is not the official image. It is the same broker, takes the settings that compose needs in the same variables, and
has the few tools that compose calls at the same place.
"""
