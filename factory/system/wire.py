"""Asks servers for files, through requests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import requests
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError

from factory.system import pacedsession
from factory.system.answer import Answer, RefusedError
from factory.system.download import PACE, root
from factory.system.retry import Pace, TroubleError


@contextlib.contextmanager
def answer(url: str, timeout: float, headers: Mapping[str, str]) -> Iterator[Answer]:
    """Ask for ``url``; ``timeout`` is in seconds and holds for the connection and for each silence after it.

    Raises TroubleError where trying again may help, else RefusedError.
    """
    with pacedsession.session(PACE) as session, _asked(session, url, timeout, headers) as came:
        if came.status_code == HTTPStatus.TOO_MANY_REQUESTS or came.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            asked = came.headers.get("Retry-After", "")
            raise TroubleError(_said(came), wait=float(asked) if asked.isdecimal() else None)
        if not came.ok:
            raise RefusedError(_said(came), status=came.status_code)
        yield Answer(
            status=came.status_code, length=came.raw.length_remaining, pieces=lambda pace: _pieces(came.raw, pace)
        )


def _asked(session: requests.Session, url: str, timeout: float, headers: Mapping[str, str]) -> requests.Response:
    try:
        return session.get(
            url,
            headers={**headers, "Accept-Encoding": "identity"},  # parts are parts of the file as it is
            timeout=timeout,
            stream=True,
            hooks={"response": _hold_redirect},
        )
    except requests.ConnectionError as error:
        if isinstance(error.args[0], MaxRetryError):  # requests' word for: nobody was reached
            raise RefusedError(root(error)) from error
        raise TroubleError(root(error)) from error
    except requests.ReadTimeout as error:
        raise TroubleError(root(error)) from error
    except (requests.RequestException, ValueError) as error:
        raise RefusedError(str(error)) from error


def _hold_redirect(answer: requests.Response, **_: object) -> None:
    """Refuse to be led to anything but a server."""
    if answer.is_redirect and urlsplit(answer.headers["Location"]).scheme not in {"", "http", "https"}:
        raise RefusedError(f"{_said(answer)}, and leads to {answer.headers['Location']}")


def _said(answer: requests.Response) -> str:
    return f"it answered {answer.status_code} {answer.reason}"


def _pieces(raw: HTTPResponse, pace: Pace) -> Iterator[bytes]:
    """Yield what comes. Raises TroubleError where it ends too early, TooSlowError where it takes too long."""
    expected, came = raw.length_remaining, 0
    try:
        for piece in pacedsession.pieces(raw, pace):
            came += len(piece)
            yield piece
    except ProtocolError as error:
        unsaid = expected is None or came == expected
        raise TroubleError(error.args[0] if unsaid else f"it ended after {came} of {expected} bytes") from error
    except HTTPError as error:
        raise TroubleError(root(error)) from error
