from apps.users.models.api_token import ApiToken
from apps.users.models.limit import RateLimit
from apps.users.models.link import AccountLink
from apps.users.models.mail import AccountMail
from apps.users.models.second_factor import RecoveryCode, SecondFactor
from apps.users.models.session import Session
from apps.users.models.setup import SetupLink
from apps.users.models.team import ROLE_RANK, Role, Team, TeamMember
from apps.users.models.ticket import SocketTicket
from apps.users.models.user import User

__all__ = [
    "ROLE_RANK",
    "AccountLink",
    "AccountMail",
    "ApiToken",
    "RateLimit",
    "RecoveryCode",
    "Role",
    "SecondFactor",
    "Session",
    "SetupLink",
    "SocketTicket",
    "Team",
    "TeamMember",
    "User",
]
