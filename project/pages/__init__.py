"""The documentation's pages: what the code says of itself, in Markdown, and the site that is made of it."""
