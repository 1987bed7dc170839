"""A stand-in for nvcc, run as a program: compiles C++ with the machine's g++ and leaves files where nvcc would.

The object has a ``.nv_fatbin`` section, and ``--keep-dir`` gets a PTX and launch stubs per pass and a cubin per
architecture, so the worker cannot tell it from the real one. Each call is noted in the file ``calls`` of the working
directory.
"""

import itertools
import os
import re
import sys
from pathlib import Path

from factory.system import process

FATBIN = 'asm(".section .nv_fatbin,\\"a\\"\\n.ascii \\"all the GPU code\\"\\n.previous");\n'


def main(argv: list[str]) -> int:
    words = iter(argv)
    options = {word: next(words) for word in words if word not in {"--keep", "-cubin"} and word.startswith("-")}
    with Path("calls").open("a") as calls:
        calls.write(f"{' '.join(argv)}\n")
    output = Path(options["-o"])
    if "-cubin" in argv:
        write_code(output, f"{options['-gencode']} of {Path(argv[argv.index('-cubin') + 1]).read_text()}")
        return 0
    kept, source = Path(options["--keep-dir"]), Path(options["-c"])
    keep(kept / source.stem, [value for name, value in itertools.pairwise(argv) if name == "-gencode"])
    (kept / "fatbin.h").write_text(FATBIN)
    command = ["g++", "-include", kept / "fatbin.h", "-c", source, "-o", output]
    return process.measure(list(map(str, command)), cwd=".", env=os.environ).status


def keep(stem: Path, passes: list[str]) -> None:
    for one in passes:
        virtual, codes = one.removeprefix("arch=").split(",code=")
        name = f"{stem}.{virtual}" if len(passes) > 1 else str(stem)
        Path(f"{name}.ptx").write_text(virtual)
        for code in re.findall(r"sm_\w+", codes):
            write_code(Path(f"{name}.{code}.cubin"), f"{code} of {virtual}")
        Path(f"{name}.cudafe1.stub.c").write_text(f"stubs of {virtual}")
    Path(f"{name}.cudafe1.cpp").write_text("host code of the last pass")


def write_code(path: Path, text: str) -> None:
    """Write an ELF file without tables; ``text`` is all that follows its header."""
    path.write_bytes(b"\x7fELF" + bytes(60) + text.encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
