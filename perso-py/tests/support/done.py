"""What tools of the tests did in this process: what is asserted, more than what was said."""

from typing import Any

done: list[Any] = []
