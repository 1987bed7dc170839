"""The machine: processes, files, disks, downloads; nothing here knows what the factory is for."""
