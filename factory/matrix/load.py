"""``matrix.yaml`` to a checked ``Matrix``, with every mistake named at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from factory.errors import Fault, MatrixError
from factory.matrix.cellindex import CellIndex
from factory.matrix.cells import cannot_make, expand, skipped, unchosen
from factory.matrix.check import Known, mismatches, pythons_of
from factory.matrix.document import Complaint, Document, Value, read
from factory.matrix.model import (
    FULL,
    Cell,
    Choice,
    FlashAttn,
    Image,
    Matrix,
    Planned,
    Profile,
    Runners,
    Skip,
    State,
    Toolkit,
    Torch,
    TorchBuild,
)
from factory.matrix.schema import CudaRow, FlashAttnRow, ImageRow, MatrixFile, SkipRow, TorchRow
from factory.matrix.selector import Selector, conflict
from factory.matrix.shape import pruned, shaped
from factory.matrix.wheelname import wheel_filename

# What decides which cells exist, and the entries under ``skip`` themselves.
_CELL_FACTS = ("cuda", "flash_attn", "platform", "python", "skip", "torch")


def load(text: str | bytes, *, name: str = "matrix.yaml") -> Matrix:
    """Return the matrix that the text of ``matrix.yaml`` describes; ``name`` is what complaints call the file.

    Raises MatrixError whose ``why`` holds every mistake as ``matrix.yaml:LINE: path.to.key: message``.
    """
    with _uncollected():
        document = read(text)
        made, complaints = _judged(document)
        if made is not None and not complaints:
            return made
        ordered = sorted({(document.line(complaint), _spelled(complaint)) for complaint in complaints})
    count = f"{len(ordered)} mistakes" if len(ordered) > 1 else "a mistake"
    raise MatrixError(
        f"{name} has {count}",
        faults=[Fault(said=message, file=name, line=line) for line, message in ordered],
        remedy=f"Correct {name}, then see what follows with: nox -s plan",
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no cycles: in a file of thousands of mistakes that takes as long as all the rest, and finds none."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _judged(document: Document) -> tuple[Matrix | None, list[Complaint]]:
    complaints = list(document.complaints)
    if document.value is None:
        return None, complaints or [Complaint((), f"is empty; it must hold {', '.join(MatrixFile.model_fields)}")]
    file, wrong = _typed(document.value)
    complaints += wrong
    if file is None:
        return None, complaints
    complaints += mismatches(file, _known(document.value))
    made = _matrix(file)
    if FULL in made.profiles:
        planned = expand(made, FULL)
        complaints += _collisions(planned)
        complaints += _unmakeable(made, planned) if file.archs is not None else ()
        complaints += _idle_skips(made, planned, complaints, wrong)
    return made, complaints


def _typed(value: Value) -> tuple[MatrixFile | None, tuple[Complaint, ...]]:
    """Return the typed file without its wrong parts, None if too little is left, and what was wrong."""
    result = shaped(value)
    wrong = () if isinstance(result, MatrixFile) else result
    while not isinstance(result, MatrixFile):
        value = pruned(value, [complaint.path for complaint in result])
        if value is None:
            return None, wrong
        result = shaped(value)
    return result, wrong


def _known(value: Value) -> Known:
    sections = value if isinstance(value, dict) else {}
    return {key: list(section) for key, section in sections.items() if isinstance(section, dict)}


def _matrix(file: MatrixFile) -> Matrix:
    return Matrix(
        flash_attn={version: _flash_attn(version, row, file) for version, row in file.flash_attn.items()},
        torch={series: _torch(series, row, file) for series, row in file.torch.items()},
        toolkits={version: _toolkit(version, row, file) for version, row in file.cuda.items()},
        profiles={
            name: Profile(name=name, disable=tuple(row.disable), summary=row.summary)
            for name, row in file.profiles.items()
        },
        choices={
            series: Choice(
                torch=series, flash_attn=tuple(row.flash_attn), cuda=tuple(row.cuda), pythons=tuple(row.python)
            )
            for series, row in file.wheels.items()
        },
        skips=tuple(_skip(row) for row in file.skip),
        cautions={python: row.caution for python, row in file.python.items() if row.caution},
        machine_archs={
            machine: tuple(row.archs) if file.archs is None else () for machine, row in file.platform.items()
        },
        machine_notes={machine: row.note for machine, row in file.platform.items() if row.note},
        chosen_machines=tuple(file.machines),
        cibuildwheel={python: row.cibuildwheel for python, row in file.python.items()},
        runners=Runners(
            build=tuple(file.runners.build),
            machines={machine: tuple(labels) for machine, labels in file.runners.machines.items()},
            gpu=tuple(file.runners.gpu),
        ),
        gpu_python=file.gpu_test.python,
        max_jobs=file.max_jobs,
        unpinned_images=file.unpinned_images or "",
        oldest_arch=file.oldest_arch,
        publish_profiles=tuple(file.publish.profiles),
    )


def _flash_attn(version: str, row: FlashAttnRow, file: MatrixFile) -> FlashAttn:
    chosen = tuple(series for series, wheels in file.wheels.items() if version in wheels.flash_attn)
    return FlashAttn(
        version=version,
        sha256=row.sha256,
        torch=chosen,
        on_request=tuple(series for series in row.torch if series not in chosen),
        leave_out=tuple(row.leave_out),
    )


def _torch(series: str, row: TorchRow, file: MatrixFile) -> Torch:
    chosen = file.wheels[series].cuda if series in file.wheels else {}
    return Torch(
        series=series,
        release=row.release,
        cxx_standard=row.cxx_standard,
        setuptools=row.setuptools,
        builds=tuple(
            TorchBuild(
                cuda=cuda,
                cxx11abi=build.abi,
                pythons=pythons_of(file, series),
                machines=tuple(
                    machine for machine in build.platform or [*file.platform][:1] if machine in file.platform
                ),
                index_url=None if build.index == "default" else build.index,
                published=cuda in chosen,
            )
            for cuda, build in row.builds.items()
            if cuda in file.cuda  # a mistake in one CUDA must not hide those elsewhere
        ),
    )


def _toolkit(version: str, row: CudaRow, file: MatrixFile) -> Toolkit:
    return Toolkit(
        version=version,
        targets=tuple(row.targets),
        newest_gcc=row.newest_gcc,
        archs=tuple(sorted(file.archs if file.archs is not None else row.archs)),
        # a mistake in one CUDA must not hide those elsewhere
        kernels=tuple(maker for maker in row.kernels if maker in file.cuda) or (version,),
        front_end={arch: first for first, targets in row.front_end.items() for arch in targets},
        minimum_driver=row.minimum_driver,
        image=_image(row.image) if row.image else None,
        images={machine: _image(image) for machine, image in row.images.items()},
        compression=row.compression,
    )


def _image(row: ImageRow) -> Image:
    return Image(name=row.name, digest=row.digest, promise=f"manylinux_{row.manylinux.replace('.', '_')}")


def _skip(row: SkipRow) -> Skip:
    return Skip(
        reason=row.reason,
        flash_attn=tuple(row.flash_attn),
        cuda=tuple(row.cuda),
        torch=tuple(row.torch),
        python=tuple(row.python),
        cxx11abi=tuple(row.abi),
        machine=tuple(row.platform),
    )


def _collisions(planned: Sequence[Planned]) -> Iterator[Complaint]:
    taken: dict[str, Cell] = {}
    told: set[tuple[str, ...]] = set()
    for cell in (row.cell for row in planned if row.state is State.BUILD):
        first = taken.setdefault(wheel_filename(cell), cell)
        pair = (first.flash_attn, first.torch, first.cuda, cell.cuda)
        if first is not cell and pair not in told:  # one Python stands for all
            told.add(pair)
            yield Complaint(
                ("wheels", cell.torch, "cuda", cell.cuda),
                f"{first.id} and {cell.id} would both be published as {wheel_filename(cell)}, for a name holds only "
                f"the CUDA major; keep one of {first.cuda} and {cell.cuda} in wheels.{cell.torch}.cuda",
            )


def _unmakeable(matrix: Matrix, planned: Sequence[Planned]) -> Iterator[Complaint]:
    """Complain of the one list of architectures for each CUDA that is to be built with and cannot make it."""
    cells = [row.cell for row in planned]
    skips = skipped(matrix.skips, cells)
    wanted = [cell for cell in cells if cell not in skips and not unchosen(matrix, cell)]
    for cuda in dict.fromkeys(cell.cuda for cell in wanted):
        foreign = cannot_make(matrix.toolkits[cuda].archs, cuda, matrix)
        if foreign:
            yield Complaint(("archs",), f"{foreign}; to go without it add to skip: {{cuda: {cuda}, reason: ...}}")


def _idle_skips(
    matrix: Matrix, planned: Sequence[Planned], complaints: Sequence[Complaint], lost: Sequence[Complaint]
) -> Iterator[Complaint]:
    """Complain of skips that cover nothing, unless what they would cover may be ``lost`` to another mistake."""
    if any(complaint.path[0] in _CELL_FACTS for complaint in lost):
        return
    named = {complaint.path[:2] for complaint in complaints}
    cells = CellIndex.of([row.cell for row in planned])
    for index, skip in enumerate(matrix.skips):
        path = ("skip", index)
        asked = Selector(skip.tokens)
        if path not in named and not cells.having(asked.wanted):
            yield Complaint(path, f"covers no cell: {conflict(cells, asked)}")


def _spelled(complaint: Complaint) -> str:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in complaint.path)
    return f"{where.removeprefix('.')}: {complaint.message}" if where else complaint.message
