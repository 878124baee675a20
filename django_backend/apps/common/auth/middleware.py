from django.contrib.auth.middleware import AuthenticationMiddleware


class LiveSessionMiddleware(AuthenticationMiddleware):
    pass
