"""Who is asking: the token, its session in the database, and the keys that verify tokens."""
