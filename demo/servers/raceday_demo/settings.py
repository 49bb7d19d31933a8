"""What a server is told: environment variables, from /etc/raceday-demo/<service>.env by systemd."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    """One server's settings; times are in seconds."""

    service: str
    listen_port: int
    warm_up_seconds: float
    database_host: str
    database_name: str
    database_user: str
    database_password: str = field(repr=False)
    redis_host: str
    redis_user: str
    redis_password: str = field(repr=False)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; a missing variable is a KeyError that names it."""
    return Settings(
        service=environment["SERVICE"],
        listen_port=int(environment["LISTEN_PORT"]),
        warm_up_seconds=float(environment["WARM_UP_SECONDS"]),
        database_host=environment["DATABASE_HOST"],
        database_name=environment["DATABASE_NAME"],
        database_user=environment["DATABASE_USER"],
        database_password=environment["DATABASE_PASSWORD"],
        redis_host=environment["REDIS_HOST"],
        redis_user=environment["REDIS_USER"],
        redis_password=environment["REDIS_PASSWORD"],
    )
