import pytest

from factory.image.aptsource import Archive, Trust, proxies, read, trust

LINE = "Debian\tbookworm\tmain\thttp://mirror.example/debian/\t/etc/apt/sources.list.d/debian.sources:2"
OTHERS = [
    "Debian\tbookworm-updates\tmain\thttp://mirror.example/debian/\t/etc/apt/sources.list:1",
    "Debian-Security\tbookworm-security\tmain\thttp://security.example/\t/etc/apt/sources.list:2",
    "Debian\tbookworm\tcontrib\thttp://mirror.example/debian/\t/etc/apt/sources.list:3",
    "\t\tmain\thttp://vendor.example/apt/\t/etc/apt/sources.list:4",
]
STANZAS = """\
# Debian's own
Types: deb
URIs: http://one.example
Trusted: yes


Types: deb
URIs: http://two.example
# Trusted: yes
Signed-By: /usr/share/keyrings/two.gpg

Types: deb
trusted: no
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
"""


def listed(name: str, number: int) -> Archive:
    return Archive(suite="bookworm", url="http://mirror.example/", listed=f"/etc/apt/{name}", number=number)


def test_the_archive_is_the_suite_itself() -> None:
    assert read([*OTHERS, LINE], "bookworm") == Archive(
        suite="bookworm",
        url="http://mirror.example/debian/",
        listed="/etc/apt/sources.list.d/debian.sources",
        number=2,
    )


def test_no_archive_of_the_suite() -> None:
    assert read(OTHERS, "bookworm") is None
    assert read([LINE], "trixie") is None


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, Trust(blind=True)),
        (2, Trust(signed_by="/usr/share/keyrings/two.gpg")),
        (3, Trust()),
    ],
)
def test_stanzas(number: int, expected: Trust) -> None:
    assert trust(listed("sources.list.d/debian.sources", number), STANZAS) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("deb http://mirror.example bookworm main", Trust()),
        ("deb [trusted=yes] http://mirror.example bookworm main", Trust(blind=True)),
        ("deb [ arch=amd64 Trusted=TRUE ] http://mirror.example bookworm main", Trust(blind=True)),
        ("deb [trusted=no signed-by=/k.gpg] http://mirror.example bookworm main", Trust(signed_by="/k.gpg")),
        ("deb [signed-by=/k.gpg,/l.gpg] http://mirror.example bookworm main", Trust()),
        ("deb [signed-by=ABCDEF0123] http://mirror.example bookworm main", Trust()),
        ("deb http://mirror.example bookworm main # [trusted=yes]", Trust()),
    ],
)
def test_lines(line: str, expected: Trust) -> None:
    assert trust(listed("sources.list", 2), f"# [trusted=yes]\n{line}\n") == expected


def test_proxies_as_programs_read_them() -> None:
    printed = "http_proxy='http://proxy.example:3128'\nhttps_proxy='DIRECT'\n"
    assert proxies(printed) == {"http_proxy": "http://proxy.example:3128", "https_proxy": ""}
    assert proxies("") == {}
