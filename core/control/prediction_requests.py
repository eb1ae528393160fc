"""The request of predictions.

Asked by the methods of the ReadingAPI.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import field

from core.control.arguments import DocumentSource
from core.control.requests import Kind, Request, verb
from core.model.commands.work import Document, SubmitOptions
from core.model.predictions import PredictionView
from core.model.values import JsonValue


@verb("predict", Kind.READ)
class Predict(Request[PredictionView], frozen=True, kw_only=True):
    """What a document would do as a job, with these parameters and options."""

    document: DocumentSource
    params: Mapping[str, JsonValue] = field(default_factory=dict)
    options: SubmitOptions | None = None

    @classmethod
    def of(
        cls, document: Document, params: Mapping[str, JsonValue], options: SubmitOptions | None
    ) -> Predict:
        """Return the request for a document; a path is made absolute in the caller's directory."""
        return cls(document=DocumentSource.of(document), params=params, options=options)
