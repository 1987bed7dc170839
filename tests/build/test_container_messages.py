import pytest

from factory import errors
from factory.build.container import messages
from factory.errors import FactoryError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FactoryError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_comes_out_of_the_container_as_itself(kind: type[FactoryError]) -> None:
    came = messages.from_json(messages.to_json(kind("what", why=["one", "two"], remedy="type this")))
    assert type(came) is kind
    assert str(came) == "what\none\ntwo\ntype this"


def test_no_two_errors_have_one_exit_status() -> None:
    assert len({kind.status for kind in KINDS}) == len(KINDS)
