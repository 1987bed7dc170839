"""PyGithub's connections with an end to their waiting: they stream, and are kept open.

PyGithub 2.10 hands its time-out to the connections to the API alone: those to other hosts, which uploads and
downloads go to, wait for ever. It reads every answer into memory, streams too. And once it is given other classes
of connections, it opens one anew for each request. All that is asked of GitHub goes through here, so here a dry run
is held to its word.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import requests
from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, Requester, RequestsResponse

from factory.errors import DryRunError
from factory.github import dryrun
from factory.system import pacedsession
from factory.system.download import PACE

_READING = frozenset({"GET", "HEAD"})


class _Patient:
    """What both kinds of connection do differently."""

    silence = 0.0
    shared = requests.Session()

    def getresponse(self: Any) -> RequestsResponse:  # mixed into classes whose fields it uses
        """Send what was prepared and return the answer. Raises DryRunError."""
        if dryrun.is_dry() and self.verb not in _READING:
            raise DryRunError(
                f"a dry run was about to change something on GitHub: {self.verb} {self.url}",
                remedy="Nothing was sent. This is a mistake of the factory's: report it with this line.",
            )
        answer = self.shared.request(
            self.verb,
            f"{self.protocol}://{self.host}:{self.port}{self.url}",
            headers=self.headers,
            data=self.input,
            timeout=self.silence,
            verify=self.verify,
            allow_redirects=False,
            stream=self.stream,
        )
        if answer.status_code != HTTPStatus.OK:
            _ = answer.content  # PyGithub drops such a stream unread, and with it the connection, which stays open
        return RequestsResponse(answer)


class _Http(_Patient, HTTPRequestsConnectionClass):
    pass


class _Https(_Patient, HTTPSRequestsConnectionClass):
    pass


def patient(silence: float) -> requests.Session:
    """Have every connection that PyGithub opens from now on end ``silence`` seconds after the last sign of life.

    Returns the session they share, to be closed.
    """
    _Patient.silence = silence
    _Patient.shared = pacedsession.session(PACE)
    _Patient.shared.auth = Requester.noopAuth  # else requests puts a password out of ~/.netrc in the token's place
    Requester.injectConnectionClasses(_Http, _Https)
    return _Patient.shared
