"""A person's erasure over REST. It lies here and not in users, because it takes away what they wrote."""

from __future__ import annotations

from django.utils.decorators import method_decorator
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.tasks.services.erasure import erase_person
from apps.users.api.account import PRIVATE, proof_of, require_sign_in
from apps.users.api.auth import TOO_MANY, checked, signed_in_user
from apps.users.api.serializers import ProofIn
from apps.users.services.step_up import require_proof


@method_decorator(PRIVATE, name="dispatch")
class EraseView(APIView):
    scope_needed = "admin"

    @extend_schema(request=ProofIn, responses={204: None, 429: TOO_MANY}, operation_id="users_me_erase")
    def post(self, request: Request) -> Response:
        """Be erased: name, address, comments and personal tasks go for good. It can't be undone."""
        require_sign_in(request)
        user = signed_in_user(request)
        require_proof(user, proof_of(checked(ProofIn, request)))
        erase_person(actor=user, user_id=user.pk)
        return Response(status=status.HTTP_204_NO_CONTENT)
