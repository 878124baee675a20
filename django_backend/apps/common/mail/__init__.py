"""Mail: the outbox folder that stands in for a mail server until one is configured."""

from apps.common.mail.outbox import OutboxBackend

__all__ = ["OutboxBackend"]
