"""What a verb did, as Markdown for the page of a GitHub job: a module for each verb."""
