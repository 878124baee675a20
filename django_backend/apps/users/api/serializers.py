"""JSON of people, teams and sign-ins. Input and output are two shapes; output never shows a stranger's address."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.api.fields import IdField, StrictSerializer
from apps.users.models import ApiToken, Role, Session, User
from apps.users.services.accounts import MAX_PASSWORD_LENGTH

PASSWORD: dict[str, Any] = {
    "max_length": MAX_PASSWORD_LENGTH,
    "trim_whitespace": False,
    "write_only": True,
    "style": {"input_type": "password"},
}


class LoginIn(serializers.Serializer[Any]):
    login = serializers.CharField(max_length=254, help_text="E-mail address or user name")
    password = serializers.CharField(**PASSWORD)


class SecondStepIn(serializers.Serializer[Any]):
    challenge = serializers.CharField(max_length=1000)
    code = serializers.CharField(max_length=40)


class ProofIn(serializers.Serializer[Any]):
    """What is asked before one's security changes."""

    current_password = serializers.CharField(**PASSWORD)
    code = serializers.CharField(
        max_length=40,
        required=False,
        default="",
        help_text="Of the authenticator app, where the second step is on",
    )


class RegisterIn(serializers.Serializer[Any]):
    email = serializers.CharField(
        max_length=254, required=False, help_text="Not where a mailed invitation has fixed it"
    )
    username = serializers.CharField(max_length=39)
    display_name = serializers.CharField(max_length=100)
    password = serializers.CharField(**PASSWORD)
    setup_token = serializers.CharField(
        max_length=100,
        required=False,
        help_text="The secret of the set-up link, for the first person of an install",
    )
    team_name = serializers.CharField(
        max_length=100, required=False, help_text="The first team's name; only with setup_token"
    )
    invitation = serializers.CharField(
        max_length=100, required=False, help_text="The secret of an invitation to a team"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "email" not in attrs and ("invitation" not in attrs or "setup_token" in attrs):
            raise serializers.ValidationError({"email": "Give an address."}, code="required")
        if "setup_token" in attrs and "team_name" not in attrs:
            raise serializers.ValidationError({"team_name": "Name the first team."}, code="required")
        return attrs


class ResetRequestIn(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)


class ResetIn(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=100, help_text="The secret of the mailed link")
    password = serializers.CharField(**PASSWORD)


class LinkIn(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=100, help_text="The secret of the mailed link")


class PasswordIn(ProofIn):
    password = serializers.CharField(**PASSWORD)


class EmailIn(ProofIn):
    email = serializers.CharField(max_length=254)


class AcceptedOut(serializers.Serializer[Any]):
    detail = serializers.CharField()


class RefreshIn(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=4096)


class LogoutIn(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=4096, required=False)


class TokenPairOut(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds until the access token ends")


class TicketOut(serializers.Serializer[Any]):
    ticket = serializers.CharField(help_text="For /ws/?ticket=…, once")
    expires_in = serializers.IntegerField()


class SessionOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="sid")
    kind = serializers.ChoiceField(choices=["web", "api"])
    user_agent = serializers.CharField()
    address = serializers.CharField(allow_null=True)
    started_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    is_current = serializers.SerializerMethodField()

    def get_is_current(self, session: Session) -> bool:
        return bool(session.sid == self.context.get("sid"))


class SessionsOut(serializers.Serializer[Any]):
    results = SessionOut(many=True)


class EverywhereIn(serializers.Serializer[Any]):
    keep_current = serializers.BooleanField(default=False)


class EnrolmentOut(serializers.Serializer[Any]):
    secret = serializers.CharField()
    address = serializers.CharField(help_text="otpauth://…, as a QR code holds it")


class ConfirmFactorIn(serializers.Serializer[Any]):
    current_password = serializers.CharField(**PASSWORD)
    code = serializers.CharField(max_length=40)


class SecondFactorOut(serializers.Serializer[Any]):
    is_on = serializers.BooleanField()
    recovery_codes_left = serializers.IntegerField()


class RecoveryCodesOut(serializers.Serializer[Any]):
    recovery_codes = serializers.ListField(child=serializers.CharField(), help_text="Shown this once")


class TokenIn(StrictSerializer):
    name = serializers.CharField(max_length=60)
    scope = serializers.ChoiceField(choices=Session.Scope.choices)
    days = serializers.IntegerField(min_value=1, max_value=366, default=90, help_text="Until it ends")
    project = IdField(required=False, allow_null=True, default=None, help_text="The one it is good for")


class ServiceTokenIn(TokenIn):
    role = serializers.ChoiceField(choices=["member", "guest"], default="member")


class TokenOut(serializers.Serializer[Any]):
    """A token as its list shows it; `last_used_at` is null until it was used (noted every five minutes)."""

    id = serializers.UUIDField(source="session_id")
    name = serializers.CharField()
    scope = serializers.ChoiceField(choices=Session.Scope.choices, source="session.scope")
    project = serializers.IntegerField(source="session.project_id", allow_null=True)
    ending = serializers.CharField(help_text="Its last characters")
    made_at = serializers.DateTimeField(source="session.started_at")
    expires_at = serializers.DateTimeField(source="session.expires_at")
    last_used_at = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_last_used_at(self, token: ApiToken) -> datetime | None:
        return token.last_used_at


class MadeTokenOut(TokenOut):
    token = serializers.CharField(help_text="Shown this once")


class TokensOut(serializers.Serializer[Any]):
    results = TokenOut(many=True)


class ExchangedOut(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="A JWT of the same session")
    expires_in = serializers.IntegerField()


class PublicKeyOut(serializers.Serializer[Any]):
    kid = serializers.CharField()
    alg = serializers.CharField()
    public_key = serializers.CharField(help_text="PEM")


class UserOut(serializers.Serializer[Any]):
    """What people who share a team know of each other."""

    id = serializers.IntegerField()
    name = serializers.CharField(source="display_name")
    username = serializers.CharField()


class MeOut(UserOut):
    public_id = serializers.UUIDField()
    email = serializers.EmailField()
    email_verified = serializers.SerializerMethodField()
    time_zone = serializers.CharField()
    language = serializers.CharField()
    is_staff = serializers.BooleanField()
    joined_at = serializers.DateTimeField()

    def get_email_verified(self, user: User) -> bool:
        return user.email_verified_at is not None


class MePatch(StrictSerializer):
    display_name = serializers.CharField(max_length=100, required=False)
    time_zone = serializers.CharField(max_length=64, required=False, help_text="Such as Europe/Vienna")
    language = serializers.CharField(max_length=10, required=False)


class TeamIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    slug = serializers.SlugField(max_length=60, required=False)
    time_zone = serializers.CharField(max_length=64, default="UTC")


class TeamOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    slug = serializers.CharField()
    time_zone = serializers.CharField()
    working_days = serializers.ListField(
        child=serializers.IntegerField(), help_text="ISO week days, Monday is 1"
    )
    created_at = serializers.DateTimeField()


class MemberIn(serializers.Serializer[Any]):
    user = IdField(help_text="Somebody you share another team with. Others are invited")
    role = serializers.ChoiceField(choices=Role.choices)


class RoleIn(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices)


class InvitationIn(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices)
    email = serializers.CharField(
        max_length=254, required=False, help_text="Mails the link there; without, it is in the answer"
    )


class InvitationOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    role = serializers.ChoiceField(choices=Role.choices)
    email = serializers.CharField()
    made_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class MadeInvitationOut(InvitationOut):
    link = serializers.CharField(
        allow_null=True, help_text="To hand over; shown this once, and not where it was mailed"
    )


class InvitationPageOut(serializers.Serializer[Any]):
    results = InvitationOut(many=True)
    next = serializers.URLField(allow_null=True)


class JoinedOut(serializers.Serializer[Any]):
    team = TeamOut()
    role = serializers.ChoiceField(choices=Role.choices)


class MemberOut(serializers.Serializer[Any]):
    user = UserOut()
    role = serializers.ChoiceField(choices=Role.choices)
    joined_at = serializers.DateTimeField()


class PeoplePageOut(serializers.Serializer[Any]):
    results = UserOut(many=True)
    next = serializers.URLField(allow_null=True)


class TeamPageOut(serializers.Serializer[Any]):
    results = TeamOut(many=True)
    next = serializers.URLField(allow_null=True)


class MemberPageOut(serializers.Serializer[Any]):
    results = MemberOut(many=True)
    next = serializers.URLField(allow_null=True)
