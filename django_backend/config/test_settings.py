"""Settings for tests: faster in places, never another system (PostgreSQL, Redis, RS256 and migrations stay)."""

from config.settings import *  # noqa: F403
from config.settings import DATABASES, STORAGES

# The default database is the web role's; the owner's carries the tables. Tests run as the web role, so grants are
# tested; the mirror only makes both names mean one database.
DATABASES["default"]["TEST"] = {"MIRROR": "owner"}
if (
    "owner" in DATABASES
):  # not where `manage.py test` only starts pytest, which gets an environment of its own
    DATABASES["owner"]["TEST"] = {"DEPENDENCIES": []}
for _database in DATABASES.values():
    _database["OPTIONS"].pop("pool", None)
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_AUTOREFRESH = True
