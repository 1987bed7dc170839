"""A real Chromium, told what to do by its own driver. Source: https://www.w3.org/TR/webdriver2/"""

import base64
import contextlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")
_TIMEOUT = 300.0  # seconds; how long axe takes says how busy the machine is


class Browser:
    """One window of a browser at ``session``."""

    def __init__(self, session: str) -> None:
        self._session = session

    def open(self, url: str) -> None:
        ask(f"{self._session}/url", {"url": url})

    def run(self, script: str, *arguments: object) -> Any:  # noqa: ANN401  # whatever the script returns
        return ask(f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as on a keyboard; U+E004 is Tab, U+E007 Enter."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        ask(f"{self._session}/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def look(self, *, width: int, height: int, dark: bool) -> None:
        """Change the window's size in CSS pixels, and its colours."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", features=[scheme])
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def command(self, name: str, **parameters: object) -> Any:  # noqa: ANN401  # as the DevTools protocol has it
        return ask(f"{self._session}/goog/cdp/execute", {"cmd": name, "params": parameters})

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(ask(f"{self._session}/screenshot")))


@contextlib.contextmanager
def browser(chromium: str, driver: str) -> Iterator[Browser]:
    """Start a browser with a profile of its own; stop it in the end."""
    with (
        tempfile.TemporaryDirectory() as profile,
        subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True) as process,
    ):
        try:
            base = f"http://127.0.0.1:{_port(process)}/session"
            options = {"binary": chromium, "args": [*_FLAGS, f"--user-data-dir={profile}"]}
            wanted = {"goog:chromeOptions": options, "timeouts": {"script": int(_TIMEOUT * 1000)}}
            session = ask(base, {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
            yield Browser(f"{base}/{session}")
            requests.delete(f"{base}/{session}", timeout=_TIMEOUT)
        finally:
            process.terminate()


def ask(url: str, body: object = None) -> Any:  # noqa: ANN401  # whatever the driver answers
    answer = requests.get(url, timeout=_TIMEOUT) if body is None else requests.post(url, json=body, timeout=_TIMEOUT)
    value = answer.json()["value"]
    assert answer.ok, value
    return value


def _port(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if match := re.search(r"started successfully on port (\d+)", line):
            return match[1]
    raise RuntimeError("the driver ended before it said its port")
