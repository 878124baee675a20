from django.urls import path

from apps.common.health import views

urlpatterns = [path("livez", views.livez), path("readyz", views.readyz)]
