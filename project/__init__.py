"""What the project's own pages and releases are made with; nothing of it is part of the package."""
