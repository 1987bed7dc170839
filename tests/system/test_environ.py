from hypothesis import given
from hypothesis import strategies as st

from factory.system.environ import inherited

NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=1)
FLAGS = ("NVCC_APPEND_FLAGS", "NVCC_PREPEND_FLAGS", "CPATH", "CPLUS_INCLUDE_PATH", "CFLAGS", "CXXFLAGS", "LDFLAGS")
PYTHON = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "PIP_INDEX_URL", "PIP_TARGET", "UV_INDEX_URL")
SECRETS = ("GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "TWINE_PASSWORD", "AWS_SECRET_ACCESS_KEY")


@given(st.dictionaries(NAMES | st.sampled_from(FLAGS + PYTHON + SECRETS), st.text()), st.text())
def test_nothing_but_a_known_list_is_inherited(strange: dict[str, str], home: str) -> None:
    kept = {"HOME": home, "PATH": "/bin", "https_proxy": "http://proxy:3128", "LANG": "C.UTF-8"}
    found = inherited(strange | dict.fromkeys(FLAGS + PYTHON + SECRETS, "x") | kept)
    assert found.items() >= kept.items()
    assert found.keys().isdisjoint(FLAGS + PYTHON + SECRETS)
    assert len(found) <= 20


def test_there_is_always_a_path() -> None:
    assert inherited({}) == {"PATH": "/usr/bin:/bin"}
