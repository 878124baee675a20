"""GET openapi.json: this API in OpenAPI 3.1."""

from __future__ import annotations

from typing import cast

from flask import Response, current_app, jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.openapi import OpenAPI


def make_api(prefix: str) -> APIBlueprint:
    api = APIBlueprint("api_description", __name__, url_prefix=prefix)

    @api.get("/openapi.json", doc_ui=False)
    def openapi() -> Response:
        return jsonify(cast(OpenAPI, current_app).api_doc)

    return api
