"""The JSON Schema of the venue file, generated from its models, for editors and for other tools."""

from typing import Any

from automation.venue.model import VenueFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def venue_schema() -> dict[str, Any]:
    """The schema as a document; schemas/venue.v1.json is this, committed."""
    generated = VenueFile.model_json_schema()
    return {
        "$schema": DIALECT,
        **_without_null(generated),
        "title": "raceday venue file, version 1",
    }


def _without_null(part: Any) -> Any:
    """An absent key is left out of the file, never written as null, so null is no choice."""
    if isinstance(part, list):
        return [_without_null(item) for item in part if item != {"type": "null"}]
    if not isinstance(part, dict):
        return part
    kept = {key: _without_null(value) for key, value in part.items() if value is not None}
    choices = kept.get("anyOf", [])
    if len(choices) != 1:
        return kept
    del kept["anyOf"]
    return choices[0] | kept
