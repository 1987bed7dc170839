"""Is this machine fit to build a cell, with the factory or by hand?"""
