import sys
from pathlib import Path

import pytest

# What tests share; not a package that is installed.
sys.path.insert(0, str(Path(__file__).parent))

from support.done import done


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    done.clear()
