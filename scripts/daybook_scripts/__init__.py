"""The commands for people and for CI: run, test, lock, keygen. Standard library only.

They run before any environment exists, so nothing here may import a package that has to be installed,
except `walk`, which is started inside the environment of the small install, and `chaos`, inside that of the tests.
"""
