"""What a person or a job's page is shown while it works and at its end."""
