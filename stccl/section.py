"""Base of every typed configuration: frozen, strict, and refusing what it does not know."""

import difflib
import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from stccl.errors import ParamsError


class Section(BaseModel):
    """A frozen group of settings. Unknown keys and wrong types are refused, never coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def parse(cls, values: Any, *, where: str) -> Self:
        """Check plain YAML or JSON values; `where` names the file in the error.

        Raises:
            ParamsError: Naming every offending key, what was expected and what came.
        """
        try:
            # Strict validation of JSON lets a list fill a tuple and an integer fill a float,
            # but no string fill a number.
            return cls.model_validate_json(json.dumps(values))
        except (TypeError, ValueError) as error:
            if isinstance(error, ValidationError):
                raise ParamsError(f"{where}: {_explain(cls, error)}") from None
            raise ParamsError(f"{where}: {error}") from None


def _explain(model: type[BaseModel], error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        location = problem["loc"]
        key = ".".join(str(part) for part in location) or "the file"
        if problem["type"] == "extra_forbidden":
            known = _keys_beside(model, location)
            close = difflib.get_close_matches(str(location[-1]), known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known)}"
            lines.append(f"{key}: unknown key; {hint}")
        elif problem["type"] == "missing":
            lines.append(f"{key}: missing")
        else:
            message = problem["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
            lines.append(
                f"{key}: expected {message}, got {problem['input']!r}"
                if problem["type"] != "value_error"
                else f"{key}: {message}"
            )
    return "; ".join(lines)


def _keys_beside(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that would have been right where an unknown one stands."""
    current: type[BaseModel] = model
    for part in location[:-1]:
        if part not in current.model_fields:
            continue  # the key of a mapping: `current` is already the model of its values
        annotation = current.model_fields[str(part)].annotation
        candidates = (annotation, *getattr(annotation, "__args__", ()))
        current = next(
            (c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), current
        )
    return list(current.model_fields)
