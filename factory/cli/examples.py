"""What people type, verb by verb, for the help: words that come after the verb."""

EXAMPLES = {
    "plan": ("", "cu124 torch2.6 cp310", "--all", "--why cu130 torch2.6", "cu124 --json", "--against other.yaml"),
    "doctor": ("", "cu124 torch2.6 cp310", "--guide"),
    "kernels": ("cu124", "cu124 --shard 2/8"),
    "build": ("cu124 torch2.6 cp310 --profile smoke", "cu124 torch2.6 cp310", "cu124 torch2.6 cp310 --archs native"),
    "image": ("cu124",),
    "pool": ("export cu124 --to there", "import there/*.tar.zst", "verify"),
    "audit": ("dist/*.whl",),
    "gpu_test": ("dist/WHEEL.whl", "dist/WHEEL.whl --no-install"),
    "prove": ("cu124", "cu124 --all"),
    "reproduce": ("dist/WHEEL.whl", "--shard 2/8 cu124"),
    "diagnose": ("build.log", "- cu124 torch2.6 cp310", ""),
    "download": ("", "cu124 torch2.6 cp310", "--repository OWNER/NAME --to wheels"),
    "publish": ("dist/*.whl --dry-run", "dist/*.whl"),
    "index": ("--out site", "--mirror --out site"),
    "pin": ("",),
    "lock": ("", "--cooldown 0"),
    "update": ("--dry-run",),
}
