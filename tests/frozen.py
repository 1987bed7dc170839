"""The matrix that tests are written against: a copy that stays as it is when ``matrix.yaml`` changes.

Only tests marked ``live_matrix`` read the real one; they must hold for whatever somebody chooses there.
"""

from pathlib import Path

MATRIX = Path(__file__).parent / "data" / "matrix.yaml"
