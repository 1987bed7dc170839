import pytest

from factory.prove.proof import Code, HostSymbols, code_differences, symbol_differences

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
