"""Apart from admin_site, because it is imported before any model may be."""

from django.contrib.admin.apps import AdminConfig


class DaybookAdminConfig(AdminConfig):
    default_site = "apps.common.admin_site.DaybookAdminSite"
