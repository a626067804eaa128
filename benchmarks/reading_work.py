"""The work of `benchmarks.reading`: which files are made, and what reading one of them gave."""

from __future__ import annotations

import contextlib
import datetime as dt
import resource
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.judging import Judgement, Verdict, judged, plain, stops
from benchmarks.recorded import recorded_file
from extractors.errors import YanpiaoError
from extractors.faces import invoice_from_words
from extractors.images import load_image
from extractors.limits import Limits
from extractors.model import Box, Invoice, Source
from extractors.ours import Party
from extractors.reader import Reader
from extractors.recogniser import Image, RecognisedPage, Recogniser
from extractors.words import Word
from fixtures.maker import Form, Truth, draw_truth, make, pages, specimens
from fixtures.maker.drawn import BORN_ELECTRONIC, PICTURED
from fixtures.maker.grades import GRADES, Grade, make_graded
from fixtures.maker.sheet import Text

#: Specimens are drawn for a fixed day, so that figures of different days compare.
DAY = dt.date(2026, 11, 22)
E_FILES = tuple(form.value for form in BORN_ELECTRONIC)
GRADE_NAMES = tuple(grade.value for grade in GRADES)
#: What one may ask for beside e-files and grades.
OTHERS = (Form.SCANNED_PDF.value,)


@dataclass(frozen=True)
class Task:
    """One file: which specimen, as what (an electronic form or a grade), from which seed."""

    specimen: str
    sort: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.specimen} {self.sort} {self.seed}"

    def truth(self) -> Truth:
        return draw_truth(self.specimen, self.seed, today=DAY)

    def content(self) -> bytes:
        truth = self.truth()
        if self.sort in GRADE_NAMES:
            return make_graded(truth, Grade(self.sort), self.seed).content
        return make(truth, Form(self.sort), self.seed).content


@dataclass
class Reading:
    """What came of one task. `held` is the share of wanted values that recognition held whole
    in some word: what geometry and checks had to work with."""

    task: Task
    judgements: list[Judgement] = field(default_factory=list)
    passed: bool = False
    #: What keeps it from passing with no hand: codes of findings and their fields.
    stops: list[str] = field(default_factory=list)
    error: str = ""
    #: Processor time and wall clock of reading alone, and resident MiB at most meanwhile.
    seconds: float = 0.0
    wall: float = 0.0
    #: Seconds that making the file took.
    made: float = 0.0
    peak: int = 0
    held: tuple[int, int] = (0, 0)

    def count(self, verdict: Verdict, *, keys: bool | None = None) -> int:
        return sum(
            each.verdict is verdict and (keys is None or each.key is keys)
            for each in self.judgements
        )


def planned(
    sorts: Sequence[str], names: Sequence[str], seeds: Sequence[int], *, rotate: bool
) -> list[Task]:
    """Every file to read. With `rotate` each document comes in one of the grades, by turns,
    instead of in all; electronic forms come all the same."""
    grades = [sort for sort in sorts if sort not in E_FILES]
    tasks = []
    for number, name in enumerate(names):
        forms = {form.value for form in specimens()[name].forms}
        # Some documents exist only as files: what stands in their XBRL alone no picture shows.
        pictured = bool(forms & {form.value for form in PICTURED})
        for turn, seed in enumerate(seeds):
            tasks += [Task(name, sort, seed) for sort in sorts if sort in E_FILES and sort in forms]
            wanted = [grades[(number + turn) % len(grades)]] if rotate and grades else grades
            tasks += [Task(name, sort, seed) for sort in wanted if pictured]
    return tasks


class Watched:
    """A recogniser whose last pages are kept, to say afterwards what it had held."""

    def __init__(self, engine: Recogniser) -> None:
        self._engine = engine
        self.pages: list[RecognisedPage] = []

    def recognise(self, image: Image, page: int) -> RecognisedPage:
        found = self._engine.recognise(image, page)
        self.pages.append(found)
        return found

    def recognise_region(self, image: Image, boxes: Iterable[Box]) -> tuple[Word, ...]:
        return self._engine.recognise_region(image, boxes)


class Bench:
    """Reads tasks in this process, with one engine."""

    def __init__(
        self,
        engine: Recogniser,
        *,
        recognition_only: bool = False,
        recorded: Path | None = None,
        ours: Sequence[Party] = (),
    ) -> None:
        self._recorded = recorded
        self.engine = Watched(engine)
        self._reader = Reader(recogniser=self.engine, ours=ours)
        self._recognition_only = recognition_only

    def read(self, task: Task) -> Reading:
        began = time.perf_counter()
        truth, content = task.truth(), self._content(task)
        self.engine.pages.clear()
        reading = Reading(task, made=time.perf_counter() - began)
        _forget_peak()
        wall, spent = time.perf_counter(), time.process_time()
        try:
            invoice = self._invoice(content, task)
        except YanpiaoError as error:
            invoice, reading.error = Invoice(), error.code
        reading.seconds = time.process_time() - spent
        reading.wall = time.perf_counter() - wall
        reading.peak = _peak()
        reading.judgements = _judged(task, truth, invoice)
        reading.stops = [reading.error] if reading.error else stops(invoice)
        reading.passed = not reading.stops
        reading.held = self._held(reading.judgements)
        return reading

    def _content(self, task: Task) -> bytes:
        if self._recorded is None:
            return task.content()
        return recorded_file(self._recorded, task.name, task.content)

    def _invoice(self, content: bytes, task: Task) -> Invoice:
        if self._recognition_only and task.sort not in E_FILES:
            page = self.engine.recognise(load_image(content, Limits()), 0)
            return invoice_from_words([page.words], Source.OCR)
        return self._reader.read_bytes(content)

    def _held(self, judgements: Sequence[Judgement]) -> tuple[int, int]:
        words = self.words()
        wanted = [each for each in judgements if each.truth and each.name != "kind"]
        return (sum(is_held(each, words) for each in wanted), len(wanted)) if words else (0, 0)

    def words(self) -> list[str]:
        """What recognition read in the last task, line by line, as `plain` text."""
        return [plain(word.text) for page in self.engine.pages for word in page.words.words]


def _judged(task: Task, truth: Truth, invoice: Invoice) -> list[Judgement]:
    """A picture shows the first page; what stands on the others only is no one's fault."""
    sheets = pages(truth, task.seed)
    if task.sort not in GRADE_NAMES or len(sheets) == 1:
        return judged(truth, invoice, with_lines=True)
    shown = [plain(item.text) for item in sheets[0].items if isinstance(item, Text)]
    return [
        each
        for each in judged(truth, invoice, with_lines=False)
        if each.verdict is not Verdict.MISSING or is_held(each, shown)
    ]


def is_held(judgement: Judgement, words: Sequence[str]) -> bool:
    """Does recognition hold the value, each of its lines whole in some word, in a way that faces
    print it?"""
    parts = [part for part in judgement.truth.splitlines() if part.strip()]
    return all(
        any(form in word for form in _printed(judgement.name, plain(part)) for word in words)
        for part in parts
    )


def _printed(name: str, text: str) -> Iterator[str]:
    yield text
    with contextlib.suppress(ValueError):
        moment = dt.datetime.fromisoformat(f"{text[:10]} {text[10:]}".strip())
        date = f"{moment:%Y年%m月%d日}"
        yield from (date, f"{moment:%Y%m%d}", f"{moment.year}年{moment.month}月{moment.day}日")
        yield f"{date}{moment:%H:%M}"
    if name == "lines.rate":
        with contextlib.suppress(ValueError):
            yield f"{float(text) * 100:g}%"
    elif "." in text:
        yield text.rstrip("0").rstrip(".")


def _forget_peak() -> None:
    """Linux starts counting the peak of resident memory anew: the maker's is not the reader's."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
