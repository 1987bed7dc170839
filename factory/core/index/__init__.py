"""The files of the index as texts: pages for installers and for people, and the list both are made from."""
