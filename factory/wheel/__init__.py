"""What a wheel says and holds, read from the file."""
