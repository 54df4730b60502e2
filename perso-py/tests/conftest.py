import sys
from pathlib import Path

import pytest

# What tests share; not a package that is installed.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
