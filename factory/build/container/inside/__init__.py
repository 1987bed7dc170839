"""The steps of a build that run inside the container, called by cibuildwheel through ``factory/data/inside.sh``."""
