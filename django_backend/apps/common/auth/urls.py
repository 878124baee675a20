from django.urls import path

from apps.common.auth.jwks import jwks

urlpatterns = [path("jwks.json", jwks, name="jwks")]
