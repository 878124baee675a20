"""Django's settings. Everything from outside comes through config.env, checked, once."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import environ
import structlog
from csp.constants import NONCE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.env import read_settings
from config.log_masking import mask_secrets

ENV = read_settings()

SECRET_KEY = ENV.secret_key
DEBUG = ENV.debug
PUBLIC_URL = ENV.public_url
REGISTRATION = ENV.registration
DEMO_ACCOUNTS = ENV.demo_accounts
DATA_DIR = ENV.data_dir
OUTBOX_DIR = ENV.outbox_dir
PROXY_COUNT = ENV.proxy_count
ANALYTICS_URL = ENV.analytics_url
REDIS_URL = ENV.redis_url
ALLOWED_HOSTS = [ENV.host, "127.0.0.1", "localhost"] if ENV.is_loopback else [ENV.host]
CSRF_TRUSTED_ORIGINS = [ENV.public_url]

if not ENV.is_https and not ENV.is_loopback:
    sys.stderr.write(
        "WARNING: PUBLIC_URL is plain http outside loopback: passwords and sessions cross the network unencrypted. "
        "Put a TLS proxy in front and set PUBLIC_URL to its https address.\n"
    )

INSTALLED_APPS = [
    "daphne",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "apps.common.admin_app.DaybookAdminConfig",
    "rest_framework",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "django_celery_beat",
    "csp",
    "apps.common",
    "apps.users",
    "apps.tasks",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "apps.common.auth.middleware.LiveSessionMiddleware",
    "apps.users.refusals.RefusalMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
TEST_RUNNER = "config.test_runner.PytestRunner"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {"daybook": "apps.common.pages.templatetags.daybook"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "apps.common.pages.context.shell",
            ],
        },
    }
]


def database(url: str) -> dict[str, Any]:
    """A PostgreSQL connection with a pool of its own and the limits that stream.md asks of the web."""
    return {
        **environ.Env.db_url_config(url),
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            "pool": {"min_size": 1, "max_size": 16, "timeout": 10},
            "options": "-c lock_timeout=5000 -c timezone=UTC",
            "application_name": "daybook-web",
            # A network that silently swallows packets must not hold a request for as long as TCP would.
            "tcp_user_timeout": 10_000,
        },
    }


# "default" is the web's own role, which may insert events but never change one. "owner" exists only where
# DATABASE_URL is given (migrations, roles, tests) and carries the tables.
DATABASES = {"default": database(ENV.web_database_url)}
if ENV.owner_database_url:
    DATABASES["owner"] = database(ENV.owner_database_url)
DATABASE_ROUTERS = ["apps.common.routers.OwnerMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": ENV.cache_redis_url,
        "KEY_PREFIX": "daybook",
        "OPTIONS": {"socket_timeout": 0.1, "socket_connect_timeout": 0.1},
    }
}
# redis-py 8 gives sockets a default timeout of 5 s, and the channel layer blocks for 5 s: idle sockets would die.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [{"address": ENV.redis_url, "socket_timeout": None}],
            "prefix": "daybook",
        },
    }
}

# People, sessions, tokens
AUTH_USER_MODEL = "users.User"
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # the e-mail is unique: without case, by an index the check can't see
AUTHENTICATION_BACKENDS = ["apps.users.backends.PermissionsBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        (
            "UserAttributeSimilarityValidator",
            {"user_attributes": ("username", "email", "display_name")},
        ),
        ("MinimumLengthValidator", {"min_length": 10}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "task-list"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_COOKIE_NAME = "__Host-session" if ENV.is_https else "session"
SESSION_COOKIE_SECURE = ENV.is_https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = int(timedelta(days=30).total_seconds())
SESSION_IDLE_LIMIT = timedelta(days=14)
SESSION_ABSOLUTE_LIMIT = timedelta(days=30)
CSRF_COOKIE_NAME = "__Host-csrf" if ENV.is_https else "csrf"
CSRF_COOKIE_SECURE = ENV.is_https
CSRF_COOKIE_HTTPONLY = False
DEVICE_COOKIE_NAME = "__Host-device" if ENV.is_https else "device"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

JWT_KEYS_DIR = ENV.jwt_keys_dir
JWT_ISSUER = ENV.public_url
JWT_AUDIENCE = "daybook"
SIMPLE_JWT = {
    "ALGORITHM": "RS256",
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=30),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "ISSUER": JWT_ISSUER,
    "AUDIENCE": JWT_AUDIENCE,
    "USER_ID_FIELD": "public_id",
    "USER_ID_CLAIM": "sub",
    "UPDATE_LAST_LOGIN": False,
}

# What goes out
# The proxy's work; redirecting here would loop behind one that speaks http to us.
SECURE_SSL_REDIRECT = False
SILENCED_SYSTEM_CHECKS.append("security.W008")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENV.is_https else None
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if ENV.is_https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = ENV.is_https
SECURE_HSTS_PRELOAD = ENV.is_https
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
_ws_origin = urlsplit(ENV.public_url)._replace(scheme="wss" if ENV.is_https else "ws").geturl()
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/api/docs/"],
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF, _ws_origin],
        "form-action": [SELF],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "manifest-src": [SELF],
    },
}

STATIC_URL = "/static/"
STATIC_ROOT = ENV.static_root
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(ENV.data_dir / "attachments")},
    },
    "staticfiles": {"BACKEND": "apps.common.pages.storage.ModuleStorage"},
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# Mail: to files in the outbox folder until an address of an SMTP server is given.
MAIL_HOST_NAME = "localhost" if ENV.is_loopback else ENV.host
DEFAULT_FROM_EMAIL = f"Daybook <daybook@{MAIL_HOST_NAME}>"
if ENV.email_url:
    _mail = environ.Env.email_url_config(ENV.email_url)
    EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
    EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_HOST"], _mail["EMAIL_PORT"]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = (
        _mail["EMAIL_HOST_USER"],
        _mail["EMAIL_HOST_PASSWORD"],
    )
    EMAIL_USE_TLS, EMAIL_USE_SSL = (
        _mail.get("EMAIL_USE_TLS", False),
        _mail.get("EMAIL_USE_SSL", False),
    )
    EMAIL_TIMEOUT = 20
else:
    EMAIL_BACKEND = "apps.common.mail.OutboxBackend"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.common.auth.authentication.BearerAuthentication",
        "apps.common.auth.authentication.CookieAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.common.api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.common.api.problems.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Daybook",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "RoleEnum": "apps.users.models.Role",
        "AssignmentRoleEnum": "apps.tasks.models.AssignmentRole",
    },
}

# Celery carries hints: losing every message loses no work.
CELERY_BROKER_URL = ENV.redis_url
CELERY_TASK_DEFAULT_QUEUE = "daybook"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "socket_timeout": 5,
    "socket_connect_timeout": 0.1,
    "retry_on_timeout": False,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TIMEZONE = "UTC"
DJANGO_STRUCTLOG_CELERY_ENABLED = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "structlog.stdlib.ProcessorFormatter",
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                mask_secrets,
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": ENV.log_level},
    "loggers": {"django.server": {"handlers": ["stderr"], "propagate": False}},
}
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)

if not ENV.jwt_keys_dir.is_dir():
    raise ImproperlyConfigured(
        f"JWT_KEYS_DIR names {ENV.jwt_keys_dir}, which is no folder. "
        "Make keys there: bash django_backend/scripts/keygen.sh."
    )
