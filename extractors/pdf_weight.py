"""How much a PDF draws, told before PDFium draws any of it.

PDFium builds every object that a page shows when it loads the page, and every letter when it reads
the text: a few hundred bytes that draw themselves, or each other ten times over, take all memory
and the process with it. So contents are counted first: how often forms are drawn, how many
letters are set, how long all of it would be written out, how many marks are set in one another
(PDFium copies all that are open for each further one). An invoice comes nowhere near.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pypdfium2 as pdfium

from extractors.errors import TooMuchContent
from extractors.limits import Limits
from extractors.pdf_objects import Objects, Ref, Stream, Value, plain_name

#: Forms nest no deeper in PDFium.
_DEPTH = 40
_DRAWN = re.compile(rb"/([^\s/<>\[\](){}%]+)\s+(Do|gs|scn|SCN)(?![A-Za-z0-9])")
_DRAWS = re.compile(rb"(?<![A-Za-z0-9])Do(?![A-Za-z0-9])")
_MARKS = re.compile(rb"(?<![A-Za-z0-9])B[MD]C(?![A-Za-z0-9])")
_ENDS = re.compile(rb"\\.|[()]", re.DOTALL)
_IN_HEX = re.compile(rb"<([0-9A-Fa-f\s]+)>")
#: A picture may stand between texts, its bytes as they are. So many are looked for at most, with
#: a head of so many bytes.
_PICTURE, _PICTURE_ENDS = re.compile(rb"(?<!\S)BI\s"), re.compile(rb"\sEI(?!\S)")
_MOST_PICTURES = 5_000
_PICTURE_HEAD = 500
#: PDFium cuts longer texts.
_LONGEST_TEXT = 32_767
#: Streams packed in a way that is not looked into are taken to draw each form so often.
_GUESSED_DRAWS = 20


@dataclass(frozen=True, slots=True)
class Weight:
    """What contents come to with all that they draw."""

    draws: int = 0
    letters: int = 0
    size: int = 0
    #: Marks set around what is drawn; those of forms inside are weighed by themselves.
    marks: int = 0

    def plus(self, other: Weight, times: int = 1) -> Weight:
        return Weight(
            self.draws + times * other.draws,
            self.letters + times * other.letters,
            self.size + times * other.size,
            self.marks + times * other.marks,
        )


def refuse_overload(document: pdfium.PdfDocument, limits: Limits) -> None:
    """Raises `TooMuchContent` for a document with a page that draws beyond `limits`.

    A file that cannot be looked into passes: PDFium will say what is wrong with it.
    """
    try:
        objects = Objects(document)
        pages = list(_pages(objects, limits.max_pages))
        attached = list(_attached(objects, limits.max_zip_entries))
    except (ValueError, RecursionError):
        return
    scale = _Scale(objects, limits)
    total = sum(scale.page(page, resources).size for page, resources in pages)
    total += sum(map(scale.attachment, attached))
    scale.refuse(Weight(size=total))


def _pages(objects: Objects, most: int) -> Iterator[tuple[dict[bytes, Value], Value]]:
    """Page dictionaries in order, each with its resources, which it may inherit."""
    seen: set[int] = set()
    waiting: list[tuple[Value, Value]] = [(objects.dictionary(objects.root).get(b"Pages"), None)]
    count = 0
    while waiting and count < most:
        place, inherited = waiting.pop()
        if isinstance(place, Ref):
            if place.number in seen:
                continue
            seen.add(place.number)
        node = objects.dictionary(place)
        resources = node.get(b"Resources", inherited)
        kids = objects.get(node.get(b"Kids"))
        if isinstance(kids, list):
            waiting.extend((kid, resources) for kid in reversed(kids))
        elif node:
            count += 1
            yield node, resources


def _attached(objects: Objects, most: int) -> Iterator[Stream]:
    """Embedded files, which PDFium unpacks whole even when asked for no more than their size."""
    names = objects.dictionary(objects.dictionary(objects.root).get(b"Names"))
    waiting: list[Value] = [names.get(b"EmbeddedFiles")]
    for _ in range(most):
        if not waiting:
            return
        node = objects.dictionary(waiting.pop())
        kids, listed = objects.get(node.get(b"Kids")), objects.get(node.get(b"Names"))
        waiting.extend(kids if isinstance(kids, list) else [])
        for value in listed[1 : 2 * most : 2] if isinstance(listed, list) else []:
            files = objects.dictionary(objects.dictionary(value).get(b"EF"))
            streams = {
                id(found): found for place in files.values() if (found := objects.get(place))
            }
            yield from (found for found in streams.values() if isinstance(found, Stream))


class _Scale:
    """Weighs contents, each once. Broken parts weigh nothing."""

    def __init__(self, objects: Objects, limits: Limits) -> None:
        self._objects = objects
        self._limits = limits
        self._left = limits.max_pdf_content
        self._known: dict[tuple[int, int], Weight] = {}
        self._open: set[int] = set()

    def refuse(self, weight: Weight) -> None:
        for found, limit, what in (
            (weight.draws, self._limits.max_pdf_draws, "forms"),
            (weight.letters, self._limits.max_pdf_letters, "letters"),
            (weight.size, self._limits.max_pdf_content, "bytes"),
            (weight.marks, self._limits.max_pdf_marks, "marks"),
        ):
            if found > limit:
                raise TooMuchContent(what=what, limit=limit)

    def page(self, page: dict[bytes, Value], resources: Value) -> Weight:
        contents = self._objects.get(page.get(b"Contents"))
        parts = contents if isinstance(contents, list) else [contents]
        weight = Weight()
        for part in parts:
            stream = self._objects.get(part)
            if isinstance(stream, Stream):
                weight = weight.plus(self._content(stream, resources, 0))
                self.refuse(weight)
        for form in self._appearances(page):
            weight = weight.plus(self._form(form, resources, 1), 1)
            self.refuse(weight)
        return weight

    def attachment(self, stream: Stream) -> int:
        """Bytes of an embedded file, unpacked."""
        try:
            content = self._objects.unpacked(stream, self._left + 1)
        except ValueError:
            return 0
        size = len(stream.packed if content is None else content)
        self._left -= size
        self.refuse(Weight(size=self._limits.max_pdf_content - self._left))
        return size

    def _appearances(self, page: dict[bytes, Value]) -> Iterator[Value]:
        """What notes and fields of a page show."""
        notes = self._objects.get(page.get(b"Annots"))
        for note in notes if isinstance(notes, list) else []:
            shown = self._objects.dictionary(self._objects.dictionary(note).get(b"AP")).get(b"N")
            if isinstance(self._objects.get(shown), Stream):
                yield shown
            else:
                yield from self._objects.dictionary(shown).values()

    def _content(self, stream: Stream, resources: Value, depth: int) -> Weight:
        """The weight of one stream that is drawn with `resources`."""
        try:
            content = self._objects.unpacked(stream, self._left + 1)
        except ValueError:
            return Weight()
        children = self._children(resources)
        if content is None:
            size = len(stream.packed)
            times = dict.fromkeys(children, _GUESSED_DRAWS)
        else:
            size = len(content)
            times = _times(content, children)
        self._left -= size
        marks = len(_MARKS.findall(content)) if content else 0
        weight = Weight(letters=_letters(content) if content else size, size=size, marks=marks)
        self.refuse(weight)
        self.refuse(Weight(size=self._limits.max_pdf_content - self._left))
        del content
        for name, count in times.items():
            inner = self._form(children[name], resources, depth + 1)
            weight = weight.plus(replace(inner, draws=inner.draws + 1, marks=0), count)
            self.refuse(weight)
        return weight

    def _children(self, resources: Value) -> dict[bytes, Value]:
        """Forms, patterns and masks by the name under which contents draw them."""
        found = self._objects.dictionary(resources)
        children = dict(self._objects.dictionary(found.get(b"Pattern")))
        for name, state in self._objects.dictionary(found.get(b"ExtGState")).items():
            mask = self._objects.dictionary(self._objects.dictionary(state).get(b"SMask"))
            if b"G" in mask:
                children[name] = mask[b"G"]
        children |= self._objects.dictionary(found.get(b"XObject"))
        return {
            name: place
            for name, place in children.items()
            if self._objects.dictionary(place).get(b"Subtype", b"Form") == b"Form"
        }

    def _form(self, place: Value, inherited: Value, depth: int) -> Weight:
        stream = self._objects.get(place)
        if not isinstance(stream, Stream) or not isinstance(place, Ref):
            return Weight()
        resources = stream.head.get(b"Resources", inherited)
        key = (place.number, id(self._objects.get(resources)))
        if key in self._known:
            return self._known[key]
        if place.number in self._open or depth > _DEPTH:
            raise TooMuchContent(what="forms", limit=self._limits.max_pdf_draws)
        self._open.add(place.number)
        self._known[key] = self._content(stream, resources, depth)
        self._open.discard(place.number)
        return self._known[key]


def _times(content: bytes, children: dict[bytes, Value]) -> dict[bytes, int]:
    """How often each child is drawn; a draw whose name is not plain to see counts for them all."""
    if not children:
        return {}
    found = _DRAWN.findall(content)
    named = Counter(plain_name(name) for name, _ in found)
    times = {name: named[name] for name in children if named[name]}
    obscure = len(_DRAWS.findall(content)) - sum(how == b"Do" for _, how in found)
    if obscure > 0:
        times = {name: times.get(name, 0) + obscure for name in children}
    return times


def _letters(content: bytes) -> int:
    """About how many letters the texts of a content hold, never far too few."""
    content = _without_pictures(content)
    count = sum(len(digits) // 2 for digits in _IN_HEX.findall(content))
    depth = start = 0
    for end in _ENDS.finditer(content):
        if end[0] == b"(":
            depth += 1
            start = end.end() if depth == 1 else start
        elif end[0] == b")" and depth:
            depth -= 1
            count += min(end.start() - start, _LONGEST_TEXT) if depth == 0 else 0
    return count + (min(len(content) - start, _LONGEST_TEXT) if depth else 0)


def _without_pictures(content: bytes) -> bytes:
    """The content without pictures written into it, whose bytes look like anything."""
    parts, place = [], 0
    for begin in itertools.islice(_PICTURE.finditer(content), _MOST_PICTURES):
        if begin.start() < place:
            continue
        head = content.find(b"ID", begin.end(), begin.end() + _PICTURE_HEAD)
        end = _PICTURE_ENDS.search(content, head) if head >= 0 else None
        if head >= 0 and end is None:
            break
        if end is not None:
            parts.append(content[place : begin.start()])
            place = end.end()
    return b" ".join([*parts, content[place:]])
