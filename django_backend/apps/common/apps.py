from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "apps.common"
    label = "common"

    def ready(self) -> None:
        from apps.common.auth.keys import load_keys

        load_keys()  # no keys, no start: there is no other algorithm to fall back to
