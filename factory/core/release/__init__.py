"""A release on GitHub: what it is to hold, what it holds, and the steps from the one to the other."""
