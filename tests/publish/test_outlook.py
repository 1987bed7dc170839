from factory.publish.outlook import Outlook
from factory.publish.parts import File
from factory.publish.releases import limits
from factory.publish.steps import Create, Publish, Upload, Wait


def test_an_outlook_counts_what_is_sent_and_what_is_changed() -> None:
    uploads = [Upload(file=File(name=f"{number}.whl", size=400_000_000, sha256="0" * 64)) for number in range(3)]
    found = Outlook.of([Create(tag="v1"), *uploads, Wait(names=("a",)), Publish(tag="v1", body="", draft=True)])
    assert found == Outlook(files=3, size=1_200_000_000, changes=5)
    assert found.line(limits()) == "3 files to send, 1.2 GB"
    assert (found + found).changes == 10


def test_many_changes_take_the_time_that_github_wants() -> None:
    assert Outlook(files=600, size=10**9, changes=602).line(limits()) == (
        "600 files to send, 1.0 GB; GitHub's pace alone takes about 1h01m"
    )
    assert Outlook(files=1, size=1, changes=30).line(limits()) == "1 file to send, 0.0 MB"
