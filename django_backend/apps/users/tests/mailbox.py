"""What came by mail: the due rows are sent as the worker would, and read back as whoever gets them would."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.core import mail

from apps.users.services.mails import due_mail_ids, send_account_mail

LINK = re.compile(r"http://\S+/(?:[a-z-]+)/[A-Za-z0-9_-]{43}/")


def send_all() -> list[str]:
    """Send what is due; the states the rows ended in."""
    return [str(send_account_mail(mail_id=mail_id)) for mail_id in due_mail_ids()]


def mails_to(address: str) -> list[str]:
    """Subjects of what reached this address, after sending what is due."""
    send_all()
    return [message.subject for message in mail.outbox if message.to == [address]]


def path_mailed_to(address: str) -> str:
    """The path of the link in the latest mail to this address."""
    send_all()
    latest = [message for message in mail.outbox if message.to == [address]][-1]
    return urlsplit(LINK.findall(str(latest.body))[0]).path


def secret_mailed_to(address: str) -> str:
    return path_mailed_to(address).rstrip("/").rpartition("/")[2]
