"""What a plugin of each kind promises, as test classes that its own tests subclass."""

import pytest

# Before they are imported: so a failing assert in a contract shows its values, also where the
# fixtures, which say this too, are not in use.
pytest.register_assert_rewrite(
    f"{__name__}.behaviour",
    f"{__name__}.compressor",
    f"{__name__}.damage",
    f"{__name__}.plugin",
    f"{__name__}.reaching",
    f"{__name__}.sealed",
    f"{__name__}.sealer",
    f"{__name__}.serializer",
)
