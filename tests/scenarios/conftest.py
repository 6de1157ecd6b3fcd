"""`pytest tests/scenarios --rewrite` writes the transcripts anew; read the difference before you commit it."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that turns comparing into writing."""
    parser.addoption("--rewrite", action="store_true", help="write the transcripts of tests/scenarios anew")


@pytest.fixture
def rewrite(request: pytest.FixtureRequest) -> bool:
    """Whether transcripts are to be written anew. Where this file was found too late to be asked, they are not."""
    return bool(request.config.getoption("--rewrite", default=False))
