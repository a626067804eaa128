"""What people describe in TOML files, read and checked as a whole."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from extractors.errors import YanpiaoError

M = TypeVar("M", bound=BaseModel)


def load_described(path: Path, model: type[M], bad: type[YanpiaoError]) -> M:
    """The file as a `model`. Raises `bad` with the `file` and its `faults`: every place that is
    wrong, and why."""
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise bad(file=path.name, faults=error.strerror or "unreadable") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise bad(file=path.name, faults=f"not TOML: {error}") from error
    except ValidationError as error:
        raise bad(file=path.name, faults=_in_words(error)) from error


def _in_words(error: ValidationError) -> str:
    """Every fault with the place in the file where it stands."""
    return "; ".join(
        f"{'.'.join(str(step) for step in fault['loc']) or 'file'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    )
