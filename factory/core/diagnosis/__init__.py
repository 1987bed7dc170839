"""Why a build failed, read from its log: signs and causes are data, ``factory/data/diagnoses.toml``."""
