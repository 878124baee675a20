"""The chaos run: commands flow, processes are killed, and all that was acknowledged must be there, once and in order.

Started inside the environment of the tests (it needs `psycopg`, `websockets` and `tms_testing`). What the parts know of
Daybook is what any client may know (the API, the socket protocol) and, for the checker alone, its tables.
"""
