"""The pure core: no file, process, clock or network is touched here."""
