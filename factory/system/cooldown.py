"""How long a release of somebody else's must have been public before the factory takes it.

Most that were tampered with are found and taken away by then. Seven days is also what zizmor asks of Dependabot
(https://docs.zizmor.sh/audits/#dependabot-cooldown).
"""

DAYS = 7
"""Whole days."""
