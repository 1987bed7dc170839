"""GitHub's API: one client, its refusals, its pace."""
