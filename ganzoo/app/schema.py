"""What the API says about itself: the models that are served, and OpenAPI written from their specs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzoo.app.studio import Studio
from ganzoo.app.wishes import MOST, formats_of, truncations
from ganzoo.feeds import DEFAULT_N, LAST_SEED
from ganzoo.files import finite
from ganzoo.placeless import placeless
from ganzoo.specs import GeneratorSpec, InputSpec

_TOLD = (
    "variant",
    "title",
    "paper",
    "formula",
    "players",
    "turns",
    "deviations",
    "step",
    "figures",
    "evaluated",
    "seed",
    "weights",
    "versions",
)
_TABLES = ("figures", "evaluated", "versions")
_TOLD_OF_DATA = ("name", "origin", "licence", "note")
_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"field": {"type": ["string", "null"]}, "message": {"type": "string"}},
        }
    },
    "example": {"error": {"field": "n", "message": "'n' is not a whole number from 1 to 256"}},
}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _errors(*pairs: tuple[int, str]) -> dict[int | str, dict[str, Any]]:
    return {status: {"description": text, "content": _json(_ERROR)} for status, text in pairs}


_PICTURE = {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"}
_BYTES = {"schema": {"type": "string", "format": "binary"}}
HEALTH: dict[int | str, dict[str, Any]] = {
    200: {"description": "It does", "content": _json({"type": "object", "example": {"status": "ok"}})},
    503: {"description": "It is closing", "content": _json({"type": "object"})},
}
MODELS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Models, the default first, and limits", "content": _json({"type": "object"})},
    **_errors((401, "A password is needed"), (403, "Another host is asked for")),
}
SAMPLE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Samples. The same request gives the same bytes and the same ETag",
        "headers": {"ETag": {"schema": {"type": "string"}}},
        "content": {
            "image/png": _BYTES,
            "application/x-npz": _BYTES,
            "application/zip": _BYTES,
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "model": {"type": "string"},
                        "seeds": {"type": "array", "items": {"type": "integer"}},
                        "images": {"type": "array", "items": _PICTURE},
                        "points": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
                    },
                }
            },
        },
    },
    304: {"description": "If-None-Match names the answer's ETag"},
    **_errors(
        (400, "The body is not JSON"), (401, "A password is needed"), (403, "Another host is asked for"),
        (404, "No such model"), (406, "No format that is accepted"), (413, "The body is too large"),
        (415, "The body is not said to be JSON"), (422, "A field is not what the model takes"),
    ),
    503: {
        "description": "The queue is full",
        "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}},
        "content": _json(_ERROR),
    },
}  # fmt: skip


def public_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """What of a model's card is for strangers: of data in a folder its name, not where it lies. A stranger may have
    written it: tables are tables, and numbers finite."""
    found = {key: card[key] for key in _TOLD if key in card and (key not in _TABLES or isinstance(card[key], dict))}
    found = finite(found)
    if isinstance(card.get("data"), str):
        found["data"] = placeless(card["data"])
    about = card.get("data_card")
    if isinstance(about, dict):
        found["data_card"] = {key: about[key] for key in _TOLD_OF_DATA if key in about}
    return found


def models(studio: Studio) -> list[dict[str, Any]]:
    """Each model's name, spec, card and checksum; nothing of where its file lies."""
    return [
        {
            "name": name,
            "default": name == studio.default,
            "inputs": studio.spec(name).to_json()["inputs"],
            "output": sampler.spec.to_json()["output"],
            "card": public_card(sampler.card),
            "most": MOST[sampler.spec.output.kind],
            "formats": formats_of(sampler.spec),
            "checksum": sampler.checksum,
        }
        for name, sampler in studio.samplers.items()
    ]


def body(studio: Studio) -> dict[str, Any]:
    """The request's body: one of the models that are served, and its own inputs."""
    each = [_request(studio, name) for name in studio.samplers]
    schema = each[0] if len(each) == 1 else {"oneOf": each}
    examples = {
        "one grid": {"value": {"n": 16, "seed": 0}},
        "these seeds, as JSON": {"value": {"seeds": "0-3,7", "format": "json"}},
    }
    inputs = _example(studio.spec(studio.default))
    if inputs:
        examples["with inputs"] = {"value": {"n": 4, "seed": 7, **inputs}}
    content = {"application/json": {"schema": schema, "examples": examples}}
    return {"requestBody": {"required": True, "content": content}}


def _request(studio: Studio, name: str) -> dict[str, Any]:
    """What may be asked of one model; all but the default have to be named."""
    spec = studio.spec(name)
    kind, labels = spec.output.kind, spec.of_kind("label")
    seed = {"type": "integer", "minimum": 0, "maximum": LAST_SEED}
    seeds: list[dict[str, Any]] = [
        {"type": "array", "items": seed, "minItems": 1, "maxItems": MOST[kind]},
        {"type": "string", "example": "0-15,40"},
    ]
    properties: dict[str, Any] = {
        "model": {"type": "string", "const": name},
        "n": {"type": "integer", "minimum": 1, "maximum": MOST[kind], "default": DEFAULT_N},
        "seed": {**seed, "default": 0, "description": "of the first picture; the next one's is one more"},
        "seeds": {"oneOf": seeds, "description": "instead of seed and n"},
        "format": {"type": "string", "enum": formats_of(spec), "description": "else as Accept says, else png"},
        **({"label": _input(labels[0])} if labels else {}),
        **({"truncation": {"type": "number", "exclusiveMinimum": 0}} if truncations(spec) else {}),
        **{one.name: _input(one) for one in spec.inputs},
    }
    pictures = [one.name for one in spec.of_kind("image")]
    needed = [*([] if name == studio.default else ["model"]), *pictures]
    about = {"type": "object", "title": name, "properties": properties, "additionalProperties": False}
    return {**about, "required": needed} if needed else about


def _input(spec: InputSpec) -> dict[str, Any]:
    about = {"description": spec.doc} if spec.doc else {}
    if spec.kind == "label":
        one: dict[str, Any] = {
            "anyOf": [
                {"type": "string", "enum": list(spec.classes)},
                {"type": "integer", "minimum": 0, "maximum": len(spec.classes) - 1},
            ]
        }
        return {"anyOf": [*one["anyOf"], {"type": "array", "items": one}], **about}
    if spec.kind == "scalar" and spec.range:
        bounds = {"minimum": spec.range[0], "maximum": spec.range[1], "default": spec.default}
        return {"type": "number", **bounds, **about}
    if spec.kind == "image":
        return {"type": "string", "contentEncoding": "base64", "description": spec.doc or "PNG, JPEG or WebP"}
    shape = f"numbers [n, *{list(spec.shape)}], or {list(spec.shape)} for all; left out, the seeds draw them"
    return {"type": "array", "items": {}, "description": f"{spec.doc} {shape}".strip()}


def _example(spec: GeneratorSpec) -> dict[str, Any]:
    found: dict[str, Any] = {i.name: i.classes[-1] for i in spec.of_kind("label")}
    return found | {i.name: i.default for i in spec.of_kind("scalar")}
