import pytest

from regard.native import library


@pytest.fixture(params=library.SETS)
def instructions(request: pytest.FixtureRequest, native_anew: pytest.MonkeyPatch) -> str:
    """Run the test with one instruction set, for each that this processor has."""
    if not library.PATH.is_file():
        pytest.skip("the native library is not built")
    native_anew.setenv("REGARD_NATIVE", request.param)
    if library.native().instructions != request.param:
        pytest.skip(f"this processor has no {request.param}")
    return str(request.param)
