"""The factory on both sides of a container's wall: what goes in, what is said inside, what is left when it ends."""
