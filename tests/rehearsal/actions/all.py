"""Every action that is stood in for, by its name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.rehearsal.actions import machine, pages, storage, trust
from tests.rehearsal.steps import Action

ACTIONS: Mapping[str, Action] = {
    "actions/attest-build-provenance": trust.ATTEST,
    "actions/cache": storage.CACHE,
    "actions/cache/restore": storage.RESTORE,
    "actions/cache/save": storage.SAVE,
    "actions/checkout": machine.CHECKOUT,
    "actions/configure-pages": pages.CONFIGURE,
    "actions/deploy-pages": pages.DEPLOY,
    "actions/download-artifact": storage.DOWNLOAD,
    "actions/setup-python": machine.SETUP_PYTHON,
    "actions/upload-artifact": storage.UPLOAD,
    "actions/upload-pages-artifact": pages.UPLOAD,
}
