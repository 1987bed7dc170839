"""The index of published wheels: pages for installers and people, the wheel that fits a machine."""
