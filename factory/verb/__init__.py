"""The verbs: verb = module = nox session = workflow job."""
