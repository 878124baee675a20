"""Mail about accounts: a row in the transaction of the command, written and sent by the worker."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from apps.common.jobs.hints import hint_on_commit
from apps.common.mail.rows import MailRow
from apps.common.mail.sending import NotWanted, due_ids, send_row
from apps.users.models import AccountLink, AccountMail, User
from apps.users.selectors import find_by_sign_in_name
from apps.users.services.links import Purpose, address_of_link, good_links, make_link, secret_of

Kind = AccountMail.Kind
JOB = "apps.users.jobs.send_account_mail"
SUBJECTS = {
    Kind.VERIFY: "Is this your address?",
    Kind.RESET: "Set a new password",
    Kind.CHANGE_EMAIL: "Is this your new address?",
    Kind.INVITE: "You are invited to {team}",
    Kind.PASSWORD_CHANGED: "Your password was changed",
    Kind.EMAIL_CHANGED: "Your address was changed",
    Kind.SECOND_FACTOR_ON: "Signing in takes a second step now",
    Kind.SECOND_FACTOR_OFF: "The second step at sign-in is off",
}
# Of what the link says: one that was used or taken back meanwhile is not mailed.
WITH_LINK = {Kind.VERIFY, Kind.CHANGE_EMAIL, Kind.INVITE}


def queue_mail(
    kind: AccountMail.Kind, address: str, *, user: User | None = None, link: AccountLink | None = None
) -> None:
    """Put a mail down within the caller's transaction, and hint at it once that has committed."""
    now = timezone.now()
    mail = AccountMail.objects.create(
        kind=kind,
        address=address,
        user=user,
        link=link,
        run_at=now,
        created_at=now,
        message_id=f"<{uuid.uuid4()}@{settings.MAIL_HOST_NAME}>",
    )
    hint_on_commit(JOB, mail.pk)


def due_mail_ids() -> list[int]:
    return due_ids(AccountMail)


def send_account_mail(*, mail_id: int) -> MailRow.State | None:
    """Claim, write, send, mark. None if it is not due or somebody else has it."""
    return send_row(AccountMail, mail_id, _write)


def _write(mail: AccountMail) -> EmailMultiAlternatives:
    """Raises NotWanted where the mail has lost its reason."""
    kind = Kind(mail.kind)
    person = _person_to_reset(mail.address) if kind == Kind.RESET else mail.user
    if person is not None and not person.is_active:
        raise NotWanted("The account is not active any more.")
    link = _link_for(mail, person)
    context: dict[str, Any] = {
        "person": person,
        "link": address_of_link(link) if link else "",
        "team": link.team if link else None,
        "made_by": link.made_by if link else None,
        "role": link.get_role_display() if link else "",
        "public_url": settings.PUBLIC_URL,
    }
    subject = SUBJECTS[kind].format(team=link.team.name if link and link.team else "")
    context["subject"] = subject
    message = EmailMultiAlternatives(
        subject=" ".join(subject.split())[:200],
        body=render_to_string(f"users/mail/{kind}.txt", context),
        to=[mail.address],
        headers={"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string(f"users/mail/{kind}.html", context), "text/html")
    return message


def _person_to_reset(address: str) -> User:
    """Looked up here and not at the door, whose answer and time must not tell whether anybody has this address."""
    person = find_by_sign_in_name(address) if "@" in address else None
    if person is None or not person.is_active or person.is_service:
        raise NotWanted("Nobody active has this address.")
    return person


def _link_for(mail: AccountMail, person: User | None) -> AccountLink | None:
    if mail.kind == Kind.RESET and person is not None:
        with transaction.atomic():
            return make_link(Purpose.RESET, user=person, email=person.email)
    if mail.kind not in WITH_LINK:
        return None
    link = mail.link
    if link is None or not good_links(Purpose(link.purpose), secret_of(link)).exists():
        # Also where SECRET_KEY was changed meanwhile: the secret made now is not the one that was promised.
        raise NotWanted("Its link is no longer good.")
    if mail.kind == Kind.CHANGE_EMAIL and find_by_sign_in_name(mail.address) is not None:
        raise NotWanted("The address belongs to somebody.")
    return link
