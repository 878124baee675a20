"""HTTP and sockets for an ASGI server: Django for the one, the live pages' door for the other."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

http = get_asgi_application()

# These need Django's apps, which the line above has loaded.
from apps.tasks.live.application import LiveApplication  # noqa: E402
from config.daphne_pace import paced, refuse  # noqa: E402

live = LiveApplication()
application = ProtocolTypeRouter(
    {
        "http": http,
        # channels routes ASGI applications by Django's patterns, whose types know views alone.
        "websocket": paced(URLRouter([path("ws/", live), re_path("", refuse)])),  # type: ignore[arg-type]
    }
)
