import pytest

from factory.prove.proof import Code, HostSymbols, code_differences, moved, symbol_differences

KERNEL = Code({"k .text": bytes(range(64)), "k .nv.info": b"\1\2", "k .nv.shared": bytes(8)})


def changed(sections: dict[str, bytes | None]) -> Code:
    kept = {**KERNEL.sections, **sections}
    return Code({name: content for name, content in kept.items() if content is not None})


def test_the_same_code_has_no_difference() -> None:
    assert list(code_differences(KERNEL, Code(dict(KERNEL.sections)))) == []
    assert KERNEL.kernels == 1
    assert KERNEL.sha256 == Code(dict(sorted(KERNEL.sections.items(), reverse=True))).sha256


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (changed({"k .text": bytes(range(32)) + bytes(32)}), "k .text differs at 0x20: plain 2021"),
        (changed({"k .text": bytes(48)}), "k .text has 64 bytes plain and 48 pooled"),
        (changed({"k .nv.info": b"\1\3"}), "k .nv.info differs at 0x0"),
        (changed({"k .nv.shared": None}), "k .nv.shared is only in the plain code"),
        (changed({"m .text": b"\0"}), "m .text is only in the pool code"),
    ],
)
def test_every_difference_is_named(other: Code, text: str) -> None:
    (found,) = code_differences(KERNEL, other)
    assert str(found).startswith(text)
    assert found.kernel in {"", "k", "m"}
    assert other.sha256 != KERNEL.sha256


def test_host_symbols_are_compared_both_ways() -> None:
    plain = HostSymbols(defined=frozenset({"a", "b"}), undefined=frozenset({"_ZN3c104cuda5checkEv", "atexit"}))
    pool = HostSymbols(defined=frozenset({"a"}), undefined=frozenset({"d"}))
    assert [str(found) for found in symbol_differences(plain, pool)] == [
        "host symbol b is defined only plain",
        "host symbol d is needed only pooled",
        "host symbol _ZN3c104cuda5checkEv is needed only plain",
    ]
    assert list(symbol_differences(plain, plain)) == []


def instruction(offset: int, *, opcode: int = 0x624, bank: int = 0, more: int = 0) -> bytes:
    return (opcode | offset << 38 | bank << 54 | more << 64).to_bytes(16, "little")


def kernel(*words: bytes, size: int, info: str = "0x19 8") -> Code:
    return Code({"k .text": b"".join(words), "k .nv.constant0": bytes(size), "k .nv.info": info.encode()})


NARROW = kernel(instruction(0x160), instruction(0x1D8), size=472, info="0x0a 60017800 k\n0x19 120\n0x1b 255")
WIDE = kernel(instruction(0x160), instruction(0x1E0), size=480, info="0x0a 60018000 k\n0x19 128\n0x1b 255")


def test_what_reads_parameters_behind_a_wider_state_is_counted_and_is_no_difference() -> None:
    assert list(code_differences(NARROW, WIDE)) == []
    assert (moved(NARROW, WIDE), moved(WIDE, WIDE)) == (1, 0)


@pytest.mark.parametrize(
    ("section", "content"),
    [
        ("k .text", instruction(0x160) + instruction(0x1E8)),
        ("k .text", instruction(0x160) + instruction(0x1E0, more=1)),
        ("k .text", instruction(0x160) + instruction(0x1E0, bank=3)),
        ("k .text", instruction(0x160) + instruction(0x1E0, opcode=0x224)),
        ("k .text", instruction(0x160) + instruction(0x1E0) + bytes(16)),
        ("k .nv.constant0", bytes(488)),
        ("k .nv.info", b"0x0a 60018000 k\n0x19 128\n0x1b 254"),
    ],
)
def test_anything_else_of_a_wider_kernel_is_a_difference(section: str, content: bytes) -> None:
    assert list(code_differences(NARROW, Code({**WIDE.sections, section: content})))


@pytest.mark.parametrize(
    ("moves", "alike"),
    [
        (((0x1D4, 0x1D8), (0x1D8, 0x1E0)), True),
        (((0x1D4, 0x1D8), (0x1D4, 0x1D8), (0x1F0, 0x1F8)), True),
        (((0x1D4, 0x1D8), (0x1D8, 0x1DC)), False),
        (((0x1D8, 0x1DC), (0x1D4, 0x1DC)), False),
        (((0x1D8, 0x1DC), (0x1D8, 0x1E0)), False),
        (((0x1D4, 0x1E4),), False),
    ],
)
def test_the_last_field_of_the_state_moves_by_half_and_nothing_else_does(
    moves: tuple[tuple[int, int], ...],
    alike: bool,  # noqa: FBT001 - a case's own answer
) -> None:
    plain = kernel(*(instruction(theirs) for theirs, _ in moves), size=472, info="0x19 120")
    pool = kernel(*(instruction(ours) for _, ours in moves), size=480, info="0x19 128")
    assert (list(code_differences(plain, pool)) == []) is alike


def test_an_immediate_value_that_looks_like_an_offset_is_a_difference() -> None:
    theirs, ours = (kernel(instruction(at, opcode=0x424), size=size) for at, size in ((0x1D8, 472), (0x1E0, 480)))
    assert list(code_differences(theirs, ours))


def test_torchs_check_and_the_one_that_calls_it_are_the_same_symbol() -> None:
    torch = frozenset({"_ZN3c104cuda29c10_cuda_check_implementationEiPKcS2_ib"})
    own = frozenset({"_ZN7factory9CudaCheckC1Ev", "_ZN7factory9CudaCheckclEiPKcS2_j"})
    plain, pool = (HostSymbols(defined=frozenset(), undefined=names) for names in (torch, own))
    assert list(symbol_differences(plain, pool)) == []
    without = HostSymbols(defined=frozenset(), undefined=frozenset())
    assert len(list(symbol_differences(plain, without))) == len(list(symbol_differences(without, pool))) == 1
