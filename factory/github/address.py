"""Where GitHub answers programs."""

API = "https://api.github.com"
