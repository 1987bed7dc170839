"""What is built, what is left of it, what it takes, and the work of the workflow's jobs."""
