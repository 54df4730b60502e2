import sys
from pathlib import Path

import pytest

# Makes the shared modules in `support` importable. They are not an installed package.
sys.path.insert(0, str(Path(__file__).parent))

from support.done import done


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    done.clear()
