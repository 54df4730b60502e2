"""Writes offsets.txt: the offset from UTC of every zone at every hour of 2024 to 2034, as Python's zoneinfo has it.

Run it with the tzdata package of the version that the compiler has (policy::Zone::VERSION), and with nothing else:

    python3 -m venv venv && venv/bin/pip install tzdata==2026.6
    PYTHONTZPATH= venv/bin/python generate.py > offsets.txt

The first line is the version of the database. Each other line has the zones that share their offsets, and for each hour
since 2024-01-01T00:00:00Z at which the offset becomes another one, the hour and the offset in seconds.
"""

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo, available_timezones

import tzdata

HOURS = 11 * 8766
START = datetime(2024, 1, 1, tzinfo=UTC)


def changes(zone: ZoneInfo, hours: list[datetime]) -> str:
    found, last = [], None
    for hour, instant in enumerate(hours):
        offset = instant.astimezone(zone).utcoffset()
        if offset != last:
            found.append(f"{hour}={int(offset.total_seconds())}")
            last = offset
    return " ".join(found)


def main() -> None:
    hours = [START + timedelta(hours=hour) for hour in range(HOURS)]
    listed = files(tzdata).joinpath("zones").read_text().split()
    assert set(listed) <= available_timezones() | {"Factory", "localtime"}, "zoneinfo reads another database"
    zones: dict[str, list[str]] = {}
    for name in sorted(listed):
        zones.setdefault(changes(ZoneInfo(name), hours), []).append(name)
    print(tzdata.IANA_VERSION)
    for offsets, names in sorted(zones.items(), key=lambda zone: zone[1]):
        print(f"{' '.join(names)}: {offsets}")


if __name__ == "__main__":
    main()
